"""Groups by size and by relation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.groups import RELATIONS, SIZES, relations, size_group


@pytest.mark.parametrize(
    ("area_px2", "name"),
    [
        (0, "up to 144 px2"),
        (144, "up to 144 px2"),
        (144.5, "144 to 400 px2"),
        (1024, "400 to 1024 px2"),
        (1350, "1024 to 2000 px2"),
        (2000, "1024 to 2000 px2"),
        (2001, "over 2000 px2"),
        (1e9, "over 2000 px2"),
    ],
)
def test_sizes(area_px2: float, name: str) -> None:
    assert size_group(area_px2) == name
    assert name in SIZES


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("", ()),
        ("The red car", ()),
        ("The red car NEAR the van.", ("near",)),
        ("the car in  front\nof the van", ("in front of",)),
        ("in front of and next to it, between two signs", ("in front of", "between", "next to")),
        ("on its left and on its right", ("left", "right")),
        ("above, below or behind", ("above", "below", "behind")),
        ("a nearby, leftmost, bright sign underneath", ()),
        ("a no left turn sign", ()),
        ("a black left arrow", ()),
        ("a sign with a white arrow pointing left near the bus", ("near",)),
        ("the sign with a left-turn arrow to the right of the bus", ("right",)),
        ("a bus turning right", ()),
        ("left of the turn", ("left",)),
    ],
)
def test_relations(ref: str, expected: tuple[str, ...]) -> None:
    assert relations(ref) == expected


def test_every_relation_is_found() -> None:
    assert all(relations(f"the car {name} the van") == (name,) for name in RELATIONS)


def test_published_sentences(sorec_folder: Path) -> None:
    """Nearly all of them relate; counts of two relations that hardly depend on how one counts."""
    refs = [entry["ref"] for entry in json.loads((sorec_folder / "trainS.json").read_text())]
    found = [relations(ref) for ref in refs]
    assert np.mean([bool(names) for names in found]) == pytest.approx(0.90, abs=0.01)
    assert np.mean(["between" in names for names in found]) == pytest.approx(0.262, abs=0.005)
    assert np.mean(["behind" in names for names in found]) == pytest.approx(0.09, abs=0.005)
