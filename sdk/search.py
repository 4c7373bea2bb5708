"""The zoom search, written once: training, certificate and vehicle run this loop.

One step looks at a window of the frame and chooses a box in it, which is the next window. The
box-history encoder decides before a step whether the box at hand is the answer already. The
history holds fractional boxes (the published code truncates them to whole pixels).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes, Letterbox, as_boxes, clip, grow, xyxy_to_xywh
from sdk.results import Candidates, Zoom
from sdk.text import Tokens

MIN_BOX_PX = 1.0  # a box thinner than a pixel is no object


class Session(Protocol):
    """The networks of one engine, on whatever they run. Handles are opaque to the search."""

    def upload(self, frame: NDArray[np.uint8]) -> Any:
        """Makes a frame ``(h, w, 3)`` uint8 ready for ``encode_image``; once a frame."""

    def encode_text(self, tokens: Tokens) -> Any:
        """Text features of a prompt; once an expression."""

    def encode_image(self, frame: Any, window_xyxy: NDArray[np.float64]) -> Any:
        """Image features of one window ``(4,)`` (frame pixels), fitted by the letterbox rule."""

    def ground(self, image: Any, text: Any, progress: float) -> Candidates:
        """Boxes (units of the network input) and scores, best first."""


class History(Protocol):
    """The box-history encoder, as ``sdk.history.HistoryEncoder`` or as a PyTorch module."""

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
class Search:
    """The steps taken, and ``fault``: why the search broke off, None when it ended as it should.

    After a fault the last box is only a place on the way, not an answer.
    """

    zooms: tuple[Zoom, ...]
    fault: str | None = None


def search(
    session: Session,
    frame: Any,
    frame_wh: tuple[int, int],
    text: Any,
    history_encoder: History,
    policy: ZoomPolicy,
    input_hw: tuple[int, int],
) -> Search:
    """Zooms in on one expression.

    Args:
        session: the networks.
        frame: what ``session.upload`` gave for the frame.
        frame_wh: the frame's width and height in pixels.
        text: what ``session.encode_text`` gave for the expression.
        history_encoder: boxes so far -> end-of-search probability, progress.
        policy: steps, thresholds, smallest window.
        input_hw: height and width of the network input.

    Returns:
        One ``Zoom`` for each step; every window lies in the one before it.
    """
    window = np.array([0.0, 0.0, *frame_wh])  # (4,) xyxy
    history = [xyxy_to_xywh(window)]
    raw_progress = history_encoder(np.stack(history))[1]
    zooms: list[Zoom] = []
    for _ in range(policy.max_steps):
        progress = policy.progress(raw_progress)
        image = session.encode_image(frame, window)
        offered = session.ground(image, text, progress)
        boxes, scores = _in_window(offered, window, input_hw)
        choice = _first_usable(boxes, scores)
        if choice is None:
            return Search(tuple(zooms), "the network offered no finite box with an area")
        box = boxes[choice]
        if (box[2:] - box[:2] < MIN_BOX_PX).any():
            return Search(tuple(zooms), "the search shrank to less than a pixel")
        history.append(xyxy_to_xywh(box))
        stop, raw_progress = history_encoder(np.stack(history))
        zooms.append(
            Zoom(
                window_xyxy=window.astype(np.float32),
                xyxy=box.astype(np.float32),
                score=float(scores[choice]),
                candidates_xyxy=boxes.astype(np.float32),
                candidates_scores=scores,
                progress=progress,
                stop_probability=stop,
            )
        )
        if stop >= policy.stop_threshold:
            break
        window = grow(box, policy.min_window_px, window)
    return Search(tuple(zooms))


def _in_window(
    offered: Candidates, window: Boxes, input_hw: tuple[int, int]
) -> tuple[Boxes, NDArray[np.float32]]:
    """The candidates as frame pixels ``(K, 4)``, clipped to the window, and their scores.

    A box with a value that is not finite becomes NaN as a whole: clipping would hide an infinity.
    """
    x1, y1, x2, y2 = window.tolist()
    unit = as_boxes(offered.boxes_unit)
    boxes = clip(Letterbox((x1, y1, x2, y2), input_hw).to_frame(unit), window)
    boxes[~np.isfinite(unit).all(axis=1)] = np.nan
    return boxes, np.asarray(offered.scores, dtype=np.float32)


def _first_usable(boxes: Boxes, scores: NDArray[np.float32]) -> int | None:
    """The best candidate that is finite and not empty."""
    wide = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)  # False for NaN
    usable = wide & np.isfinite(scores)
    return int(usable.argmax()) if usable.any() else None
