"""What is said of a batch that went wrong."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.fleet import runs
from benchmarks.options import BenchmarkError
from sdk.fleet.rows import error_row, table


@pytest.fixture
def answers():
    """``answers(*frames, score=0.5)``: rows of one film."""

    def make(*numbers, score=0.5):
        return table(
            {"source": "a.mp4", "frame": number, "ref": runs.REF, "score": score}
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
        return runs.held(out, answers(0, 1, 2))

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


def test_a_run_that_fails_ends_it(engine, tmp_path):
    source = tmp_path / "none"
    source.mkdir()
    failing = runs.Batch(source, engine, (), tmp_path)
    with pytest.raises(BenchmarkError, match="found none"):
        failing.run(tmp_path / "out", None)
