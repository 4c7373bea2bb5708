"""What is known of one object of a video after a frame, and where to look for it in the next.

The first step of a search finds the neighbourhood of the object, the last one its box. In the
next frame the neighbourhood is known, give or take some motion: a step that looks there is a whole
search as a rule. The track keeps that neighbourhood as the first step chose it, and the score that
it chose it with, so that in a picture which has not changed a warm search takes the very steps of
the cold one and is worth the same. Prediction is that of constant velocity; it, and every figure of
``TrackPolicy``, is our own choice, made by measurement on rendered clips (``python -m benchmarks
video``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from sdk.checks import check_number, check_unit, check_whole
from sdk.geometry import Boxes, as_boxes, iou, is_whole_frame, xyxy_to_cxcywh
from sdk.results.grounding import Grounding
from sdk.zoom.state import Start


@dataclass(frozen=True)
class TrackPolicy:
    """When a search starts from the last frame's answer, and from where.

    Attributes:
        restart_share: a score below this share of the track's level is no sign of its object.
        look_every: so many frames after the whole frame was last searched it is searched again,
            and the newer answer believed: scores do not tell a wrong track from a right one.
        level_weight: of the newest score in the track's level, 0..1.
        agree_iou: overlap with the predicted box from which a search of the whole frame found the
            same object.
        hold_s: how long the place of an object that is out of sight is kept, unless the whole
            frame offers something as good.
        lead: how much the window grows by on each side, as a share of the distance that the
            object is expected to move.
        max_gap_s: after a longer time between two frames the search starts afresh.
        cut_difference: difference of two thumbnails (grey levels) from which there is a cut.

    Raises:
        InputError: a value is no number, or out of its range. Infinity (never, for ever) is one
            for ``hold_s``, ``max_gap_s`` and ``cut_difference``.
    """

    restart_share: float = 0.4
    look_every: int = 5
    level_weight: float = 0.3
    agree_iou: float = 0.1
    hold_s: float = 0.8
    lead: float = 0.5
    max_gap_s: float = 1.0
    cut_difference: float = 8.0

    def __post_init__(self) -> None:
        set_as = partial(object.__setattr__, self)
        for name in ("restart_share", "level_weight", "agree_iou"):
            set_as(name, check_unit(getattr(self, name), name))
        set_as("lead", check_number(self.lead, "lead", 0.0))
        for name in ("hold_s", "max_gap_s", "cut_difference"):
            set_as(name, check_number(getattr(self, name), name, 0.0, infinite=True))
        set_as("look_every", check_whole(self.look_every, "look_every", 1))


@dataclass(frozen=True, eq=False)
class Track:
    """One object after a frame.

    Attributes:
        box_xyxy: ``(4,)`` frame pixels, where it was last seen.
        context_xyxy: ``(4,)`` the window in which a search found it, from the box's centre.
        first_score: of the look at the whole frame that chose that window; None where one look
            was the whole search.
        velocity_xy: of the box's centre, frame pixels a second.
        level: score that its answers have had of late.
        time_s: when it was last seen.
        confirmed: a look at the predicted window has found it again.
        held: it has been out of sight since ``time_s``.
        age: frames since the whole frame was last searched.
    """

    box_xyxy: Boxes
    context_xyxy: Boxes
    first_score: float | None
    velocity_xy: tuple[float, float]
    level: float
    time_s: float
    confirmed: bool = False
    held: bool = False
    age: int = 0


def start_at(
    track: Track | None, time_s: float, frame_wh: tuple[int, int], policy: TrackPolicy
) -> Start | None:
    """Where to look for a track's object first; None for the whole frame.

    A track that has not proven itself yet, and one that is held, do not restart the search:
    the next frame decides.
    """
    if track is None or track.age + 1 >= policy.look_every:
        return None
    sure = track.confirmed and not track.held
    below = policy.restart_share * track.level if sure else 0.0
    window = predict_window(track, time_s, frame_wh, policy)
    whole = bool((window[2:] - window[:2] >= frame_wh).all())
    return None if whole else Start(window, below, track.first_score)


def predict_window(
    track: Track, time_s: float, frame_wh: tuple[int, int], policy: TrackPolicy
) -> Boxes:
    """The window in which a track's object should be at ``time_s``: ``(4,)`` xyxy frame pixels.

    It lies about the box as the window did in which a search found it, and grows with the distance
    to be bridged. At the border of the frame it is shifted, not cut.
    """
    moved = np.array(track.velocity_xy) * max(time_s - track.time_s, 0.0)
    middle = xyxy_to_cxcywh(track.box_xyxy)[:2] + moved
    margin = policy.lead * np.abs(moved)
    low, high = (middle + track.context_xyxy[:2] - margin, middle + track.context_xyxy[2:] + margin)
    limit = np.array(frame_wh, np.float64)
    side = np.minimum(high - low, limit)
    start = np.clip(low, 0.0, limit - side)
    return np.concatenate([start, start + side])


def follow(
    track: Track | None, answer: Grounding, time_s: float, policy: TrackPolicy
) -> Track | None:
    """The track after an answer at ``time_s``; None when the next search must be cold."""
    if answer.xyxy is None:
        return None if answer.complete else track
    cold = is_cold(answer)
    fresh = _begun(answer, time_s)
    if track is None:
        return fresh
    good = answer.complete and answer.score >= policy.restart_share * track.level
    keeps = track.confirmed or not answer.complete
    if not good and keeps and time_s - track.time_s <= policy.hold_s:
        return replace(track, held=True, age=0 if cold else track.age + 1)
    if cold and not agrees(track, answer, time_s, policy):
        return fresh
    if not good and not cold:
        return None  # one search that a look at its own answer does not bear out
    first_look = fresh if cold else track
    return Track(
        box_xyxy=fresh.box_xyxy,
        context_xyxy=first_look.context_xyxy,
        first_score=first_look.first_score,
        velocity_xy=_velocity(track, fresh),
        level=track.level + policy.level_weight * (answer.score - track.level),
        time_s=time_s,
        confirmed=True,
        age=0 if cold else track.age + 1,
    )


def agrees(track: Track, answer: Grounding, time_s: float, policy: TrackPolicy) -> bool:
    """True when an answer is where a track's object should be at ``time_s``."""
    if answer.xyxy is None:
        return False
    moved = np.array(track.velocity_xy * 2) * (time_s - track.time_s)  # of both corners
    return bool(iou(track.box_xyxy + moved, answer.xyxy) >= policy.agree_iou)


