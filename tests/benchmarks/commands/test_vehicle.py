"""The benchmarks of what a vehicle needs: several expressions, beams, deadlines."""

from __future__ import annotations

import json
import multiprocessing

import pytest

from benchmarks.__main__ import main
from benchmarks.asking import Call
from benchmarks.commands import beam, deadline, refs


def test_refs(engine, tmp_path, capsys):
    file = tmp_path / "refs.json"
    command = ["refs", "--scenes", "2", "--rounds", "2", "--engine", str(engine)]
    assert main([*command, "--json", str(file)]) == 0
    rows = json.loads(file.read_text())["rows"]
    assert [row["refs"] for row in rows] == [1, 2, 4, 8]
    assert all(row["one_run_a_window"] for row in rows)
    assert [row["image_runs"] for row in rows] == [2.0] * 4  # this engine always looks there
    assert all(row["same"] == 1.0 for row in rows)
    assert "together ms" in capsys.readouterr().out


def test_frames_have_as_many_expressions_as_are_asked():
    for frame, asked in refs.frames_with(5, 2, 700000):
        assert frame.shape == (1080, 1920, 3)
        assert len(asked) == len(set(asked)) == 5


def test_beam(engine, tmp_path, capsys):
    file = tmp_path / "beam.json"
    command = ["beam", "--scenes", "2", "--engine", str(engine), "--json", str(file)]
    assert main(command) == 0
    rows = json.loads(file.read_text())["rows"]
    assert [row["beam"] for row in rows] == [1, 2, 3, 4]
    assert rows[0]["ratio"] == 1.0
    assert rows[0]["gained"] == rows[0]["lost"] == 0
    assert "absent found" in capsys.readouterr().out


def test_what_a_beam_gains_and_loses():
    def answers(*ious):
        return [(Call(wall_ms=10.0, iou=iou, found=True), Call(absent=True)) for iou in ious]

    row = beam.summarise(2, answers(0.9, 0.0, 0.7), answers(0.0, 0.6, 0.6))
    assert (row["gained"], row["lost"]) == (1, 1)
    assert row["acc50"] == pytest.approx(2 / 3)


def test_deadline(engine, tmp_path, capsys):
    file, plot = tmp_path / "deadline.json", tmp_path / "deadline.png"
    command = ["deadline", "--scenes", "3", "--engine", str(engine), "--json", str(file)]
    assert main([*command, "--plot", str(plot)]) == 0
    figures = json.loads(file.read_text())
    assert [row["n"] for row in figures["rows"]] == [3] * 7
    assert figures["normal_ms"] > 0
    assert plot.stat().st_size > 5000
    assert "other processes: 0" in capsys.readouterr().out


def test_a_plot_of_an_unknown_kind(engine, tmp_path, capsys):
    command = ["deadline", "--engine", str(engine), "--plot", str(tmp_path / "plot.bmp")]
    assert main(command) == 2
    assert "expected a plot in a .png or .svg file" in capsys.readouterr().err


def test_what_a_deadline_costs():
    calls = [
        Call(wall_ms=9.0, iou=0.9, place=True),
        Call(wall_ms=10.9, place=True, complete=False),
        Call(wall_ms=12.0, complete=False),
    ]
    row = deadline.summarise(10.0, calls)
    assert row["kept"] == pytest.approx(2 / 3)
    assert row["acc50"] == pytest.approx(1 / 3)
    assert row["place"] == pytest.approx(2 / 3)
    assert row["complete"] == pytest.approx(1 / 3)


def test_other_processes_end_with_the_measurement():
    with deadline.load(1):
        (busy,) = multiprocessing.active_children()
        assert busy.is_alive()
    assert not busy.is_alive()
