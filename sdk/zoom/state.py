"""One way into the frame: the windows and boxes so far, and how a step carries it on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdk.geometry import Boxes, as_boxes, clip, contains, grow, iou, xyxy_to_xywh
from sdk.letterbox import Letterbox
from sdk.results.grounding import Candidates, Float32, Zoom
from sdk.zoom.claims import Claim, weighed

MIN_BOX_PX = 1.0  # a box thinner than a pixel is no object
_SAME_PLACE_IOU = 0.5  # candidates that overlap more are one place to look at (our choice)


class History(Protocol):
    """The box-history encoder, as ``sdk.zoom.history.HistoryEncoder`` or as a PyTorch module."""

    def __call__(self, history_xywh: NDArray[np.float64], /) -> tuple[float, float]:
        """``(k, 4)`` xywh frame pixels -> end-of-search probability, progress (not rounded)."""


@dataclass(frozen=True)
class ZoomPolicy:
    """When the search goes on and how far it may go.

    ``max_steps``: windows looked at, at most. ``stop_threshold``: end-of-search probability from
    which a box is the answer. ``progress_step``: progress is rounded to multiples of it.
    ``min_window_px``: a smaller window grows to this side length.
    """

    max_steps: int = 3
    stop_threshold: float = 0.95
    progress_step: float = 0.05
    min_window_px: float = 32.0

    def progress(self, raw: float) -> float:
        """Progress as the ground network gets it: on the grid (halves to even), in 0..1."""
        return min(max(round(raw / self.progress_step) * self.progress_step, 0.0), 1.0)


@dataclass(frozen=True)
class Start:
    """Where to look first, instead of at the whole frame: for the next frame of a video.

    ``window_xyxy``: ``(4,)`` frame pixels; it is clipped to the frame, some of which it must show
    (else InputError). None, as in ``Start(answer.xyxy)`` of an answer without a box, stands for
    the whole frame: such a start is as good as none. ``restart_below``: with a score (0..1,
    calibrated) below this the search begins again with the whole frame.
    ``first_score``: raw score (0..1) of the look at the whole frame which led to
    this window in an earlier frame. A start takes the place of that look, and with its score an
    answer is worth what it would be had the look been taken again; None: nothing is known of one.
    """

    window_xyxy: ArrayLike | None
    restart_below: float = 0.0
    first_score: float | None = None


@dataclass(frozen=True)
class Closer:
    """Closer looks of a model that was not taught to zoom.

    ``looks``: at most, after the one at the frame. ``share``: of the frame's sides that their
    windows have at least, since what an expression speaks of may stand beside the object.
    """

    looks: int
    share: float = 1 / 3


def last_score(zooms: Sequence[Zoom], first_score: float | None = None) -> float:
    """The network's own score of the last box, 0 without any; what came first does not count."""
    return zooms[-1].raw_score if zooms else 0.0


@dataclass(frozen=True)
class SearchConfig:
    """What steps go by.

    ``history``: boxes so far -> end-of-search probability, progress. ``input_hw``: height and
    width of the network input. ``score``: what an answer with these zooms, and the score of an
    earlier frame's first look that they go on from (or None), is worth, 0..1.
    ``beam``: how many candidates of the first step are followed. ``closer``: instead, candidates of
    the first step are looked at once more. ``levels``: height and width of each level of the
    network's grid, for networks that tell what words mean.
    """

    history: History
    policy: ZoomPolicy
    input_hw: tuple[int, int]
    score: Callable[[Sequence[Zoom], float | None], float] = last_score
    beam: int = 1
    closer: Closer | None = None
    levels: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, eq=False)
