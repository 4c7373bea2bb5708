"""``Tracker``: expressions over the frames of a video, each search warm where it can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.checks import Number, check_flag, check_number
from sdk.errors import InputError
from sdk.frame import check_color, check_frame
from sdk.leaving import native_work
from sdk.nv12 import Nv12
from sdk.results.grounding import Grounding
from sdk.tracking.motion import Track, TrackPolicy, follow, start_at
from sdk.zoom.state import Start

_THUMBNAIL_WH = (16, 9)
_STRIDE = 8  # of the pixels that a thumbnail is made of, where there are enough


class Locator(Protocol):
    """Who answers: ``sdk.Grounder``."""

    def locate(
        self,
        frame: NDArray[Any],
        ref: list[str],
        color: str = "bgr",
        *,
        deadline_ms: Number | None = None,
        start: Sequence[Start | None] | None = None,
    ) -> list[Grounding]:
        """One answer for each expression."""


class Tracker:
    """Answers expressions frame by frame; one tracker for each camera. Not thread-safe.

    The search in a frame starts where the last frame's answer leads to expect the object, and
    begins again with the whole frame when the score drops. It is cold from the outset for new
    expressions, after a frame without a box, after a cut, a change of the frame's size, a long
    gap, when time goes backwards, and every few frames, so that a wrong track heals. Answers need
    not be ``found`` to be followed.

    Args:
        grounder: who answers.
        refs: the expressions.
        color: the frames' channel order, ``"bgr"`` or ``"rgb"``.
        warm: False makes every search cold.
        policy: when a search is warm.

    Raises:
        InputError: ``refs`` is no list of texts.

    Example:
        >>> tracker = Tracker(grounder, ["the white van left of the bus"])
        >>> for k, frame in enumerate(frames):
        ...     (answer,) = tracker.update(frame, time_s=k / 30)
    """

    def __init__(
        self,
        grounder: Locator,
        refs: Sequence[str],
        *,
        color: str = "bgr",
        warm: bool = True,
        policy: TrackPolicy | None = None,
    ) -> None:
        self._grounder, self._color = grounder, check_color(color)
        self._warm = check_flag(warm, "warm")
        self._policy = policy or TrackPolicy()
        self._refs = _texts(refs)
        self._tracks: dict[str, Track] = {}
        self._time_s = -math.inf
        self._frame_wh = (0, 0)
        self._thumbnail: NDArray[np.float32] | None = None

    @property
    def refs(self) -> tuple[str, ...]:
        """The expressions, in the order of the answers."""
        return self._refs

    def set_refs(self, refs: Sequence[str]) -> None:
        """Other expressions from the next frame on; those that stay are followed further.

        Args:
            refs: the expressions, instead of those before.

        Raises:
            InputError: ``refs`` is no list of texts.
        """
        self._refs = _texts(refs)

    def update(
        self, frame: NDArray[Any] | Nv12, time_s: Number, *, deadline_ms: Number | None = None
    ) -> list[Grounding]:
        """The answers for the next frame, all from one call of the grounder.

        Args:
            frame: ``(h, w, 3)`` uint8, or ``sdk.Nv12``.
            time_s: when it was taken, on any clock.
            deadline_ms: as for ``Grounder.locate``.

        Returns:
            One answer for each expression; its ``zooms`` and ``abandoned`` are the steps taken.

        Raises:
            InputError: the frame, an expression or the time cannot be used.
            EngineError: the networks failed.
        """
        image = check_frame(frame)
        time_s = check_number(time_s, "the time of a frame", expected="time_s in seconds")
        asked = self._refs
        refs = list(dict.fromkeys(asked))
        if not refs:
            return []
        if self._warm:
            self._forget(image, time_s)
        starts = [
            start_at(self._tracks.get(ref), time_s, self._frame_wh, self._policy) for ref in refs
        ]
        found = self._grounder.locate(
            image, refs, self._color, deadline_ms=deadline_ms, start=starts
        )
        answers = dict(zip(refs, found, strict=True))
        if self._warm:
            self._learn(answers, time_s)
        return [answers[ref] for ref in asked]

    def _forget(self, frame: NDArray[np.uint8], time_s: float) -> None:
        """Drops all tracks when the last frame says nothing about this one."""
        frame_wh = (frame.shape[1], frame.shape[0])
        gap_s, small = time_s - self._time_s, thumbnail(frame)
        unlike = math.inf if self._thumbnail is None else difference(small, self._thumbnail)
        if (
            frame_wh != self._frame_wh
            or not 0.0 <= gap_s <= self._policy.max_gap_s
            or unlike >= self._policy.cut_difference
        ):
            self._tracks = {}
        self._frame_wh, self._time_s, self._thumbnail = frame_wh, time_s, small

    def _learn(self, answers: dict[str, Grounding], time_s: float) -> None:
        tracks = {
            ref: follow(self._tracks.get(ref), answer, time_s, self._policy)
            for ref, answer in answers.items()
        }
        self._tracks = {ref: track for ref, track in tracks.items() if track is not None}


def thumbnail(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The mean brightness in each cell of a coarse grid, ``(9, 16)`` grey levels."""
    import cv2

    step = max(min(_STRIDE, min(frame.shape[:2]) // (2 * _THUMBNAIL_WH[0])), 1)
    sparse = np.ascontiguousarray(frame[::step, ::step])
    with native_work():
        small = cv2.resize(sparse, _THUMBNAIL_WH, interpolation=cv2.INTER_AREA)
    return np.asarray(small.astype(np.float32).mean(axis=2))


def difference(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean absolute difference of two thumbnails, grey levels."""
    return float(np.abs(a - b).mean())


def _texts(refs: Any) -> tuple[str, ...]:
    if not isinstance(refs, list | tuple) or not all(isinstance(ref, str) for ref in refs):
        raise InputError(f"expected a list of expressions, got {refs!r:.80}")
    return tuple(refs)
