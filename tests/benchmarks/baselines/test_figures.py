"""Rows, and the figures of our own loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.baselines.figures import cache_figures, host_figures, rows
from benchmarks.commands.peers import section

STAGES = {"total": 10.0, "crop": 1.0, "text": 1.0, "image": 3.0, "ground": 4.0, "host": 1.0}


def test_a_row(contestant, turn) -> None:
    ours = [turn(k, 10.0) for k in range(4)]
    theirs = [turn(0, 20.0), turn(2, 40.0, iou=0.0, box=(5, 0, 15, 10)), turn(3, math.nan, 0.5)]
    figures = rows([contestant("a"), contestant("b", compared=True)], [ours, theirs], [1.0, 2.0])
    assert [row["name"] for row in figures] == ["a", "b"]
    first, second = figures
    assert (first["p50_ms"], first["ratio"], first["macc"], first["macc_se"]) == (10, 1, 1, 0)
    assert math.isnan(first["same_box"])  # not asked for
    assert second["p50_ms"] == 30
    assert second["p99_ms"] == pytest.approx(39.8)
    assert second["ratio"] == 3
    assert second["acc50"] == pytest.approx(2 / 3)
    assert second["macc"] == pytest.approx((1 + 0 + 0.1) / 3)
    assert second["macc_se"] == pytest.approx(np.std([1, 0, 0.1]) / 3**0.5)
    assert second["macc_ours"] == 1
    assert second["same_box"] == pytest.approx(2 / 3)
    assert (second["n"], second["runs"], second["warmup_s"]) == (3, 2, 2.0)
    assert (second["looks"], second["mpx"]) == (2, pytest.approx(0.01))


def test_a_row_is_enough_for_the_report(contestant, turn) -> None:
    row = rows([contestant("a")], [[turn(0)]], [0.0])[0]
    cache = {"saved_ms": 0.5, "text_ms": 0.4, "saved_share": 0.1}
    made = section({"rows": [row], "goals": [], "text_cache": cache, "absent": {}})
    assert made.tables[0].rows[0][0] == "a"
    assert [each.name for each in made.pictures] == ["accuracy-against-p99"]


def test_held_against_somebody_else_on_the_same_questions(contestant, turn) -> None:
    field = [contestant("a"), contestant("twin"), contestant("b", against="twin")]
    twin = [turn(0, 5.0, iou=0.0), turn(1, 7.0), turn(2, 9.0, iou=0.0)]
    turns = [[turn(k, 10.0) for k in range(3)], twin, [turn(1, 8.0)]]
    row = rows(field, turns, [0.0] * 3)[2]
    assert row["macc_ours"] == 1.0
    assert row["p99_ms_ours"] == pytest.approx(8.96)
    assert row["ratio"] == pytest.approx(0.8)  # over the first row's all the same


def test_boxes_that_mean_nothing_are_not_judged(contestant, turn) -> None:
    field = [contestant("a"), contestant("b", judged=False, input_wh=None)]
    row = rows(field, [[turn(0)], [turn(0)]], [0.0, 0.0])[1]
    assert row["n"] == 0
    assert row["runs"] == 1
    assert all(math.isnan(row[key]) for key in ("acc50", "macc", "macc_se", "macc_ours", "mpx"))


def test_answers_without_a_box_are_the_same_as_each_other(contestant, turn) -> None:
    field = [contestant("a"), contestant("b", compared=True)]
    ours = [turn(0, box=None), turn(1, box=None), turn(2), turn(3)]
    theirs = [turn(0, box=None), turn(1), turn(2, box=None), turn(3)]
    assert rows(field, [ours, theirs], [0.0, 0.0])[1]["same_box"] == 0.5


def test_where_our_time_goes(turn) -> None:
    other = STAGES | {"total": 30.0, "host": 21.0}
    figures = host_figures([turn(0, **STAGES), turn(1, **other), turn(2, math.nan, **STAGES)])
    assert figures["host_share"] == pytest.approx(22 / 40)
    assert figures["crop_share"] == pytest.approx(2 / 40)
    assert figures["outside_share"] == pytest.approx(24 / 40)


def test_what_a_known_expression_saves(turn) -> None:
    new = [turn(k, wall, **STAGES) for k, wall in enumerate((10.0, 12.0, 11.0))]
    known = [turn(k, wall, **STAGES) for k, wall in enumerate((9.0, 9.0, 9.0))]
    figures = cache_figures([*new, turn(3, math.nan, **STAGES)], known)
    assert figures["saved_ms"] == 2.0
    assert figures["text_ms"] == 1.0
    assert figures["saved_share"] == pytest.approx(1 / 11)