class SearchState:
    """A search on its way. ``asked``: index of the expression. ``abandoned``: steps of a start
    that led nowhere. ``fault``: why it broke off; the last box is then a place on the way, not an
    answer. ``complete``: False when a deadline stopped it."""

    asked: int
    frame_wh: tuple[int, int]
    claims: tuple[Claim, ...]  # of the expression
    window: Boxes  # (4,) what the next step looks at
    history: tuple[Boxes, ...]  # xywh, from the whole frame on
    raw_progress: float
    start: Start | None = None
    zooms: tuple[Zoom, ...] = ()
    abandoned: tuple[Zoom, ...] = ()
    fault: str | None = None
    over: bool = False
    complete: bool = True

    @property
    def first_score(self) -> float | None:
        """Score of the first look that the zooms go on from, None where they begin with it."""
        return None if self.start is None else self.start.first_score

    def stopped(self) -> SearchState:
        """As a deadline leaves it."""
        if not self.zooms and self.abandoned:  # what the start led to is better than nothing
            return replace(self, zooms=self.abandoned, abandoned=(), over=True, complete=False)
        return replace(self, over=True, complete=False)


def begin(
    asked: int,
    frame_wh: tuple[int, int],
    rules: SearchConfig,
    start: Start | None,
    claims: tuple[Claim, ...] = (),
) -> SearchState:
    """A search before its first step, at the whole frame or at ``start``."""
    window = np.array([0.0, 0.0, *frame_wh])  # (4,) xyxy
    history = [xyxy_to_xywh(window)]
    if start is not None:
        assert start.window_xyxy is not None  # one without is no start: see sdk.checks
        box = clip(as_boxes(start.window_xyxy), window)
        window = grow(box, rules.policy.min_window_px, window)
        history.append(xyxy_to_xywh(window))
    progress = rules.history(np.stack(history))[1]
    return SearchState(asked, frame_wh, claims, window, tuple(history), progress, start)


def advance(trail: SearchState, offered: Candidates, rules: SearchConfig) -> list[SearchState]:
    """The step that looked at ``trail.window`` and was offered ``offered``: where it leads.

    One trail, or after the first step at the whole frame up to ``rules.beam``, or those of
    ``rules.closer``.
    """
    fitted = Letterbox(tuple(trail.window.tolist()), rules.input_hw)
    boxes, scores = in_window(offered, fitted)
    first = trail.start is None and not trail.zooms
    if trail.claims and offered.meanings is not None:
        found = weighed(
            trail.claims, boxes, scores, offered.meanings, rules.levels, fitted, trail.frame_wh
        )
        order = np.argsort(-found, kind="stable")  # NaN comes last
        boxes, scores = boxes[order], found[order]
    allowed = usable(boxes, scores)
    if not allowed.any():
        fault = "the network offered no finite box with an area"
        return [_judged(replace(trail, fault=fault, over=True), rules)]
    if first and rules.closer is not None:
        return _closer(trail, boxes, scores, allowed, rules, rules.closer)
    choices = _places(boxes, allowed, rules.beam if first else 1)
    return [_judged(_follow(trail, boxes, scores, each, rules), rules) for each in choices]


def _closer(
    trail: SearchState,
    boxes: Boxes,
    scores: NDArray[np.float32],
    allowed: NDArray[np.bool_],
    rules: SearchConfig,
    closer: Closer,
) -> list[SearchState]:
    """Trails to windows round the best candidates of the first look.

    A candidate that another one's window shows needs none of its own.
    """
    trails: list[SearchState] = []
    for index in np.flatnonzero(allowed).tolist():
        if len(trails) == closer.looks:
            break
        if not any(contains(each.window, boxes[index]) for each in trails):
            near = grow(boxes[index], closer.share * np.array(trail.frame_wh), trail.window)
            trails.append(replace(_follow(trail, boxes, scores, index, rules), window=near))
    return trails


