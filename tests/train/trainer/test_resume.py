"""Runs that are killed or interrupted at any moment, and go on as if nothing had happened.

The runs are forked from this process, which saves them its imports; they are killed for real.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from train.__main__ import main
from train.checkpoint import WEIGHTS, save_checkpoint

STEPS = 24
KILLS = 3


@pytest.fixture(scope="module")
def arguments(make_model, make_config, tokenizer_file, tmp_path_factory) -> list[str]:
    """Of a run of 24 steps on four photographs, with everything that a run may have."""
    folder = tmp_path_factory.mktemp("run")
    save_checkpoint(folder / "base", make_model(make_config(method="zero-shot")), tokenizer_file)
    rng = np.random.default_rng(0)
    entries = []
    for k in range(4):
        cv2.imwrite(str(folder / f"{k}.png"), rng.integers(0, 255, (120, 160, 3), np.uint8))
        box = [*rng.integers(5, 90, 2).tolist(), 12, 15]
        entries.append({"image": f"{k}.png", "bbox": box, "ref": "the red car", "id": k})
    file = str(folder / "all.json")
    Path(file).write_text(json.dumps(entries))
    files = ["--annotations", file, "--images", str(folder), "--val-annotations", file]
    settings = f"--epochs {STEPS // 2} --batch 2 --lr 1e-3 --average 0.9 --checks 1"
    settings += " --check-every 5 --save-every 2 --threads 1 --device cpu"
    return ["tune", "piza-adapter+", "--base", str(folder / "base"), *files, *settings.split()]


@pytest.fixture
def start(arguments: list[str]) -> Callable[..., ForkProcess]:
    """``start(out, *options)``: a run of its own, in a group of processes of its own."""

    def begin(out: Path, *options: str) -> ForkProcess:
        def work() -> None:
            os.setsid()
            os._exit(main([*arguments, *options, "-o", str(out)]))

        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        return process

    return begin


def finish(process: ForkProcess) -> int | None:
    process.join(120)
    if process.exitcode is None:
        process.kill()
        process.join()
    return process.exitcode


def wait_for(there: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not there() and time.monotonic() < give_up:
        time.sleep(0.005)


def state(out: Path) -> dict[str, Any]:
    return torch.load(out / "state.pt", weights_only=True)


def log(out: Path) -> list[dict[str, float]]:
    """All that was logged, but for how long it took."""
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in e.items() if name != "minutes"} for e in entries]


def assert_same_run(out: Path, whole: Path) -> None:
    """The same to the bit: weights, average, optimiser, what was logged, the best checkpoint."""
    found, expected = state(out), state(whole)
    for part in ("model", "average", "extra"):
        for name, tensor in expected[part].items():
            assert torch.equal(found[part][name], tensor), (part, name)
    for number, values in expected["optimiser"]["state"].items():
        for name, tensor in values.items():
            assert torch.equal(found["optimiser"]["state"][number][name], tensor), (number, name)
    assert found["step"] == expected["step"] == STEPS
    # means are over the steps since the last log entry or the last state
    checks = [[e for e in log(folder) if "macc" in e] for folder in (out, whole)]
    assert checks[0] == checks[1]
    assert [e["step"] for e in checks[0]] == [5, 10, 15, 20, 24]
    for folder in ("last", "best"):
        weights = [(run / folder / WEIGHTS).read_bytes() for run in (out, whole)]
        assert weights[0] == weights[1]


def started(out: Path) -> int:
    """When the training of a run began last; 0 if it never did."""
    log = out / "log.jsonl"  # written anew before the first step
    return log.stat().st_ino if log.is_file() else 0


@pytest.fixture(scope="module")
def uninterrupted(arguments: list[str], tmp_path_factory) -> tuple[Path, float]:
    """A run that nothing happens to, and the seconds that its steps take."""
    out = tmp_path_factory.mktemp("whole")
    work = lambda: os._exit(main([*arguments, "--workers", "0", "-o", str(out)]))  # noqa: E731
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    wait_for(lambda: started(out) != 0)
    began = time.monotonic()
    assert finish(process) == 0
    return out, time.monotonic() - began


def test_a_run_killed_at_random_moments_ends_the_same(start, uninterrupted, tmp_path) -> None:
    whole, seconds = uninterrupted
    out = tmp_path / "out"
    seed = random.SystemRandom().randrange(1_000_000)
    draw = random.Random(seed)
    reached = []
    for _ in range(KILLS):
        before = started(out)
        process = start(out, "--workers", "0")
        wait_for(lambda before=before: started(out) != before)
        time.sleep(draw.uniform(0, 0.5) * seconds)
        process.kill()
        process.join()
        assert process.exitcode in (-signal.SIGKILL, 0)
        reached.append(state(out)["step"] if (out / "state.pt").is_file() else 0)
    print(f"seed {seed}: killed with states of steps {reached}")
    assert reached == sorted(reached)
    assert finish(start(out, "--workers", "0")) == 0
    assert_same_run(out, whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_saves_what_it_has(start, uninterrupted, tmp_path, number: int) -> None:
    """Terminals and launchers tell every process of a group: also those that load data."""
    whole, _ = uninterrupted
    out = tmp_path / "out"
    process = start(out, "--workers", "1")
    wait_for((out / "state.pt").is_file)
    os.killpg(process.pid, number)
    code, step = finish(process), state(out)["step"]
    assert code == (130 if step < STEPS else 0)
    assert finish(start(out, "--resume", "--workers", "0")) == 0
    assert_same_run(out, whole)
