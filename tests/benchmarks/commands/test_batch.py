"""``python -m benchmarks batch``: whole in small."""

from __future__ import annotations

import json

import pytest

from benchmarks.__main__ import main
from benchmarks.commands import batch
from benchmarks.fleet import costs


def test_a_small_run(engine, tmp_path, capsys, monkeypatch):
    """With kills, damaged files and files of one frame; Ray is not asked."""
    monkeypatch.setattr(costs, "_READ_FRAMES", 8)
    monkeypatch.setattr(costs, "_ASKED_FRAMES", 1)
    monkeypatch.setattr(costs, "REFS", (1, 2))
    monkeypatch.setattr(costs, "PARTS", (10,))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    file = tmp_path / "figures.json"
    sizes = ("--frames", "31", "--films", "2", "--frames-per-part", "2", "--kills", "1")
    sizes = (*sizes, "--max-steps", "1")
    command = ["batch", "--engine", str(engine), *sizes, "--files", "12", "--json", str(file)]
    assert main(command) == 0
    figures = json.loads(file.read_text())
    loop, one = figures["rows"]
    assert (loop["by"], loop["rows"], one["rows"], one["errors"]) == (batch.LOOP, 31, 34, 3)
    (killed,) = figures["killed"]
    assert len(killed["parts_at_kill"]) <= 1  # a quick machine may have ended before
    for row in (one, killed):
        assert row["same"]
        assert (row["lost"], row["twice"]) == (0, 0)
    (files,) = figures["files"]
    assert files["files"] == 12
    assert 0 < files["seconds"] < files["wall_s"]
    assert files["again_s"] > 0
    assert [row["refs"] for row in figures["asking"]] == [1, 2]
    assert figures["max_steps"] == 1
    assert figures["writing"]["frames"] == 31
    assert [row["frame"] for row in figures["reading"]] == list(costs.READ_WH)
    assert batch.overhead(figures, "seconds") is None
    assert "Ray did not run" in capsys.readouterr().out


def test_overhead_is_of_the_rounds():
    seconds = {(batch.LOCAL, 0): 10.0, (batch.LOCAL, 1): 20.0}
    seconds |= {("Ray, 1 actor", 0): 10.5, ("Ray, 1 actor", 1): 22.0, ("Ray, 2 actors", 0): 6.0}
    rows = [{"by": by, "round": n, "seconds": each} for (by, n), each in seconds.items()]
    assert batch.overhead({"rows": rows}, "seconds") == pytest.approx(0.075)
    unseen = [{**row, "cpu_ms": None} for row in rows]
    assert batch.overhead({"rows": unseen}, "cpu_ms") is None
