"""Answers held against true boxes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from evaluation.scoring import NO_RELATION, as_records, judge, judged, summarise
from evaluation.tables import accuracy_lines
from sdk.results.grounding import Zoom

TARGET = (100.0, 100.0, 130.0, 140.0)
AROUND = (50.0, 50.0, 200.0, 200.0)


@dataclass(frozen=True)
class Said:
    found: bool
    score: float
    xyxy: np.ndarray | None
    zooms: tuple[Zoom, ...]


def answer(boxes: Sequence[Sequence[float]], found: bool = True, score: float = 0.75) -> Said:
    """A search whose steps chose these boxes."""
    rows = [np.array(box, np.float32) for box in boxes]
    one = np.ones(1, np.float32)
    zooms = tuple(Zoom(row, row, score, row[None], one, 0.0, 0.5) for row in rows)
    return Said(found, score, rows[-1] if rows else None, zooms)


def test_judges_an_answer() -> None:
    outcome = judge(answer([AROUND, (100, 100, 130, 120)]), TARGET)
    assert (outcome.iou, outcome.steps, outcome.first_window) == (0.5, 2, True)
    assert outcome.found
    assert outcome.score == 0.75


def test_a_box_counts_whether_found_or_not() -> None:
    outcome = judge(answer([TARGET], found=False), TARGET)
    assert outcome.iou == 1.0
    assert not outcome.found


def test_the_first_window_must_hold_the_whole_target() -> None:
    assert judge(answer([(100.9, 99, 200, 200)]), TARGET).first_window  # within a pixel
    assert not judge(answer([(101.1, 99, 200, 200)]), TARGET).first_window


def test_no_answer() -> None:
    outcome = judge(answer([], found=False), TARGET)
    assert (outcome.iou, outcome.steps, outcome.first_window) == (0.0, 0, False)


RIGHT, WRONG = answer([AROUND, TARGET]), answer([(0, 0, 9, 9)])
MISSED, NOTHING = answer([(0, 0, 9, 9)], found=False, score=0.1), answer([], False, 0.0)
LARGE = (0.0, 0.0, 100.0, 100.0)
ROWS = [
    judged("the car near the van", TARGET, True, RIGHT, WRONG, NOTHING),
    judged("the car left of and near the van", TARGET, True, WRONG, MISSED, MISSED),
    judged("the red car", LARGE, False, MISSED, None, None),
    judged("the blue car", TARGET, False, NOTHING, None, WRONG),
]


def test_figures() -> None:
    figures = summarise(ROWS)
    zoom = figures["zoom"]
    assert (zoom["acc50"], zoom["acc75"], zoom["macc"], zoom["n"]) == (0.25, 0.25, 0.25, 4)
    assert zoom["mean_iou"] == pytest.approx(0.252, abs=1e-3)  # a wrong box has a little
    assert (zoom["found"], zoom["confident_wrong"], zoom["steps"]) == (0.5, 0.25, 1.0)
    assert (zoom["recall_at_threshold"], zoom["false_alarms"]) == (0.25, pytest.approx(1 / 3))
    relation, attribute = figures["relation"], figures["attribute"]
    assert (relation["acc50"], attribute["acc50"]) == (0.5, 0.0)
    assert (relation["recall_at_threshold"], relation["false_alarms"]) == (0.5, 0.0)
    assert (attribute["recall_at_threshold"], attribute["false_alarms"]) == (0.0, 1.0)
    assert figures["shuffled"]["n"] == 2
    assert figures["shuffled"]["found"] == 0.5
    absent = figures["absent"]
    assert (absent["n"], absent["found"]) == (3, pytest.approx(1 / 3))
    assert absent["steps"] == pytest.approx(2 / 3)


def test_figures_by_size_and_relation() -> None:
    figures = summarise(ROWS)
    sizes = {name: group["n"] for name, group in figures["by_size"].items() if group["n"]}
    assert sizes == {"1024 to 2000 px2": 3, "over 2000 px2": 1}
    assert figures["by_size"]["1024 to 2000 px2"]["acc50"] == pytest.approx(1 / 3)
    named = {name: group["n"] for name, group in figures["by_relation"].items() if group["n"]}
    assert named == {"near": 2, "left": 1, NO_RELATION: 2}
    assert figures["by_relation"]["near"]["acc50"] == 0.5


def test_nothing_to_count() -> None:
    figures = summarise([])
    for group in (figures["zoom"], figures["shuffled"], *figures["by_size"].values()):
        assert group["n"] == 0
        assert math.isnan(group["acc50"])
    assert math.isnan(figures["absent"]["found"])
    assert "n" in accuracy_lines(figures)[0]


def test_records_are_plain() -> None:
    records = as_records(ROWS)
    assert records[0]["true"]["iou"] == 1.0
    assert records[2]["shuffled"] is None
    assert records[2]["area_px2"] == 10_000


def test_lines_for_people() -> None:
    [text, *_] = accuracy_lines(summarise(ROWS))
    lines = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()[2:]]
    rows = {name: cells for name, *cells in lines}
    assert rows["all"] == ["4", *["0.250"] * 3, "0.252", "0.250", "0.500", "1.00"]
    assert rows["absent objects"] == ["3", *"-----", "0.333", "0.67"]
    assert rows["near"][0] == "2"
    assert "behind" not in rows  # nobody asked
