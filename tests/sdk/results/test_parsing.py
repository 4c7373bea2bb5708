"""Answers of this version and of earlier ones, read back from JSON."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from sdk.errors import EngineError
from sdk.json_reader import JsonReader
from sdk.results import Considered
from sdk.results.parsing import read_answer


@pytest.fixture
def answer(grounder, make_frame):
    return grounder.locate(make_frame(), "the red square")


def again(data):
    return read_answer(JsonReader(json.loads(json.dumps(data)), "the answer"))


def test_what_was_considered_comes_back(answer):
    weighed = Considered(np.array([1, 2, 3, 4], np.float32), 0.75, "car", {"kind": 1.0, "red": 0.5})
    data = dataclasses.replace(answer, considered=(weighed,)).to_dict()
    found = again(data)
    assert found.to_dict() == data
    assert repr(found.considered[0]) == (
        "Considered('car', 1.0 2.0 3.0 4.0, score 0.750: kind 1.00, red 0.50)"
    )


def test_steps_of_families_that_do_not_search(answer):
    step = dataclasses.replace(answer.zooms[0], progress=None, stop_probability=None)
    data = dataclasses.replace(answer, zooms=(step,)).to_dict()
    assert data["zooms"][0]["progress"] is None
    assert again(data).to_dict() == data
    del data["zooms"][0]["progress"]
    with pytest.raises(EngineError, match="has no 'progress'"):
        again(data)


def test_schema_2_still_reads(answer):
    """There a step's raw score was called its score, and nothing was considered."""
    data = answer.to_dict()
    old = {key: value for key, value in data.items() if key != "considered"}
    old["schema"] = "piza-edge/grounding/2"
    old["zooms"] = [
        {("score" if key == "raw_score" else key): value for key, value in zoom.items()}
        for zoom in data["zooms"]
    ]
    assert again(old).to_dict() == data
    with pytest.raises(EngineError, match="has no 'raw_score'"):
        again({**old, "schema": data["schema"], "considered": []})
    with pytest.raises(EngineError, match="'schema' to be one of"):
        again({**data, "schema": "piza-edge/grounding/1"})
