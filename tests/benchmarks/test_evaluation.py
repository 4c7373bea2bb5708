"""Accuracy figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.cases import make_cases
from benchmarks.evaluation import as_records, evaluate, judge, summarise
from sdk.results import Grounding

TARGET = (100.0, 100.0, 130.0, 140.0)


def test_judges_an_answer(answer: Callable[..., Grounding]) -> None:
    outcome = judge(answer("x", [(50, 50, 200, 200), (100, 100, 130, 120)]), TARGET)
    assert (outcome.iou, outcome.steps, outcome.first_window) == (0.5, 2, True)
    assert outcome.found
    assert outcome.score == 0.75


def test_a_box_counts_whether_found_or_not(answer: Callable[..., Grounding]) -> None:
    outcome = judge(answer("x", [TARGET], found=False), TARGET)
    assert outcome.iou == 1.0
    assert not outcome.found


def test_the_first_window_must_hold_the_whole_target(answer: Callable[..., Grounding]) -> None:
    assert judge(answer("x", [(100.9, 99, 200, 200)]), TARGET).first_window  # within a pixel
    assert not judge(answer("x", [(101.1, 99, 200, 200)]), TARGET).first_window


def test_no_answer(answer: Callable[..., Grounding]) -> None:
    outcome = judge(answer("x", [], found=False), TARGET)
    assert (outcome.iou, outcome.steps, outcome.first_window) == (0.0, 0, False)


def test_an_oracle_is_right_and_knows_the_language(oracle: type[Any]) -> None:
    cases = make_cases(6, 900000)
    knowing = oracle(cases)
    rows = evaluate(knowing, cases, 900000)
    figures = summarise(rows)
    zoom = figures["zoom"]
    assert (zoom["acc50"], zoom["acc75"], zoom["macc"]) == (1.0, 1.0, 1.0)
    assert (zoom["first_window"], zoom["steps"], zoom["n"]) == (1.0, 2.0, 6)
    assert figures["shuffled"]["acc50"] == 0.0
    assert figures["absent"] == {"found": 0.0, "steps": 0.0, "score": 0.0, "n": 6}
    assert figures["attribute"]["n"] + figures["relation"]["n"] == 6
    assert len(knowing.frames) == 6  # one drawing for three questions
    assert len(as_records(rows)) == 6


def test_an_empty_group_is_no_number(oracle: type[Any]) -> None:
    cases = make_cases(1, 900000)
    figures = summarise(evaluate(oracle(cases), cases, 1))
    empty = "attribute" if cases[0].needs_relation else "relation"
    assert figures[empty]["n"] == 0
    assert math.isnan(figures[empty]["acc50"])
    assert figures["zoom"]["acc50"] == pytest.approx(1.0)
