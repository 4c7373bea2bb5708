"""``piza train box``: every method learns, stops, goes on, and leaves what becomes an engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from sdk.frame import read_image
from train.__main__ import main
from train.commands.box import METHODS as OFFERED
from train.evaluation.asking import open_grounder
from train.families import load
from train.models.box_refiners.config import METHODS
from train.trainer import box_agent

COLOURS = {"red": (0, 0, 220), "green": (0, 200, 0), "blue": (220, 80, 0)}


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures with three squares, and ``all.json``, SOREC's layout."""
    folder = tmp_path_factory.mktemp("squares")
    rng, entries = np.random.default_rng(0), []
    for k in range(4):
        picture = rng.integers(90, 110, (60, 90, 3), np.uint8)
        for place, name in enumerate(rng.permutation(list(COLOURS))):
            x, y = 30 * place + int(rng.integers(5)), int(rng.integers(30))
            picture[y : y + 24, x : x + 24] = COLOURS[name]
            entry = {"image": f"{k}.png", "bbox": [x, y, 24, 24], "ref": f"the {name} car"}
            entries.append(entry | {"id": len(entries)})
        cv2.imwrite(str(folder / f"{k}.png"), picture)
    (folder / "all.json").write_text(json.dumps(entries))
    return folder


@pytest.fixture
def box(squares: Path, public_clip, monkeypatch) -> Iterator[Callable[..., int]]:
    """``box(out, method, *options)``: eight steps."""
    monkeypatch.setattr(box_agent, "BATCH", 4)
    monkeypatch.setattr(box_agent, "LEARN_AFTER", 2)

    def run(out: Path, method: str, *more: str) -> int:
        files = ["--annotations", str(squares / "all.json"), "--images", str(squares)]
        quick = ["--steps", "8", "--threads", "1", "--device", "cpu"]
        clip = ["--clip", str(public_clip("clip")[0])]
        return main(["box", "--method", method, *clip, *files, *quick, "-o", str(out), *more])

    yield run
    torch.set_flush_denormal(False)  # hypothesis refuses to work with it


def state(out: Path) -> dict[str, Any]:
    return torch.load(out / "state.pt", weights_only=True)


def test_every_method_is_offered() -> None:
    assert OFFERED == METHODS


@pytest.mark.parametrize("method", METHODS)
def test_it_is_trained_checked_and_asked(box, squares, method, tmp_path, capsys) -> None:
    checked = ["--val-annotations", str(squares / "all.json"), "--checks", "3"]
    assert box(tmp_path, method, *checked) == 0
    said = capsys.readouterr().out
    assert f"{method}: " in said
    assert "12 sentences about 4 photographs; from step 0 on" in said
    assert "step 8: acc50 0." in said
    for name in ("last", "best"):
        model = load(tmp_path / name)
        assert model.manifest().name == f"clip-{method}"
    with open_grounder(model) as grounder:
        answer = grounder.locate(read_image(squares / "0.png"), "the red car")
    assert answer.xyxy is not None
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert any("mean_iou" in entry for entry in entries)
    assert any("loss" in entry for entry in entries)
    assert state(tmp_path)["step"] == 8


@pytest.mark.parametrize("method", ["projection-iou", "dqn"])
def test_it_goes_on(box, method, tmp_path, capsys) -> None:
    assert box(tmp_path, method, "--stop-after", "1e-9") == 0
    before = state(tmp_path)
    assert before["step"] == 1
    capsys.readouterr()
    assert box(tmp_path, method, "--max-steps", "9") == 2
    assert "max_steps 10 (now 9)" in capsys.readouterr().err
    assert box(tmp_path, method) == 0
    told = capsys.readouterr()
    assert "from step 1 on" in told.out
    assert "looking at photographs" not in told.err  # nor is anything looked at again
    after = state(tmp_path)
    assert after["step"] == 8
    assert any(not torch.equal(after["model"][k], before["model"][k]) for k in before["model"])
    assert box(tmp_path, method) == 0  # there is nothing left to do
    assert state(tmp_path)["step"] == 8


def test_parts_are_the_whole(box, tmp_path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert box(whole, "diffusion") == 0
    assert box(parts, "diffusion", "--stop-after", "1e-9") == 0
    assert box(parts, "diffusion") == 0
    one, other = state(whole)["average"], state(parts)["average"]
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_training_ends_by_the_clock(box, tmp_path, capsys) -> None:
    for method in ("projection", "dqn"):
        assert box(tmp_path / method, method, "--minutes", "1e-6") == 0
        assert "after 1 steps" in capsys.readouterr().out


def test_a_damaged_state(box, tmp_path, capsys) -> None:
    assert box(tmp_path, "dqn", "--stop-after", "1e-9") == 0
    (tmp_path / "state.pt").write_bytes(b"half of it")
    assert box(tmp_path, "dqn") == 3
    assert "it is damaged, or of another model" in capsys.readouterr().err


def test_what_cannot_be_trained_is_said_at_once(box, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    assert box(out, "dqn", "--clip", str(tmp_path / "none")) == 3
    assert "a folder in transformers' format or a hub id" in capsys.readouterr().err
    assert box(out, "dqn", "--images", str(tmp_path)) == 2
    assert "none that can be used" in capsys.readouterr().err
    assert not (out / "state.pt").exists()
