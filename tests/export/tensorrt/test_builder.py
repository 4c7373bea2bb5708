"""The builder's process: it can crash, and be ended at any moment."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import onnx
import psutil
import pytest
from onnx import helper, parser

from export.tensorrt import builder
from export.tensorrt.builder import BuilderCrashError, Order, build_plan
from export.tensorrt.options import PlanOptions
from export.tensorrt.plans import build_plans
from sdk.engine.folder import BUNDLED, read_manifest
from sdk.errors import MissingRuntimeError
from sdk.exits import exit_code
from sdk.runtime.tensorrt import RTX

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def crashing(tmp_path: Path) -> Path:
    """Self-attention of one tensor, which ends the builder of 1.7.1 with a signal."""
    text = "g (float16[1,2,5,8] x) => (float16[1,2,5,8] y) { [n] y = Attention(x, x, x) }"
    model = helper.make_model(
        parser.parse_graph(text), opset_imports=[helper.make_opsetid("", 23)], ir_version=10
    )
    onnx.save(model, tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


@pytest.mark.usefixtures("builds")
def test_a_crash_is_an_error_with_its_last_words(crashing: Path, tmp_path: Path, capfd) -> None:
    said = r"crashed on net\.onnx \(signal SIGSEGV\); its last words: '.*engine build\.'"
    with pytest.raises(BuilderCrashError, match=said):
        build_plan(Order(RTX, str(crashing), str(tmp_path / "net.plan"), ("SM89",)))
    code = exit_code(lambda: build_plans(RTX, {"net": crashing}, tmp_path, PlanOptions()) and 0)
    assert code == 3
    error = capfd.readouterr().err
    assert "error: TensorRT's builder crashed on net.onnx" in error
    assert "Traceback" not in error
    assert {path.name for path in tmp_path.iterdir()} == {"net.onnx"}


def test_without_the_package(crashing: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "tensorrt_rtx.py").write_text("raise ImportError('no libraries')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MissingRuntimeError, match=r"cannot be imported \(no libraries\): pip inst"):
        build_plan(Order(RTX, str(crashing), None, ("SM89",)))


def test_what_others_print_is_no_message(crashing: Path, tmp_path: Path, monkeypatch) -> None:
    """Libraries write to standard output too; what ends without an answer has crashed."""
    (tmp_path / "tensorrt_rtx.py").write_text("print('[1]\\nCUDA says hello', flush=True); exit(7)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(BuilderCrashError, match=r"\(exit code 7\); its last words: .*says hello"):
        build_plan(Order(RTX, str(crashing), None, ("SM89",)))


@pytest.mark.usefixtures("builds")
def test_an_exception_ends_the_builder(piza_tiny, monkeypatch) -> None:
    """Whatever interrupts the one who waits."""
    seen: list[psutil.Process] = []

    def interrupted(line: str) -> dict[str, object]:
        seen.extend(psutil.Process().children())
        raise KeyboardInterrupt

    monkeypatch.setattr(builder, "_message", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build_plan(Order(RTX, str(piza_tiny("fp32")["ground"]), None, ("SM89",)))
    assert seen
    assert not any(process.is_running() for process in seen)


# A build of an engine over an old one, as ``piza build-engine`` does it, but for the certificate:
# piza-tiny's ground network takes the builder longest.
BUILD = """
import shutil, sys
from pathlib import Path
from export.atomic_folder import place_networks
from export.backends import retarget
from export.stopping import stoppable
from export.tensorrt.options import PlanOptions
from sdk.engine.folder import BUNDLED
from sdk.exits import exit_code

def make(partial):
    shutil.copytree(BUNDLED / "engine", partial)
    return retarget(partial, "tensorrt-rtx", PlanOptions())

@stoppable()
def build():
    print("begun", flush=True)
    place_networks(Path(sys.argv[1]), make)
    return 0

sys.exit(exit_code(build))
"""


def begin(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", BUILD, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def builders(folder: Path) -> Iterator[psutil.Process]:
    """Processes that build from files in a folder."""
    for process in psutil.process_iter(["cmdline"]):
        if is_builder(words := process.info["cmdline"] or []) and str(folder) in words[-1]:
            yield process


def is_builder(words: list[str]) -> bool:
    return "export.tensorrt.one_plan" in words


def first_builder(process: subprocess.Popen[str]) -> psutil.Process | None:
    """The first builder that a build starts; None when it has ended without one."""
    while process.poll() is None:
        for child in psutil.Process(process.pid).children():
            with suppress(psutil.Error):  # it has just ended
                if is_builder(child.cmdline()):
                    return child
        time.sleep(0.01)
    return None


def none_is_left(folder: Path) -> bool:
    """Whether every builder ends. One that was only just started may take a moment to."""
    until = time.monotonic() + 60
    while list(builders(folder)) and time.monotonic() < until:
        time.sleep(0.05)
    return not list(builders(folder))


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.usefixtures("builds")
def test_ended_at_ten_moments_it_leaves_nothing(tmp_path: Path) -> None:
    """No file, no process, and the old engine where there was one."""
    old = Path(shutil.copytree(BUNDLED / "engine", tmp_path / "old.engine"))
    before, moments = content(old), random.Random(7)
    ended = 0
    for number in range(10):
        folder = old if number % 2 else tmp_path / "new.engine"
        process = begin(folder)
        if number >= 4:  # a network is being built; before, wherever the machine is
            first_builder(process)
        time.sleep(moments.uniform(0.0, 0.3) * (number % 4))
        building = list(builders(tmp_path))
        process.send_signal((signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[number % 3])
        code = process.wait(timeout=60)
        if code == 0:  # it was quicker: then it is whole
            assert read_manifest(folder).backend == RTX
            shutil.rmtree(folder)
            if folder == old:
                shutil.copytree(BUNDLED / "engine", old)
            continue
        ended += bool(building)
        assert code in (130, 143, 129)
        assert none_is_left(tmp_path)
        assert content(tmp_path) == {f"old.engine/{name}": data for name, data in before.items()}
    assert ended > 2  # while a builder was at work


@pytest.mark.usefixtures("builds")
def test_a_builder_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """Killed outright, a build leaves its folder, which the next one clears (see
    test_atomic_folder.py); the engine that was there was never gone."""
    folder = Path(shutil.copytree(BUNDLED / "engine", tmp_path / "old.engine"))
    before = content(folder)
    process = begin(folder)
    building = first_builder(process)
    assert building is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    building.wait(timeout=60)
    assert content(folder) == before
