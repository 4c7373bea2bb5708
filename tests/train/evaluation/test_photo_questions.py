"""Questions about photographs, half of them true of nothing."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import InputError
from train.data.entries import Annotation
from train.evaluation.photo_questions import ask_once, photo_questions


def annotations(images: int, each: int = 2) -> list[Annotation]:
    return [
        Annotation(f"{k}.png", (1.0, 2.0, 9.0, 8.0), f"car {k} of {j}", k * each + j)
        for k in range(images)
        for j in range(each)
    ]


@given(st.integers(0, 12), st.integers(1, 15), st.integers(0, 99))
def test_one_question_for_a_photograph(images: int, most: int, seed: int) -> None:
    asked = ask_once(annotations(images), most, seed)
    assert len({item.image for item, _ in asked}) == len(asked) <= min(images, most)
    foreign = [(item, other) for item, other in asked if other is not None]
    own = {item.ref for item, other in asked if other is None}
    for item, other in foreign:
        assert other != item.ref
        assert not other.startswith(f"car {item.image.removesuffix('.png')} ")
        assert other not in own
    if min(images, most) >= 4:
        assert len(foreign) == min(images, most) // 2
    assert asked == ask_once(annotations(images), most, seed)


def test_sentences_that_are_all_the_same() -> None:
    """None of them is true of nothing anywhere: they are left out."""
    items = [Annotation(f"{k}.png", (0, 0, 4, 4), "the car", k) for k in range(6)]
    assert [other for _, other in ask_once(items, 6, 0)] == [None] * 3


def test_photographs_are_read(tmp_path: Path) -> None:
    items = annotations(4, each=1)
    for k, item in enumerate(items):
        cv2.imwrite(str(tmp_path / item.image), np.full((10, 20, 3), 10 * k, np.uint8))
    asked = ask_once(items, 4, 0)
    questions = list(photo_questions(asked, tmp_path))
    assert [question.target_xyxy for question in questions] == [
        (1.0, 2.0, 9.0, 8.0),
        None,
        (1.0, 2.0, 9.0, 8.0),
        None,
    ]
    for (item, other), question in zip(asked, questions, strict=True):
        assert question.ref == (other or item.ref)
        assert (question.frame == 10 * int(item.image[0])).all()
    (tmp_path / items[0].image).unlink()
    with pytest.raises(InputError, match="cannot read"):
        list(photo_questions(asked, tmp_path))
