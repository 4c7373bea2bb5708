"""Means over seeds, gains of the same shots, and the goals that follow."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.commands.fewshot import fewshot_plot, section
from benchmarks.fewshot.making import Lesson
from benchmarks.fewshot.table import BOTH, FINE_TUNING, METHODS, gain, mean, rows_of, shots
from benchmarks.report.section import printed

NOVEL = {
    FINE_TUNING: (0.10, 0.20, 0.30),
    "bnrl": (0.12, 0.22, 0.32),
    "cm-clip": (0.10, 0.20, 0.30),
    BOTH: (0.16, 0.24, 0.35),
}


@pytest.fixture
def rows() -> list[dict]:
    return [
        {"k": k, "seed": seed, "method": method, "novel_ap": value, "novel_ap50": 2 * value}
        | {"base_ap": 0.5 - (0.02 if method == BOTH and k == 30 else 0)}
        for k in (30, 10)
        for method, values in NOVEL.items()
        for seed, value in enumerate(values)
    ]


def figures(rows: list[dict]) -> dict:
    return {
        "rows": rows,
        "novel": ["bus", "cone"],
        "base": {"base_ap": 0.6},
        "clip": {"n": 9, "right": 2 / 3},
        "agreement": {"frames": 200, "same": 0.98, "objects": 900},
    }


def test_a_fine_tuning_is_two_rows() -> None:
    own = {"novel_ap": 0.1, "novel_ap50": 0.2, "base_ap": 0.5}
    scores = own | {f"clip_{name}": value + 0.1 for name, value in own.items()}
    made = rows_of(Lesson(3, 1, "bnrl"), scores)
    assert made[0] == {"k": 3, "seed": 1, "method": "bnrl", **own}
    assert made[1]["method"] == BOTH
    assert made[1]["novel_ap"] == pytest.approx(0.2)
    plain = rows_of(Lesson(3, 1, "cross-entropy"), scores)
    assert [row["method"] for row in plain] == [FINE_TUNING, "cm-clip"]


def test_means_and_gains_by_hand(rows) -> None:
    assert shots(rows) == [10, 30]
    value, error = mean(rows, 10, FINE_TUNING, "novel_ap")
    assert (value, error) == pytest.approx((0.2, 0.1 / math.sqrt(3)))
    more, error = gain(rows, 10, BOTH, FINE_TUNING, "novel_ap")
    differences = np.array([0.06, 0.04, 0.05])
    assert more == pytest.approx(differences.mean())
    assert error == pytest.approx(differences.std(ddof=1) / math.sqrt(3))  # of the same shots
    assert math.isnan(mean(rows[:4], 30, FINE_TUNING, "novel_ap")[1]) is False
    assert math.isnan(mean(rows[:1], 30, FINE_TUNING, "novel_ap")[1])  # a seed has no error


def test_the_section_says_what_holds(rows) -> None:
    made = section(figures(rows))
    assert "20.0 ± 5.8" in printed(made)
    assert "+5.0 ± 0.6" in printed(made)
    assert [goal.holds for goal in made.goals] == [True, True, True, False, False]
    assert len(made.tables[0].header) == 1 + len(METHODS)
    few = section(figures([row for row in rows if row["seed"] == 0]))
    assert [goal.holds for goal in few.goals][::2][:2] == [None, None]  # one seed has no error


def test_the_plot(rows, tmp_path: Path) -> None:
    fewshot_plot(rows, tmp_path / "fewshot.svg")
    assert ">+ BNRL<" in (tmp_path / "fewshot.svg").read_text()
