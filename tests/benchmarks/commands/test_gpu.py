"""``python -m benchmarks gpu`` as far as it goes without a GPU; its rows are made up here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.__main__ import main
from benchmarks.commands import gpu as command
from benchmarks.commands.gpu import MEAN, STD, Row, planes_of, torch_chain
from cpp_ext import crop_resize, cuda


def row(dtype: str = "float16", ours: float = 10.0, copy: float = 8.0, slow: float = 150.0) -> Row:
    return Row(1, dtype, 31.3, ours_us=ours, copy_us=copy, torch_us=slow)


@pytest.mark.skipif(cuda.available() and torch.cuda.is_available(), reason="it would measure")
def test_refused_without_a_gpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "gpu.md"
    assert main(["gpu", "--report", str(report)]) == 2
    said = capsys.readouterr().err
    assert any(
        text in said
        for text in ("cpp_ext was built without CUDA", "no GPU that", "torch with CUDA is needed")
    ), said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("built", "available", "said"),
    [
        (False, False, "built without CUDA: install nvcc"),
        (True, False, "no GPU that the CUDA kernel was compiled for"),
        (True, True, "torch with CUDA is needed for device arrays, found"),
    ],
)
def test_what_is_missing(
    built: bool,
    available: bool,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cuda, "built", lambda: built)
    monkeypatch.setattr(cuda, "available", lambda: available)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["gpu"]) == 2
    assert said in capsys.readouterr().err


def test_ratios_of_a_row() -> None:
    assert row().share_of_copy == pytest.approx(0.8)
    assert row().times_torch == pytest.approx(15.0)


def test_goals_look_at_the_slowest_row() -> None:
    reached = command._goals([row(), row(copy=6.0), row("float32", slow=100.0)])
    assert list(reached.values()) == [
        (True, "60% on the slowest row"),
        (True, "10.0x on the slowest row"),
    ]
    missed = command._goals([row(), row(copy=5.9), row("float32", slow=99.0)])
    assert list(missed.values()) == [
        (False, "59% on the slowest row"),
        (False, "9.9x on the slowest row"),
    ]


def test_the_goal_against_a_copy_is_one_of_float16() -> None:
    goals = command._goals([row(), row("float32", copy=1.0)])
    assert next(iter(goals.values())) == (True, "80% on the slowest row")


def test_markdown() -> None:
    checks = {"first": (True, "5 passed"), "second": (False, "1e-2"), "third": (None, "absent")}
    lines = command._markdown({"gpu": "a chip"}, checks, [row(), row("float32")]).splitlines()
    assert lines[0] == "# The CUDA kernel on this GPU"
    assert "- gpu: a chip" in lines
    assert "| first | passed | 5 passed |" in lines
    assert "| second | FAILED | 1e-2 |" in lines
    assert "| third | not made | absent |" in lines
    assert "| 1 | float16 | 31.3 | 10.0 | 8.0 | 150.0 | 3130 | 80% | 15.0 |" in lines
    table = [line for line in lines if line.startswith(("| frames", "|---|---|---|-", "| 1 "))]
    assert len({line.count("|") for line in table}) == 1
    assert len(table) == 4


@pytest.mark.parametrize(
    ("code", "output", "ok"),
    [
        (0, "========= ERROR SUMMARY: 0 errors", True),
        (0, "========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)", True),
        (0, "========= RACECHECK SUMMARY: 2 hazards displayed (0 errors, 2 warnings)", False),
        (9, "========= ERROR SUMMARY: 10 errors", False),
        (1, "========= ERROR SUMMARY: 0 errors", False),
        (0, "nothing was watched", False),
    ],
)
def test_verdict_of_the_sanitizer(code: int, output: str, ok: bool) -> None:
    found = command._verdict(code, output)
    assert found[0] is ok
    assert found[1] == (output.strip("= ") if "SUMMARY" in output else "exit code 0")


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (None, 0), (False, 1)])
def test_exit_code(
    ok: bool | None, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A check that fails shows in the exit code; one that could not be made does not."""
    fakes = {
        "_need_gpu": lambda: None,
        "_about": lambda: {"gpu": "a chip"},
        "_tests": lambda: (True, "passed"),
        "_sanitizer": lambda tool: (ok, tool),
        "_equality": dict,
        "_measure": lambda rounds: [row()],
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(command, name, fake)
    report = tmp_path / "gpu.md"
    assert main(["gpu", "--report", str(report)]) == code
    assert "compute-sanitizer racecheck" in report.read_text()
    assert report.with_suffix(".json").exists()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 4e-4), (torch.float16, 1e-3)])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 2), (3, 2)])
def test_torch_makes_what_we_make(
    rows: int, columns: int, dtype: torch.dtype, tolerance: float
) -> None:
    """The chain that the kernel is measured against, on the CPU."""
    rng = np.random.default_rng(rows)
    height, width, size, content = 54, 96, (40, 60), (34, 60)
    picture = rng.integers(0, 256, (rows * height, columns * width, 3), dtype=np.uint8)
    corners = [(x * width, y * height) for y in range(rows) for x in range(columns)]
    windows = np.array([[x, y, x + width, y + height] for x, y in corners], np.float32)
    expected = crop_resize(picture, windows, size, MEAN, STD)
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (MEAN, STD))
    out = torch.zeros((rows * columns, 3, *size), dtype=dtype)
    planes = planes_of(torch.from_numpy(picture), (height, width), torch.float32)
    assert planes.is_contiguous()
    made = torch_chain(planes, content, 1.0 / std, -mean / std, out)
    difference = np.abs(made.float().numpy() - expected).max() * max(STD) / 255.0
    assert difference < tolerance
