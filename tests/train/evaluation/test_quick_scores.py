"""Questions, and quick scores."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from evaluation import questions as asking
from evaluation.questions import Question, questions
from evaluation.scenes import make_scene
from sdk.results.grounding import Zoom
from sdk.zoom.search import Search
from train.evaluation.quick_scores import final_iou, final_score, quick_scores

FRAME = np.zeros((4, 4, 3), np.uint8)
TARGET = (100.0, 100.0, 120.0, 120.0)


def zoom(xyxy: tuple[float, ...], score: float) -> Zoom:
    box = np.array(xyxy, np.float32)
    scores = np.array([score], np.float32)
    return Zoom(box, box, score, box[None], scores, 0.0, 0.0)


def searched(*steps: tuple[tuple[float, ...], float], fault: str | None = None) -> Search:
    return Search(tuple(zoom(*step) for step in steps), fault)


WINDOW = (50.0, 50.0, 200.0, 200.0)
ANSWERS = {
    "right": searched((WINDOW, 0.5), (TARGET, 0.9)),
    "beside": searched((WINDOW, 0.5), ((160.0, 160.0, 180.0, 180.0), 0.3)),
    "lost": searched(((300.0, 300.0, 400.0, 400.0), 0.5), ((310.0, 310.0, 330.0, 330.0), 0.4)),
    "broken off": searched((WINDOW, 0.8), fault="shrank"),
    "nothing": searched(fault="no box"),
    "absent": searched((WINDOW, 0.5), (TARGET, 0.2)),
}


def answer(frame: np.ndarray, ref: str) -> Search:
    return ANSWERS[ref]


def asked(*refs: str) -> list[Question]:
    return [Question(FRAME, ref, None if ref == "absent" else TARGET) for ref in refs]


def test_quick_scores_count_every_present_object() -> None:
    """Also those that the search has no box for."""
    found = quick_scores(answer, asked(*ANSWERS))
    assert found["first_window"] == pytest.approx(3 / 5)  # right, beside, broken off
    assert found["acc50"] == pytest.approx(1 / 5)
    assert found["score_right"] == pytest.approx(0.9)
    # a search that broke off has no score
    assert found["score_wrong"] == pytest.approx((0.3 + 0.4 + 0 + 0 + 0.2) / 5)


def test_quick_scores_of_nothing() -> None:
    assert set(quick_scores(answer, []).values()) == {0.0}


def test_the_answer_of_a_search() -> None:
    assert final_score(ANSWERS["right"]) == 0.9
    assert final_score(ANSWERS["broken off"]) == final_score(ANSWERS["nothing"]) == 0
    assert final_iou(ANSWERS["right"], TARGET) == 1
    assert final_iou(ANSWERS["nothing"], TARGET) == 0


def test_questions_are_reproducible_and_have_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Question k is about scene seed + k; every second or tenth is true of nothing."""
    monkeypatch.setattr(asking, "render", lambda scene: np.full((2, 2, 3), scene.seed, np.uint16))
    known = list(questions(700, 3, absent_every=2))
    again = list(itertools.islice(questions(700, 100, absent_every=2), 3))
    for index, (one, other) in enumerate(zip(known, again, strict=True)):
        assert (one.ref, one.target_xyxy) == (other.ref, other.target_xyxy)
        assert (one.frame == 700 + index).all()
    assert [question.target_xyxy is None for question in known] == [False, True, False]
    for index in (0, 2):
        boxes = [item.xyxy for item in make_scene(700 + index).objects if item.targetable]
        assert known[index].target_xyxy in boxes
    [later] = questions(702, 1, absent_every=2)
    assert later.ref == known[2].ref
    rich = list(questions(700, 2, absent_every=2, grammar="rich"))
    assert not {one.ref for one in rich} & {one.ref for one in known}
