"""What answers say of scores, thresholds and rivals."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.asking import Call
from benchmarks.commands.calibration import ask, figures, lines
from benchmarks.plots.calibration_plot import calibration_plot
from evaluation.questions import Question

TARGET = (100.0, 100.0, 140.0, 130.0)


def made(count: int = 400) -> list[Call]:
    """Right as often as the score says; half of the wrong ones are absent; from 0.5 on found."""
    rng = np.random.default_rng(0)
    rows = []
    for k in range(count):
        score = (k + 0.5) / count
        right = bool(rng.random() < score)
        absent = not right and k % 2 == 0
        rows.append(
            Call(
                score=score,
                last_score=score**2,
                found=score >= 0.5,
                iou=float(right),
                absent=absent,
                rival=not right,
            )
        )
    return rows


ROWS = made()


def test_questions_are_asked_one_by_one(answer) -> None:
    frame = np.zeros((4, 4, 3), np.uint8)
    asked = [Question(frame, "the car", TARGET), Question(frame, "the bus", None)]
    rows = ask(lambda frame, ref: answer(ref, [TARGET]), asked)
    assert [(row.right, row.absent) for row in rows] == [(True, False), (False, True)]


def test_figures() -> None:
    measured = figures(ROWS, {"threshold": 0.5, "risk": {"stated": 0.3, "guard": "absent"}})
    absent = [row for row in ROWS if row.absent]
    found = [row for row in ROWS if row.found]
    assert (measured["n"], measured["absent"]) == (400, len(absent))
    assert measured["ece"] < 2 * measured["chance_ece"] < 0.15
    assert measured["auc"] == measured["auc_last_step"] > 0.7
    counts = measured["found"]
    assert counts["all"]["share"] == 0.5
    assert counts["absent"]["share"] == pytest.approx(np.mean([row.found for row in absent]))
    wrong = np.mean([not row.right for row in found])
    assert counts["wrong_among_found"]["share"] == pytest.approx(wrong)
    assert counts["wrong_of_all"]["share"] == pytest.approx(wrong / 2)
    assert all(c["low"] <= c["share"] <= c["high"] for c in counts.values())
    rivals = measured["rivals"]
    assert [rivals[k]["share"] for k in ("right", "wrong", "absent")] == [0, 1, 1]
    coverage = measured["risk_coverage"]["coverage"]
    assert len(coverage) == 200
    assert (coverage[0], coverage[-1]) == (1 / 400, 1)


@pytest.mark.parametrize(
    ("guard", "stated", "holds"),
    [("absent", 0.3, True), ("absent", 0.05, False), ("wrong", 0.2, True), ("wrong", 0.05, False)],
)
def test_promises_are_held_against_what_was_measured(guard, stated, holds, capsys) -> None:
    measured = figures(ROWS, {"threshold": 0.5, "risk": {"stated": stated, "guard": guard}})
    risk = measured["risk"]
    assert risk["holds"] is holds
    assert risk["low"] <= risk["measured"] <= risk["high"]
    [said] = [line for line in lines(measured) if line.startswith("stated risk")]
    assert ("DOES NOT HOLD" in said) is not holds


def test_an_engine_that_promises_nothing() -> None:
    measured = figures(ROWS[:1], {"threshold": 0.5})
    assert measured["risk"] is None
    text = "\n".join(lines(measured))
    assert "states no risk" in text
    assert math.isnan(measured["auc"])


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], ROWS[-3:]])
def test_plots(rows, tmp_path: Path) -> None:
    measured = figures(rows, {"threshold": 0.5})
    calibration_plot(rows, measured, tmp_path / "new" / "plot.png")
    assert (tmp_path / "new" / "plot.png").read_bytes().startswith(b"\x89PNG")
    json.dumps(measured)
