"""The kernel takes no more instructions than it did when its rows were stored."""

from __future__ import annotations

import json
import platform
import shutil
from pathlib import Path

import pytest

from benchmarks import callgrind
from benchmarks.__main__ import main
from benchmarks.kernel import tasks
from benchmarks.kernel.instructions import compiled, compiler_version, count, per_pixel
from benchmarks.kernel.tasks import make_tasks

STORED = Path(__file__).parents[3] / "docs" / "data" / "kernel.json"
A_FEW = {"1080p whole -> 544x960", "1080p 400x400 -> 256x448", "1080p 400x400 -> 800x1333"}


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="counted for AVX2")
def test_no_more_than_were_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "FRAMES", {"1080p": tasks.FRAMES["1080p"]})
    figures = json.loads(STORED.read_text())
    rows = {f"{row['frame']} {row['window']} -> {row['size']}": row for row in figures["rows"]}
    same = figures["instructions"]["compiler"] == compiler_version()
    with compiled(figures["instructions"]["isa"]) as program:
        for task in make_tasks(0):
            if task.title in A_FEW:
                found = per_pixel(task, count(program, task))
                stored = rows[task.title]["instructions_per_pixel"]
                # Another compiler may be a little worse; one that does not unroll is far off.
                assert found <= stored * (1.02 if same else 1.35), task.title
                assert found >= stored * (0.9 if same else 0.5), f"{task.title}: renew the rows"


def test_without_valgrind_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tasks, "FRAMES", {"tiny": (480, 420)})
    monkeypatch.setattr(callgrind.shutil, "which", lambda name: None)
    assert main(["kernel", "--rounds", "1", "--instructions"]) == 3
    assert "apt-get install valgrind" in capsys.readouterr().err
