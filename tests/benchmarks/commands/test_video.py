"""Warm against cold: who is asked what, and what the figures say."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.asking import Call
from benchmarks.commands.video import (
    Row,
    Still,
    clip_kinds,
    measure,
    measure_stills,
    summarise,
    summarise_stills,
)
from evaluation.questions import Question
from evaluation.scenes.motion import CLIP_KINDS, make_clip
from sdk.results.grounding import Grounding

FRAMES = 8


class Wise:
    """Knows the true box of every frame of a clip, and takes a step less from a start."""

    def __init__(self, seed: int, kind: str, answer: Callable[..., Grounding]) -> None:
        self._clip, self._answer = make_clip(seed, kind, FRAMES), answer
        self._frame: np.ndarray | None = None
        self.number = -1
        self.order: list[bool] = []  # warm?

    def locate(self, frame, ref, color="bgr", *, deadline_ms=None, start=None):
        if frame is not self._frame:
            self._frame, self.number = frame, self.number + 1
        assert ref == [self._clip.ref]
        self.order.append(start[0] is not None)
        box = self._clip.truth[self.number].xyxy
        if box is None:
            return [self._answer(ref[0], [], found=False)]
        x1, y1, x2, y2 = box
        wide = (x1 - 200, y1 - 150, x2 + 200, y2 + 150)
        made = self._answer(ref[0], [wide, box])
        if start[0] is None:
            return [made]
        zooms = made.zooms[1:]
        return [Grounding(**{**vars(made), "zooms": zooms})]


def test_clips_of_all_kinds_in_turn() -> None:
    clips = clip_kinds(8, 100)
    assert [kind for _, kind in clips] == [*CLIP_KINDS, *CLIP_KINDS[:2]]
    assert [seed for seed, _ in clips] == [100] * 6 + [101] * 2


def test_both_are_asked_about_every_frame(answer: Callable[..., Grounding]) -> None:
    wise = Wise(4, "ego", answer)
    rows = measure(wise, [(4, "ego")], FRAMES)
    assert [row.frame for row in rows] == list(range(FRAMES))
    assert len(wise.order) == 2 * FRAMES
    figures = summarise(rows)["all"]
    assert figures["seen"] == FRAMES
    assert figures["cold"]["acc50"] == figures["warm"]["acc50"] == 1.0
    assert figures["cold"]["steps"] == 2.0
    assert figures["warm"]["steps"] == pytest.approx(1.25)  # cold at 0 and 4
    assert all(row.warm.wall_ms > 0 for row in rows)


def test_order_alternates(answer: Callable[..., Grounding]) -> None:
    wise = Wise(4, "ego", answer)
    measure(wise, [(4, "ego")], FRAMES)
    assert wise.order[2:8] == [False, True, True, False, False, True]


def row(kind: str, sight: str, cold: Call, warm: Call) -> Row:
    return Row(kind, 0, 0, sight, cold, warm)


def test_figures() -> None:
    right = Call(iou=0.6, found=True, score=0.9, steps=2, wall_ms=50.0)
    wrong = Call(iou=0.1, found=True, score=0.9, steps=1, wall_ms=20.0)
    none = Call(iou=0.0, found=False, score=0.1, steps=3, wall_ms=70.0)
    figures = summarise(
        [
            row("ego", "seen", right, wrong),
            row("ego", "seen", right, right),
            row("cut", "hidden", wrong, none),
            row("cut", "partly", wrong, none),
        ]
    )
    assert list(figures) == ["ego", "cut", "all"]
    assert figures["all"]["frames"] == 4
    assert (figures["all"]["seen"], figures["all"]["hidden"]) == (2, 1)
    assert figures["ego"]["cold"]["acc50"] == 1.0
    assert figures["ego"]["warm"]["acc50"] == 0.5
    assert (figures["ego"]["cold"]["found"], figures["ego"]["warm"]["found"]) == (1.0, 0.5)
    assert figures["cut"]["cold"]["false_answers"] == 1.0
    assert figures["cut"]["warm"]["false_answers"] == 0.0
    assert math.isnan(figures["cut"]["warm"]["acc50"])
    assert figures["all"]["cold"]["right"] == pytest.approx(2 / 3)
    assert figures["all"]["warm"]["right"] == pytest.approx(2 / 3)
    assert figures["all"]["warm"]["steps"] == pytest.approx((1 + 2 + 3 + 3) / 4)


def test_nothing_to_count() -> None:
    assert math.isnan(summarise([])["all"]["warm"]["steps"])


def test_a_verdict_that_changes_is_counted(answer: Callable[..., Grounding]) -> None:
    class Fickle:
        """Says found at every other warm call, and always at cold ones."""

        calls = 0

        def locate(self, frame, ref, color="bgr", *, deadline_ms=None, start=None):
            self.calls += start[0] is not None
            boxes = [(700.0, 400.0, 1100.0, 700.0), (900.0, 500.0, 940.0, 530.0)]
            made = answer(ref[0], boxes, found=start[0] is None or self.calls % 2 == 0)
            zooms = made.zooms if start[0] is None else made.zooms[1:]
            return [Grounding(**{**vars(made), "zooms": zooms})]

    frame = np.zeros((1080, 1920, 3), np.uint8)
    asked = [Question(frame, "the van", None)]
    (still,) = measure_stills(Fickle(), asked, repeats=4, period_s=0.1)
    assert still.cold
    assert still.warm == (True, False, True, False)
    steady = Still("the car", cold=False, warm=(False, False))
    assert summarise_stills([still, steady]) == {
        "questions": 2,
        "pictures": 6,
        "found_cold": 4,
        "found_warm": 2,
        "changing": 1,
    }
