"""Typed access to parsed JSON."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk import EngineError, InputError
from sdk.json_reader import JsonReader


@pytest.fixture
def reader():
    return JsonReader(
        {
            "name": "x",
            "on": True,
            "deep": {"n": 2, "box": [1, 2.5, 3, 4]},
            "rows": [{"n": 1}, {"n": 2}],
            "words": ["a", "b"],
        },
        "file.json",
        InputError,
    )


def test_values_are_read_by_dotted_key(reader):
    assert reader.text("name") == "x"
    assert reader.boolean("on") is True
    assert reader.number("deep.n", 0, 3, whole=True) == 2
    assert reader.numbers("deep.box", 4, 0, 10) == (1, 2.5, 3, 4)
    assert [row.number("n", 0) for row in reader.items("rows", 2)] == [1, 2]
    assert reader.texts("words", 2) == ("a", "b")
    assert reader.mapping("absent", optional=True) == {}


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda r: r.raw("deep.absent"), "file.json: has no 'deep.absent'"),
        (lambda r: r.text("deep"), "'deep' to be a name"),
        (lambda r: r.text("name", ("y", "z")), "one of y, z, got 'x'"),
        (lambda r: r.boolean("name"), "true or false"),
        (lambda r: r.mapping("name"), "an object"),
        (lambda r: r.number("deep.n", 3), "a number in 3..inf, got 2"),
        (lambda r: r.number("on", 0), "a number"),
        (lambda r: r.numbers("deep.box", 3, 0, 10), "3 numbers"),
        (lambda r: r.numbers("deep.box", 4, 0, 2), "4 numbers in 0..2"),
        (lambda r: r.items("rows", 1), "a list of at most 1"),
        (lambda r: r.items("words", 2), r"file.json, words\[0\]: expected a JSON object"),
        (lambda r: r.texts("rows", 2), "a list of at most 2 names"),
    ],
)
def test_wrong_values_are_named(reader, ask, message):
    with pytest.raises(InputError, match=message):
        ask(reader)


def test_half_characters_are_no_text():
    data = json.loads('{"ref": "\\ud800"}')
    with pytest.raises(EngineError, match="a name"):
        JsonReader(data, "file.json").text("ref")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, -(10**400)])
def test_numbers_are_finite(value):
    with pytest.raises(EngineError, match="a number"):
        JsonReader({"n": value}, "file.json").number("n", -math.inf)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(data=ANY)
def test_nothing_but_our_errors_comes_out(data):
    for ask in (
        lambda r: r.text("k"),
        lambda r: r.number("k", 0, whole=True),
        lambda r: r.numbers("k", 2, 0, 1),
        lambda r: r.items("k", 2),
        lambda r: r.texts("k", 2),
    ):
        with contextlib.suppress(InputError):
            ask(JsonReader({"k": data}, "file.json", InputError))
