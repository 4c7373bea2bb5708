"""Where a detector looks: at the frame, at tiles of it, or into the places that a sentence means.

A detector's input is small, and an object of 20 px in a frame of 2,560 is gone in it. Slicing
(SAHI, Akyon et al. 2022) looks everywhere at a larger scale, and pays for every tile. The zoom
looks at the frame first, low in its standards, and then at that larger scale only where something
was noticed that the sentence could be about: what PIZA does, with a detector's eyes.

Looks overlap. A box that its window cuts off is left to another window, or to the frame; of boxes
of the same class that lie on each other, the surest stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes, clip, contains
from sdk.json_reader import JsonReader
from sdk.regions.proposals import Proposals
from sdk.regions.suppression import suppress

# What a detector finds in windows (n, 4) of one frame: boxes in frame pixels, for each of them.
Eyes = Callable[[Boxes], Sequence[Proposals]]
# How likely a sentence is to speak of each proposal if it is there, (N,) in 0..1: of what it is
# about, or of what that stands beside.
Interest = Callable[[Proposals], NDArray[np.float64]]
Affords = Callable[[int], bool]  # whether there is time for so many looks

PLACES = ("frame", "tiles", "zoom")
MOST = 300  # proposals of a frame
CUT = 0.01  # of a window's side: a box so close to the border is cut off by it
SAME = 0.5  # IoU from which boxes of two looks are one object


@dataclass(frozen=True, eq=False)
class Survey:
    """What was found in a frame, and where one looked for it.

    Attributes:
        proposals: the best first.
        windows: ``(n, 4)`` frame pixels, every look at the frame or a part of it, in their order.
    """

    proposals: Proposals
    windows: Boxes


class Proposer(Protocol):
    """Where to look."""

    def propose(
        self,
        eyes: Eyes,
        frame_wh: tuple[int, int],
        interest: Interest | None = None,
        affords: Affords | None = None,
    ) -> Survey:
        """Looks, and merges what was found.

        Args:
            eyes: the detector's, on this frame.
            frame_wh: the frame's width and height in pixels.
            interest: what is of interest, None for everything alike.
            affords: asked before every look but the first; without it there is time for all.
        """

    def to_mapping(self) -> dict[str, Any]:
        """What ``read_proposer`` reads."""

    def describe(self) -> str:
        """Where it looks, as the rest of a sentence."""


@dataclass(frozen=True)
class FrameProposer:
    """One look at the whole frame."""

    def propose(
        self,
        eyes: Eyes,
        frame_wh: tuple[int, int],
        interest: Interest | None = None,
        affords: Affords | None = None,
    ) -> Survey:
        """See ``Proposer``."""
        whole = _whole(frame_wh)
        return _merged(whole, eyes(whole), frame_wh)

    def to_mapping(self) -> dict[str, Any]:
        """See ``Proposer``."""
        return {"where": "frame"}

    def describe(self) -> str:
        """See ``Proposer``."""
        return "the frame"


@dataclass(frozen=True)
class TilesProposer:
    """The frame, and square tiles all over it.

    Attributes:
        across: how many times the longer side of the frame is that of a tile.
        overlap: share of a tile's side that it has in common with the next at least.
    """

    across: float = 4.0
    overlap: float = 0.25

    def propose(
        self,
        eyes: Eyes,
        frame_wh: tuple[int, int],
        interest: Interest | None = None,
        affords: Affords | None = None,
    ) -> Survey:
        """See ``Proposer``."""
        whole = _whole(frame_wh)
        tiles = tile_windows(frame_wh, self.across, self.overlap)
        if affords is not None and not affords(len(tiles)):
            tiles = tiles[:0]
        windows = np.concatenate([whole, tiles])
        return _merged(windows, eyes(windows), frame_wh)

    def to_mapping(self) -> dict[str, Any]:
        """See ``Proposer``."""
        return {"where": "tiles", **asdict(self)}

    def describe(self) -> str:
        """See ``Proposer``."""
        return f"the frame and tiles of 1/{self.across:g} of its longer side"


@dataclass(frozen=True)
class ZoomProposer:
    """The frame, and then windows of a tile's size round what was noticed there.

    Attributes:
        across: as of ``TilesProposer``.
        most: windows at most.
        worth: the share of all that is expected which a window must add to be looked at.
    """

    across: float = 4.0
    most: int = 8
    worth: float = 0.01

    def propose(
        self,
        eyes: Eyes,
        frame_wh: tuple[int, int],
        interest: Interest | None = None,
        affords: Affords | None = None,
    ) -> Survey:
        """See ``Proposer``."""
        whole = _whole(frame_wh)
        (noticed,) = eyes(whole)
        noticed = noticed.take(np.arange(min(len(noticed), MOST)))
        weights = noticed.scores.astype(np.float64)  # how many objects to expect
        if interest is not None:
            weights = weights * interest(noticed)
        side = max(frame_wh) / self.across
        chosen = zoom_windows(noticed.xyxy, weights, frame_wh, side, self.most, self.worth)
        while affords is not None and len(chosen) and not affords(len(chosen)):
            chosen = chosen[: len(chosen) // 2]
        seen = [noticed, *(eyes(chosen) if len(chosen) else ())]
        return _merged(np.concatenate([whole, chosen]), seen, frame_wh)

    def to_mapping(self) -> dict[str, Any]:
        """See ``Proposer``."""
        return {"where": "zoom", **asdict(self)}

    def describe(self) -> str:
        """See ``Proposer``."""
        return (
            f"the frame, then up to {self.most} windows of 1/{self.across:g} of its longer side"
            " where something of interest was noticed"
        )


def read_proposer(reader: JsonReader) -> Proposer:
    """Where a block of a manifest says that one looks.

    Raises:
        EngineError: a value is missing or makes no sense.
    """
    where = reader.text("where", choices=PLACES)
    if where == "frame":
        return FrameProposer()
    across = reader.number("across", low=1.0, high=32.0)
    if where == "tiles":
        return TilesProposer(across, reader.number("overlap", low=0.0, high=0.9))
    most = int(reader.number("most", low=0, high=64, whole=True))
    return ZoomProposer(across, most, reader.number("worth", low=0.0, high=1.0))


def default_proposer(where: str) -> Proposer:
    """The proposer that looks there, one of ``PLACES``, with its usual numbers."""
    usual: dict[str, Proposer] = {
        "frame": FrameProposer(),
        "tiles": TilesProposer(),
        "zoom": ZoomProposer(),
    }
    return usual[where]


def survey_at(eyes: Eyes, frame_wh: tuple[int, int], places: Boxes) -> Survey:
    """The frame, and places of which one knows already that something is there.

    Args:
        eyes: the detector's, on this frame.
        frame_wh: the frame's width and height in pixels.
        places: ``(n, 4)`` frame pixels, each clipped to the frame.
    """
    whole = _whole(frame_wh)
    windows = np.concatenate([whole, clip(places, whole[0])])
    return _merged(windows, eyes(windows), frame_wh)


def tile_windows(frame_wh: tuple[int, int], across: float, overlap: float) -> Boxes:
    """Square windows ``(n, 4)`` that cover a frame, row by row; none where one covers it all.

    Args:
        frame_wh: the frame's width and height in pixels.
        across: how many times its longer side is that of a window.
        overlap: share of a window's side that neighbours have in common at least.
    """
    side = min(max(frame_wh) / across, *map(float, frame_wh)) if across > 1 else max(frame_wh)
    if side >= max(frame_wh):
        return np.empty((0, 4))
    columns, rows = (_starts(float(length), side, overlap) for length in frame_wh)
    return np.array([[x, y, x + side, y + side] for y in rows for x in columns])


def zoom_windows(
    xyxy: NDArray[np.float32],
    weights: NDArray[np.float64],
    frame_wh: tuple[int, int],
    side: float,
    most: int,
    worth: float,
) -> Boxes:
    """The few square windows in which most of what is of interest is seen whole.

    A window round each box is a candidate. Greedily, the one that adds most weight is taken (no
    choice in polynomial time is better by more than 1 / (1 - 1/e); Nemhauser et al. 1978). A box
    that is as large as half a window is seen well enough already, and asks for none.

    Args:
        xyxy: ``(N, 4)`` boxes in frame pixels.
        weights: ``(N,)`` of at least 0.
        frame_wh: the frame's width and height in pixels.
        side: of the windows.
        most: windows at most.
        worth: the share of all weight that a window must add to be taken.

    Returns:
        ``(n, 4)`` frame pixels, inside the frame, the most worthwhile first.
    """
    width, height = frame_wh
    side_w, side_h = min(side, width), min(side, height)
    boxes = np.asarray(xyxy, np.float64)
    small = (boxes[:, 2] - boxes[:, 0] <= side_w / 2) & (boxes[:, 3] - boxes[:, 1] <= side_h / 2)
    boxes, weights = boxes[small & (weights > 0)], weights[small & (weights > 0)]
    if not len(boxes) or side >= max(frame_wh):
        return np.empty((0, 4))
    left = np.clip((boxes[:, 0] + boxes[:, 2] - side_w) / 2, 0, width - side_w)
    top = np.clip((boxes[:, 1] + boxes[:, 3] - side_h) / 2, 0, height - side_h)
    windows = np.stack([left, top, left + side_w, top + side_h], axis=1)
    covers = contains(windows[:, None], boxes[None])  # (windows, boxes)
    least, left_over = worth * weights.sum(), weights.copy()
    chosen: list[int] = []
    while len(chosen) < most:
        gains = covers @ left_over
        best = int(gains.argmax())
        if gains[best] <= 0 or gains[best] < least:
            break
        chosen.append(best)
        left_over[covers[best]] = 0.0
    return windows[chosen]


def _starts(length: float, side: float, overlap: float) -> NDArray[np.float64]:
    """Where windows of ``side`` begin that cover ``length``, evenly."""
    count = int(np.ceil((length - side) / (side * (1 - overlap)) - 1e-9)) + 1
    return np.linspace(0.0, length - side, count) if count > 1 else np.zeros(1)


def _whole(frame_wh: tuple[int, int]) -> Boxes:
    return np.array([[0.0, 0.0, *frame_wh]])


def _merged(windows: Boxes, seen: Sequence[Proposals], frame_wh: tuple[int, int]) -> Survey:
    """One list of what was found in each of the windows, every object once."""
    names = seen[0].names
    whole = [
        each.take(~_cut_off(each.xyxy, window, frame_wh))
        for window, each in zip(windows, seen, strict=True)
    ]
    xyxy = np.concatenate([each.xyxy for each in whole])
    scores = np.concatenate([each.scores for each in whole])
    labels = np.concatenate([each.labels for each in whole])
    if len(windows) > 1:
        kept = suppress(xyxy, scores, labels, MOST, SAME)
    else:
        kept = np.arange(min(len(xyxy), MOST))
    return Survey(Proposals(xyxy[kept], scores[kept], labels[kept], names), windows)


def _cut_off(
    xyxy: NDArray[np.float32], window: NDArray[np.float64], frame_wh: tuple[int, int]
) -> NDArray[np.bool_]:
    """Whether boxes touch a border of their window that is not the frame's."""
    slack = CUT * (window[2:] - window[:2])
    inner_low, inner_high = window[:2] > 0, window[2:] < np.array(frame_wh)
    low = (xyxy[:, :2] <= window[:2] + slack) & inner_low
    high = (xyxy[:, 2:] >= window[2:] - slack) & inner_high
    return np.asarray((low | high).any(axis=1))
