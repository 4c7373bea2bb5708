"""Questions about scenes, and the figures of their answers."""

from __future__ import annotations

import math
from typing import Any

import pytest

from evaluation.questions import make_cases
from evaluation.scoring import as_records, evaluate, summarise


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
