"""``python -m benchmarks kernel`` from end to end, on small frames."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.kernel import contestants, tasks
from cpp_ext import instruction_set

KEYS = ["frame", "window", "size", "device"]
OPTIONAL = ["pillow_ms", "torch_ms", "kornia_ms"]
TIMES = ["ours_ms", "opencv_ms", "blob_ms", *OPTIONAL, "copy_ms"]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "FRAMES", {"tiny": (480, 420)})
    monkeypatch.setattr(tasks, "SIZES", ((30, 40), (54, 96)))
    monkeypatch.setattr("benchmarks.kernel.timing.WARMUP", 1)


def test_rows_table_and_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, plot = tmp_path / "kernel.json", tmp_path / "plots" / "kernel.png"
    command = ["kernel", "--rounds", "2", "--threads", "1", "--seed", "5"]
    assert main([*command, "--json", str(file), "--plot", str(plot)]) == 0
    figures = json.loads(file.read_text())
    rows = figures["rows"]
    assert [tuple(row[key] for key in KEYS) for row in rows] == [
        ("tiny", "whole", "30x40", "cpu"),
        ("tiny", "whole", "54x96", "cpu"),
        ("tiny", "400x400", "30x40", "cpu"),
        ("tiny", "400x400", "54x96", "cpu"),
    ]
    for row in rows:
        assert list(row) == [*KEYS, *TIMES, "isa", "instructions_per_pixel"]
        assert all(row[name] > 0 for name in TIMES if name != "kornia_ms" or row[name] is not None)
        assert row["isa"] == instruction_set()
        assert row["instructions_per_pixel"] is None
    assert [each["scale"] for each in figures["details"]] == [30 / 420, 54 / 420, 0.075, 0.135]
    assert figures["details"][0]["blob_ratio"] == rows[0]["blob_ms"] / rows[0]["ours_ms"]
    assert set(figures["details"][0]["forms"]["torch"]) == {"uint8", "float32"}
    assert figures["frames_wh"] == {"tiny": [480, 420]}
    settings = {name: figures[name] for name in ("rounds", "warmup", "threads", "seed")}
    assert settings == {"rounds": 2, "warmup": 1, "threads": 1, "seed": 5}
    assert {"torch", "pillow", "numpy"} <= set(figures["environment"]["versions"])
    assert all(value > 0 for value in figures["roofline"].values())
    assert plot.stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert "2 rounds after 1 for warm-up (not counted)" in printed
    assert "tiny 400x400 -> 54x96  0.135" in printed
    assert printed.splitlines()[-5:] == figures["goals"]
    assert "At least 2x faster than the best antialiased other: " in printed


def test_what_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        contestants, "PACKAGES", {name: f"no_{name}" for name in contestants.PACKAGES}
    )
    file, plot = tmp_path / "kernel.json", tmp_path / "kernel.svg"
    command = ["kernel", "--rounds", "1", "--threads", "1", "--plot", str(plot)]
    assert main([*command, "--json", str(file)]) == 0
    rows = json.loads(file.read_text())["rows"]
    assert all(row[name] is None for row in rows for name in OPTIONAL)
    assert plot.exists()
    printed = capsys.readouterr().out
    assert "pillow: not installed (pip install 'piza-edge[train]')" in printed
    assert "torch: not installed" in printed
    assert "kornia: not installed (pip install 'piza-edge[benchmarks]')" in printed
    assert "Not slower than kornia-rs where the scale is 1 or above: no such row." in printed


def test_a_wrong_answer_stops_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "kernel.json"
    monkeypatch.setattr(contestants, "crop_resize", lambda *_, out, **__: out.fill(0))
    assert main(["kernel", "--rounds", "1", "--json", str(file)]) == 3
    assert "expected our picture within" in capsys.readouterr().err
    assert not file.exists()


@pytest.mark.parametrize("option", [["--rounds", "0"], ["--seed", "-1"], ["--threads", "0"]])
def test_options_out_of_range(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["kernel", *option])
    assert stopped.value.code == 2
    assert "a number of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (["--json", "/proc/no/figures.json"], "cannot write /proc/no/figures.json"),
        (["--plot", "rows.pdf"], "expected a plot in a .png or .svg file, got rows.pdf"),
    ],
)
def test_files_in_bad_places(
    option: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["kernel", *option]) == 2
    assert expected in capsys.readouterr().err


def test_no_training_stack_is_needed() -> None:
    code = (
        "import sys, benchmarks.commands.kernel, benchmarks.kernel.timing, benchmarks.kernel.plot\n"
        "print(*{name.split('.')[0] for name in sys.modules} & {'torch', 'PIL', 'matplotlib'})\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
