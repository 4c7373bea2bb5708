"""A CLIP says which category a box is most like."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from evaluation.scoring import Answer
from train.data.entries import Annotation
from train.evaluation.category import CategoryJudge
from train.evaluation.locators import NO_ANSWER
from train.models.clip.public import open_public_clip

NAMES = ("car", "bus", "person")


@pytest.fixture(scope="module")
def judge(public_clip):
    """``judge()``: a new one each time."""
    opened = open_public_clip(str(public_clip("clip")[0]))
    return lambda: CategoryJudge(opened, NAMES)


class Boxed:
    """An answer that is nothing but a box."""

    found, score, zooms = True, 1.0, ()

    def __init__(self, xyxy: tuple[float, ...]) -> None:
        self.xyxy = np.array(xyxy, np.float32)


@pytest.fixture
def frame() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (60, 90, 3)).astype(np.uint8)


def test_the_nearest_text_names_the_box(judge, frame, monkeypatch) -> None:
    asked = judge()
    said = torch.eye(3, 16)
    monkeypatch.setattr(asked, "_said", said)
    for k, name in enumerate(NAMES):
        seen = said[k][None]
        monkeypatch.setattr("train.evaluation.category.image_vectors", lambda *_, seen=seen: seen)
        assert asked.named(frame, (10, 10, 40, 40)) == name


def test_answers_are_counted(judge, frame) -> None:
    asked = judge()
    assert math.isnan(asked.figures()["accuracy"])
    box = (10.0, 10.0, 40.0, 40.0)
    seen = asked.named(frame, box)
    other = next(name for name in NAMES if name != seen)
    answers: list[tuple[str | None, Answer]] = [
        (seen, Boxed(box)), (other, Boxed(box)), (seen, NO_ANSWER), (None, Boxed(box)),
    ]  # fmt: skip
    for category, answer in answers:
        asked(frame, Annotation("a.jpg", box, "it", 1, category), answer)
    assert asked.figures() == {"accuracy": pytest.approx(1 / 3), "n": 3}
