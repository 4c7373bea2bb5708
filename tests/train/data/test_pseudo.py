"""Pseudo-queries: what the templates say is true, of one thing alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.regions.proposals import Proposals
from train.data.pseudo import PLACES, Phrase, Query, Things, chosen, queries_about, spoken_of
from train.data.pseudo import things_of as things_of_proposals

WH = (200, 100)


def things(*rows) -> Things:
    """``(noun, colour, x1, y1, x2, y2)`` each."""
    xyxy = np.array([row[2:] for row in rows], np.float64).reshape(-1, 4)
    return Things(xyxy, tuple(row[0] for row in rows), tuple(row[1] for row in rows), WH)


STREET = things(
    ("car", "red", 10, 40, 40, 60),
    ("car", "blue", 80, 40, 110, 60),
    ("car", "", 150, 30, 198, 70),
    ("bus", "white", 70, 0, 120, 20),
)


@pytest.mark.parametrize(
    ("query", "text", "meant"),
    [
        (Query(Phrase("bus")), "bus", [3]),
        (Query(Phrase("car")), "car", [0, 1, 2]),
        (Query(Phrase("car", "red")), "red car", [0]),
        (Query(Phrase("person", "red")), "person in red", []),
        (Query(Phrase("car"), "left"), "car on the left", [0]),
        (Query(Phrase("car"), "right"), "car on the right", [2]),
        (Query(Phrase("car"), "middle"), "car in the middle", [1]),
        (Query(Phrase("car"), "top"), "car at the top", []),  # all of them are as high
        (Query(Phrase("car"), "front"), "nearest car", [2]),
        (Query(Phrase("car"), "behind"), "farthest car", []),  # two are as small
        (Query(Phrase("bus"), "left"), "bus on the left", []),  # there is no other
        (Query(Phrase("car"), "left", Phrase("bus")), "car left of the bus", [0]),
        (Query(Phrase("car"), "bottom", Phrase("bus")), "car below the bus", [0, 1, 2]),
        (Query(Phrase("bus"), "top", Phrase("car")), "bus above the car", []),  # which car?
        (Query(Phrase("bus"), "top", Phrase("car", "red")), "bus above the red car", [3]),
    ],
)
def test_what_is_said_and_meant(query: Query, text: str, meant: list[int]) -> None:
    assert str(query) == text
    assert np.flatnonzero(query.meant(STREET)).tolist() == meant


def test_a_thing_is_spoken_of_in_many_ways() -> None:
    said = list(map(str, queries_about(STREET, 0)))
    assert {"red car", "car on the left", "car left of the bus"} <= set(said)
    assert not {"car", "car below the bus", "red car on the left"} & set(said)
    assert len(said) == len(set(said))


rows = st.tuples(
    st.sampled_from(["car", "bus", "person"]),
    st.sampled_from(["", "red", "blue"]),
    st.floats(0, 150),
    st.floats(0, 50),
    st.floats(1, 50),
    st.floats(1, 50),
).map(lambda row: (*row[:4], row[2] + row[4], row[3] + row[5]))


@settings(max_examples=30)
@given(st.lists(rows, max_size=6), st.integers(0, 8), st.integers(0, 3))
def test_all_of_it_is_true_of_one_thing_alone(found, most: int, seed: int) -> None:
    seen, scores = things(*found), np.linspace(1, 0.5, len(found))
    about = spoken_of(seen, scores, 0.0, 3)
    said = chosen(seen, about, most, np.random.default_rng(seed))
    assert sum(map(len, said.values())) <= most
    assert set(said) <= set(about)
    for index, queries in said.items():
        assert len(set(map(str, queries))) == len(queries) > 0
        for query in queries:
            assert np.flatnonzero(query.meant(seen)).tolist() == [index]


def test_who_is_spoken_of() -> None:
    """People first, then the surest, of those that are large enough."""
    seen = things(
        ("car", "", 0, 0, 50, 50), ("car", "", 60, 0, 100, 50),
        ("person", "", 110, 0, 130, 50), ("person", "", 140, 0, 142, 4),
    )  # fmt: skip
    assert spoken_of(seen, np.array([0.6, 0.9, 0.5, 0.99])) == [2, 1, 0]
    assert spoken_of(seen, np.array([0.6, 0.9, 0.5, 0.99]), 0.0, 2) == [3, 2]
    assert spoken_of(things(), np.empty(0)) == []


def test_what_boxes_say_of_colours() -> None:
    names = ("car", "traffic light")
    found = Proposals(np.zeros((3, 4), np.float32), [0.9, 0.9, 0.9], [0, 0, 1], names)
    seen = things_of_proposals(found, ["red", "gray", "black"], WH)
    assert seen.colours == ("red", "", "")
    assert seen.nouns == ("car", "car", "traffic light")


def test_nothing_to_say() -> None:
    two = things(("car", "red", 10, 40, 40, 60), ("car", "red", 11, 40, 41, 60))
    assert chosen(two, [0, 1], 6, np.random.default_rng(0)) == {}
    for place in ("", *PLACES):
        assert not Query(Phrase("car"), place).meant(things()).size
