"""``python -m benchmarks batch``: whole in small, and what it says of a batch that went wrong."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.__main__ import main
from benchmarks.commands import batch
from benchmarks.logs import FILM_WH, frames
from benchmarks.options import BenchmarkError
from evaluation.seeds import TIMES
from sdk.fleet.rows import error_row, table


def test_a_small_run(engine, tmp_path, capsys, monkeypatch):
    """With kills, damaged files and files of one frame; Ray is not asked."""
    monkeypatch.setattr(batch, "_READ_FRAMES", 8)
    monkeypatch.setattr(batch, "_ASKED_FRAMES", 1)
    monkeypatch.setattr(batch, "REFS", (1, 2))
    monkeypatch.setattr(batch, "PARTS", (10,))
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
    assert [row["frame"] for row in figures["reading"]] == list(batch.READ_WH)
    assert batch.overhead(figures, "seconds") is None
    assert "Ray did not run" in capsys.readouterr().out


def test_frames_differ():
    seen = list(frames(3, TIMES.first))
    assert all(each.shape == (FILM_WH[1], FILM_WH[0], 3) for each in seen)
    assert len({each.tobytes() for each in seen}) == 3


@pytest.fixture
def answers():
    """``answers(*frames, score=0.5)``: rows of one film."""

    def make(*numbers, score=0.5):
        return table(
            {"source": "a.mp4", "frame": number, "ref": batch.REF, "score": score}
            for number in numbers
        )

    return make


def test_what_went_wrong_is_told(answers, tmp_path):
    bad = table([error_row("b.mp4", None, None, "damaged")])

    def held(*parts):
        out = tmp_path / str(len(list(tmp_path.iterdir())))
        out.mkdir()
        for number, each in enumerate(parts):
            pq.write_table(each, out / f"part-{number}.parquet")
        return batch.held(out, answers(0, 1, 2))

    whole = {"rows": 4, "errors": 1, "lost": 0, "twice": 0, "same": True}
    assert held(answers(2), bad, answers(0, 1)) == whole
    assert held(bad, answers(0, 2)) == {**whole, "rows": 3, "lost": 1, "same": False}
    assert held(answers(0, 1), answers(1, 2), bad) == {
        **whole,
        "rows": 5,
        "twice": 1,
        "same": False,
    }
    changed = pa.concat_tables([answers(0, 1), answers(2, score=0.5 + 2**-50)])
    assert held(changed, bad) == {**whole, "same": False}


def test_overhead_is_of_the_rounds():
    seconds = {(batch.LOCAL, 0): 10.0, (batch.LOCAL, 1): 20.0}
    seconds |= {("Ray, 1 actor", 0): 10.5, ("Ray, 1 actor", 1): 22.0, ("Ray, 2 actors", 0): 6.0}
    rows = [{"by": by, "round": n, "seconds": each} for (by, n), each in seconds.items()]
    assert batch.overhead({"rows": rows}, "seconds") == pytest.approx(0.075)
    unseen = [{**row, "cpu_ms": None} for row in rows]
    assert batch.overhead({"rows": unseen}, "cpu_ms") is None


def test_a_run_that_fails_ends_it(engine, tmp_path):
    source = tmp_path / "none"
    source.mkdir()
    failing = batch.Batch(source, engine, (), tmp_path)
    with pytest.raises(BenchmarkError, match="found none"):
        failing.run(tmp_path / "out", None)
