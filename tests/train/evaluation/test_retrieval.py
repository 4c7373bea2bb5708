"""What counts as found: the right crop of a photograph, the right sentence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sdk.errors import InputError
from sdk.regions.views import View
from train.data.boxes import Box
from train.data.pairs import Spoken
from train.evaluation.retrieval import Retrieval, among_all, to_be_told_apart
from train.models.clip.public import open_public_clip

BOXES = ((0.0, 0.0, 8.0, 8.0), (10.0, 0.0, 18.0, 8.0), (20.0, 0.0, 28.0, 8.0))
PHOTOGRAPHS = {
    "a.png": (
        Spoken(BOXES[0], ("red car", "car left of the bus")),
        Spoken(BOXES[1], ("van",)),
        Spoken(BOXES[2], ("bus",)),
    )
}


def asked(public_clip, monkeypatch, likeness: Any) -> dict[str, float]:
    """Figures of a model of these cosines."""
    opened = open_public_clip(str(public_clip("clip")[0]))
    check = Retrieval(PHOTOGRAPHS, Path(), View(), opened)
    monkeypatch.setattr(Retrieval, "_likeness", lambda *_: np.array(likeness, np.float64))
    return check(None)


def test_shares_of_sentences_and_of_crops(public_clip, monkeypatch) -> None:
    exact = [[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert asked(public_clip, monkeypatch, exact) == {
        "retrieval": 1.0,
        "phrases": 1.0,
        "sentences": 1.0,
    }
    # The sentence with a relation finds the bus, and the van's crop the bus' sentence.
    partly = [[1, 0.1, 0, 0], [0, 0, 0.5, 0.9], [0, 0.2, 0, 1]]
    found = asked(public_clip, monkeypatch, partly)
    assert found == {"retrieval": 0.75, "phrases": 1.0, "sentences": pytest.approx(2 / 3)}


def test_a_model_is_asked(public_clip, tmp_path) -> None:
    """Crops of pictures, through both networks; the same crop twice is the first one's."""
    picture = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    folder, model, _ = public_clip("clip")
    found = Retrieval(PHOTOGRAPHS, tmp_path, View(), open_public_clip(str(folder)))(model)
    assert found.keys() == {"retrieval", "phrases", "sentences"}
    assert all(0 <= value <= 1 for value in found.values())
    assert 4 * found["retrieval"] == pytest.approx(round(4 * found["retrieval"]))


def test_objects_that_nobody_speaks_of_can_be_taken_for_others(public_clip, monkeypatch) -> None:
    alone = {"a.png": PHOTOGRAPHS["a.png"][:2]}
    boxes = {"a.png": [Box(each, "car") for each in (BOXES[2], BOXES[0], BOXES[2])], "b.png": []}
    everything = among_all(alone, boxes)
    assert everything == {"a.png": (*alone["a.png"], Spoken(BOXES[2], ()))}
    assert among_all(alone, {}) == alone
    monkeypatch.setattr(sys.modules[__name__], "PHOTOGRAPHS", everything)
    found = asked(public_clip, monkeypatch, [[1, 1, 0], [0, 0, 1], [0, 2, 0]])
    assert found["retrieval"] == pytest.approx(2 / 3)
    assert (found["phrases"], found["sentences"]) == (1.0, 1.0)


def test_photographs_with_several_objects_are_chosen() -> None:
    alone = {f"{k}": (Spoken(BOXES[0], ("car",)),) for k in range(3)}
    several = {f"several {k}": PHOTOGRAPHS["a.png"] for k in range(5)}
    chosen = to_be_told_apart(alone | several, 9, 0)
    assert len(chosen) == 3  # of four sentences each
    assert chosen.keys() <= several.keys()
    assert chosen == to_be_told_apart(alone | several, 9, 0)
    assert to_be_told_apart(several, 1000, 0).keys() == several.keys()
    with pytest.raises(InputError, match="at least two objects to check with, found none"):
        to_be_told_apart(alone, 9, 0)
