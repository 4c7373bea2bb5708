"""What more of everything costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.commands import scaling
from benchmarks.commands.scaling import Setting, measure, thread_counts
from sdk.engine.folder import read_manifest


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "REFS", (1, 3, 40))
    monkeypatch.setattr(scaling, "FRAMES_WH", {"small": (320, 180), "tall": (180, 320)})


def test_command(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, plot = tmp_path / "scaling.json", tmp_path / "plots" / "scaling.svg"
    command = ["scaling", "--questions", "2", "--rounds", "1", "--engine", str(engine)]
    assert main([*command, "--json", str(file), "--plot", str(plot)]) == 0
    figures = json.loads(file.read_text())
    by_axis: dict[str, list[dict]] = {}
    for row in figures["rows"]:
        by_axis.setdefault(row["axis"], []).append(row)
    assert list(by_axis) == ["refs", "frame", "threads", "batch", "steps"]
    assert [row["at"] for row in by_axis["refs"]] == [1, 3, 40]
    assert [row["at"] for row in by_axis["batch"]] == [1, 2, 4, 8, 16]
    assert [row["label"] for row in by_axis["frame"]] == ["small", "tall"]
    assert [row["steps"] for row in by_axis["steps"]] == [1, 2, 3, 4, 5]  # the engine itself: 2
    for rows in by_axis.values():
        assert rows[0]["relative"] == 1.0
        assert all(0 < row["p10_ms"] <= row["p50_ms"] <= row["p90_ms"] for row in rows)
    assert "still@" in figures["engine"]
    assert "</svg>" in plot.read_text()
    assert "zoom steps" in capsys.readouterr().out
    assert read_manifest(engine).block["max_steps"] == 2


def test_one_axis(engine: Path, tmp_path: Path) -> None:
    plot = tmp_path / "a.png"
    command = ["scaling", "--axis", "frame", "--questions", "1", "--rounds", "1"]
    assert main([*command, "--engine", str(engine), "--plot", str(plot)]) == 0
    assert plot.stat().st_size > 5000


def test_settings_take_turns_and_the_first_round_does_not_count() -> None:
    asked: list[tuple[str, int]] = []

    def setting(label: str) -> Setting:
        return Setting(len(label), label, lambda k: asked.append((label, k)) or 2.0)

    rows = measure("refs", [setting("a"), setting("bb")], questions=3, rounds=4)
    assert len(asked) == 2 * 3 * 5
    for k in range(0, len(asked), 2):
        assert {label for label, _ in asked[k : k + 2]} == {"a", "bb"}
        assert asked[k][1] == asked[k + 1][1]
    assert {asked[k][0] for k in range(0, len(asked), 2)} == {"a", "bb"}  # not always the first
    assert [(row["at"], row["label"], row["n"], row["steps"]) for row in rows] == [
        *((1, "a", 12, 2.0), (2, "bb", 12, 2.0))
    ]


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])]
)
def test_threads(cores: int, counts: list[int]) -> None:
    assert thread_counts(cores) == counts


def test_an_engine_of_other_steps_says_that_it_is_unproven(engine: Path) -> None:
    with scaling.with_steps(engine, [4], threads=1) as grounders:
        manifest = grounders[4].manifest
    assert (manifest.block["max_steps"], manifest.proven) == (4, False)


def test_frames_with_more_expressions_than_a_scene_has() -> None:
    (_, refs), (_, others) = scaling.frames_with(64, 2, 960000)
    assert len(set(refs)) == len(set(others)) == 64


@pytest.mark.parametrize("option", [["--axis", "colour"], ["--rounds", "0"]])
def test_bad_options(option: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["scaling", *option])
    assert stopped.value.code == 2


def test_a_plot_of_an_unknown_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scaling", "--plot", str(tmp_path / "a.gif")]) == 2
    assert "expected a plot in a .png or .svg file" in capsys.readouterr().err