def best(trails: Sequence[SearchState], rules: SearchConfig) -> SearchState:
    """Of the ends of one expression the one to answer with: no fault, at an end, best score.

    Closer looks are told apart by both scores: the first look saw what stands beside the object,
    the closer one the object itself. By either alone fewer answers are right (docs/photographs.md).
    """

    def worth(trail: SearchState) -> tuple[bool, bool, float]:
        if rules.closer is not None and trail.zooms:
            score = math.sqrt(max(trail.zooms[0].raw_score * trail.zooms[-1].raw_score, 0.0))
        else:
            score = rules.score(trail.zooms, trail.first_score)
        return trail.fault is None, trail.complete, score

    return replace(max(trails, key=worth), complete=all(each.complete for each in trails))


def _follow(
    trail: SearchState, boxes: Boxes, scores: NDArray[np.float32], choice: int, rules: SearchConfig
) -> SearchState:
    """The trail after choosing one of the candidates, ``boxes`` (K, 4) frame pixels."""
    box = boxes[choice]
    if (box[2:] - box[:2] < MIN_BOX_PX).any():
        return replace(trail, fault="the search shrank to less than a pixel", over=True)
    history = (*trail.history, xyxy_to_xywh(box))
    stop, raw_progress = rules.history(np.stack(history))
    zoom = Zoom(
        window_xyxy=trail.window.astype(np.float32),
        xyxy=box.astype(np.float32),
        raw_score=float(scores[choice]),
        candidates_xyxy=boxes.astype(np.float32),
        candidates_scores=scores,
        progress=rules.policy.progress(trail.raw_progress),
        stop_probability=stop,
    )
    # A start takes the place of the first step.
    steps = len(trail.zooms) + (1 if trail.start is None else 2)
    return replace(
        trail,
        window=grow(box, rules.policy.min_window_px, trail.window),
        history=history,
        raw_progress=raw_progress,
        zooms=(*trail.zooms, zoom),
        over=stop >= rules.policy.stop_threshold or steps >= rules.policy.max_steps,
    )


def _judged(trail: SearchState, rules: SearchConfig) -> SearchState:
    """The trail itself, or a new one at the whole frame when its start led nowhere."""
    if trail.start is None or not trail.over:
        return trail
    score = rules.score(trail.zooms, trail.first_score)
    if trail.fault is None and score >= trail.start.restart_below:
        return trail
    again = begin(trail.asked, trail.frame_wh, rules, None, trail.claims)
    return replace(again, abandoned=trail.zooms)


def _places(boxes: Boxes, allowed: NDArray[np.bool_], count: int) -> list[int]:
    """The first ``count`` of the allowed candidates that are places of their own."""
    chosen: list[int] = []
    for index in np.flatnonzero(allowed).tolist():
        if len(chosen) == count:
            break
        if not chosen or (iou(boxes[chosen], boxes[index]) <= _SAME_PLACE_IOU).all():
            chosen.append(index)
    return chosen


def in_window(offered: Candidates, fitted: Letterbox) -> tuple[Boxes, Float32]:
    """The candidates of a window, placed in the frame.

    A box with a value that is not finite becomes NaN as a whole: clipping would hide an infinity.

    Args:
        offered: what the network found in the window.
        fitted: the window, in the network's input.

    Returns:
        Boxes ``(K, 4)`` xyxy in frame pixels, clipped to the window, and their scores ``(K,)``.
    """
    unit = as_boxes(offered.boxes_unit)
    boxes = clip(fitted.to_frame(unit), as_boxes(fitted.window_xyxy))
    boxes[~np.isfinite(unit).all(axis=1)] = np.nan
    return boxes, np.asarray(offered.scores, dtype=np.float32)


def usable(boxes: NDArray[np.floating[Any]], scores: Float32) -> NDArray[np.bool_]:
    """Which candidates are finite and not empty.

    Args:
        boxes: ``(K, 4)`` xyxy, frame pixels, as ``in_window`` gives them.
        scores: ``(K,)``.

    Returns:
        ``(K,)`` bool.
    """
    wide = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)  # False for NaN
    return np.asarray(wide & np.isfinite(scores))