def context(answer: Grounding) -> Boxes:
    """``(4,)`` the window from which a search of the next frame goes on, from the box's centre.

    The one that the second step looked at; the whole frame where the first step was the last. Of
    a search that a deadline stopped: the box that it would have looked at next.
    """
    last, first_two = answer.zooms[-1], answer.zooms[:2]
    window = first_two[-1].window_xyxy if answer.complete else last.xyxy
    centre = xyxy_to_cxcywh(last.xyxy)[:2]
    return as_boxes(window) - np.concatenate([centre, centre])


def is_cold(answer: Grounding) -> bool:
    """True when the search that gave the answer began with the whole frame."""
    return is_whole_frame(answer.zooms[0].window_xyxy, answer.frame_wh)


def _begun(answer: Grounding, time_s: float) -> Track:
    """A track that knows nothing but one answer with a box."""
    zooms = answer.zooms
    goes_on = is_cold(answer) and (len(zooms) > 1 or not answer.complete)
    return Track(
        box_xyxy=as_boxes(zooms[-1].xyxy),
        context_xyxy=context(answer),
        first_score=zooms[0].raw_score if goes_on else answer.first_score,
        velocity_xy=(0.0, 0.0),
        level=answer.score,
        time_s=time_s,
    )


def _velocity(before: Track, now: Track) -> tuple[float, float]:
    gap_s = now.time_s - before.time_s
    if gap_s <= 0.0:
        return before.velocity_xy
    moved = xyxy_to_cxcywh(now.box_xyxy)[:2] - xyxy_to_cxcywh(before.box_xyxy)[:2]
    return float(moved[0] / gap_s), float(moved[1] / gap_s)
