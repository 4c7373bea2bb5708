"""The zoom search, written once: training, certificate and vehicle run this loop.

One step looks at a window of the frame and chooses a box in it, which is the next window. The
box-history encoder decides before a step whether the box at hand is the answer already. The
history holds fractional boxes (the published code truncates them to whole pixels).

Any number of expressions are searched for side by side: in each round every search that goes on
takes one step, and searches that look at the same window share its features.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.results.grounding import Candidates, Zoom
from sdk.timing import Deadline, LatencyEstimator
from sdk.zoom.claims import Claim
from sdk.zoom.feature_cache import SharedWindows, window_key
from sdk.zoom.state import SearchConfig, SearchState, Start, advance, begin, best

MAX_LOOKS = 16  # at once: bounds the memory of features


@dataclass(frozen=True, eq=False)
class GroundInput:
    """A question to the ground network: features of a window, of an expression, and progress."""

    image: Any
    text: Any
    progress: float


class Session(Protocol):
    """The networks of one engine, on whatever they run. Handles are opaque to the search."""

    def encode_images(self, frame: Any, windows_xyxy: NDArray[np.float64]) -> list[Any]:
        """Image features of each window, ``(n, 4)`` frame pixels, fitted by the letterbox rule."""

    def ground(self, looks: Sequence[GroundInput]) -> list[Candidates]:
        """For each look boxes (units of the network input) and scores, best first."""


@dataclass(frozen=True)
class Search:
    """The steps taken, and ``fault``: why the search broke off, None when it ended as it should.

    After a fault the last box is only a place on the way, not an answer. ``complete`` is False
    when a deadline stopped it, ``abandoned`` are the steps of a start that led nowhere.
    ``first_score``: of the earlier first look that the zooms go on from, as their start said.
    """

    zooms: tuple[Zoom, ...]
    fault: str | None = None
    complete: bool = True
    abandoned: tuple[Zoom, ...] = ()
    first_score: float | None = None


def search(
    session: Session,
    frame: Any,
    frame_wh: tuple[int, int],
    texts: Sequence[Any],
    rules: SearchConfig,
    starts: Sequence[Start | None] | None = None,
    deadline: Deadline | None = None,
    claims: Sequence[tuple[Claim, ...]] | None = None,
) -> list[Search]:
    """Zooms in on each expression.

    Args:
        session: the networks.
        frame: the frame, as ``session.encode_images`` takes it.
        frame_wh: the frame's width and height in pixels.
        texts: for each expression its text features.
        rules: what steps go by.
        starts: for each expression where to look first, None for the whole frame.
        deadline: when to stop; never by default.
        claims: for each expression what it claims; nothing by default.

    Returns:
        One ``Search`` for each expression; every window lies in the one before it.
    """
    limit = deadline or Deadline(LatencyEstimator(), None)
    shared = SharedWindows(session, frame, rules.input_hw)
    first_looks = starts or [None] * len(texts)
    claimed = claims or [()] * len(texts)
    trails = [begin(k, frame_wh, rules, start, claimed[k]) for k, start in enumerate(first_looks)]
    while going := [each for each in trails if not each.over]:
        trails = [each for each in trails if each.over]
        for some in _batches(going, shared):
            chosen, late = _in_time(some, shared, limit)
            trails += [each.stopped() for each in late]
            offers = _step(chosen, session, shared, texts, rules, limit.pace)
            for trail, offered in zip(chosen, offers, strict=True):
                trails += advance(trail, offered, rules)
    return [_ended([t for t in trails if t.asked == k], rules) for k in range(len(texts))]


def _ended(trails: Sequence[SearchState], rules: SearchConfig) -> Search:
    end = best(trails, rules)
    return Search(end.zooms, end.fault, end.complete, end.abandoned, end.first_score)


def _batches(trails: Sequence[SearchState], shared: SharedWindows) -> Iterator[list[SearchState]]:
    """The trails with their windows settled, those that share a window side by side."""
    settled = shared.settle([each.window for each in trails])
    ready = [replace(t, window=window) for t, window in zip(trails, settled, strict=True)]
    rank = {window_key(window): k for k, window in reversed(list(enumerate(settled)))}
    ready.sort(key=lambda each: rank[window_key(each.window)])
    return (ready[k : k + MAX_LOOKS] for k in range(0, len(ready), MAX_LOOKS))


def _in_time(
    trails: list[SearchState], shared: SharedWindows, deadline: Deadline
) -> tuple[list[SearchState], list[SearchState]]:
    """Trails that can take a step before the deadline, and the others."""
    for count in range(len(trails), 0, -1):
        some = trails[:count]
        first = not any(each.zooms or each.abandoned for each in some)
        if deadline.affords(len(shared.missing([t.window for t in some])), count, first=first):
            return some, trails[count:]
    return [], trails


def _step(
    trails: Sequence[SearchState],
    session: Session,
    shared: SharedWindows,
    texts: Sequence[Any],
    rules: SearchConfig,
    pace: LatencyEstimator,
) -> list[Candidates]:
    """One step of each trail: what the networks offer in its window."""
    if not trails:
        return []
    windows = [each.window for each in trails]
    with pace.timed("windows", len(shared.missing(windows))):
        images = shared.encode(windows)
    looks = [
        GroundInput(image, texts[trail.asked], rules.policy.progress(trail.raw_progress))
        for trail, image in zip(trails, images, strict=True)
    ]
    with pace.timed("looks", len(looks)):
        return session.ground(looks)
