"""Slicing: the frame is cut into overlapping tiles, and the best candidate of all is the answer.

What SAHI does (Akyon et al., "Slicing Aided Hyper Inference and Fine-tuning for Small Object
Detection", ICIP 2022; overlap 0.2 and, on wish, the whole frame besides, as in its package), over
the runtime of this project: the tiles go through the same crop kernel and the same networks,
several at once. One object is wanted, so that the best score takes the place of merging.

The package ``sahi`` (0.12) itself is not used: it depends on another distribution of OpenCV than
this project, in the same place, a text prompt is fixed when its model is made, and it copies every
tile and merges boxes in Python, which slicing need not be charged with.

A grid of 1x1 is a single pass over the whole frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.baselines.baseline import Contestant, Reply
from sdk.engine.folder import Manifest
from sdk.frame import Frame
from sdk.geometry import Boxes, clip
from sdk.letterbox import Letterbox
from sdk.results.grounding import Candidates
from sdk.text import Tokenizer
from sdk.zoom.answering import Networks
from sdk.zoom.search import MAX_LOOKS, GroundInput
from sdk.zoom.state import in_window, usable

OVERLAP = 0.2
# More windows, fewer scenes beyond the timed questions: (at most so many windows, each so-many-th).
_SURVEYS = ((4, 1), (12, 2))
_RARELY = 4


@dataclass(frozen=True)
class Grid:
    """``columns`` x ``rows`` tiles, and the whole frame besides when ``whole`` is True."""

    columns: int
    rows: int
    whole: bool = False

    @property
    def windows(self) -> int:
        """How many windows that are."""
        return self.columns * self.rows + self.whole

    def __str__(self) -> str:
        return f"{self.columns}x{self.rows}" + (" + frame" if self.whole else "")


@dataclass(frozen=True)
class Slicer:
    """Networks that look at tiles.

    Attributes:
        networks: what looks at them; not closed here.
        manifest: of their engine.
        tokenizer: of their engine.
        progress: what every tile is grounded with. Networks that zoom answer with an object, and
            not with a region to look at next, when they are told that the search is about to end.
        weights: method and hash of the checkpoint.
        against: whom it is held against (see ``Contestant``).
        note: what has to be known of its figures.
    """

    networks: Networks
    manifest: Manifest
    tokenizer: Tokenizer
    progress: float
    weights: str
    against: str | None = None
    note: str = ""

    def peer(self, name: str, group: str, grid: Grid) -> Contestant:
        """The contestant that looks at ``grid``."""
        height, width = self.manifest.input_hw
        return Contestant(
            name,
            group,
            self.weights,
            Tiles(self, grid),
            (width, height),
            self.note,
            survey_every=next((each for most, each in _SURVEYS if grid.windows <= most), _RARELY),
            against=self.against,
        )


class Tiles:
    """``tiles(frame, ref) -> Reply``: every tile of a grid is grounded, the best score wins."""

    def __init__(self, slicer: Slicer, grid: Grid) -> None:
        self._slicer, self._grid = slicer, grid

    def __call__(self, frame: Frame, ref: str) -> Reply:
        networks, progress = self._slicer.networks, self._slicer.progress
        text = networks.encode_text(self._slicer.tokenizer.encode(ref))
        uploaded = networks.runtime.upload(frame)
        windows = tiles((frame.shape[1], frame.shape[0]), self._grid)
        offers: list[Candidates] = []
        for some in np.split(windows, range(MAX_LOOKS, len(windows), MAX_LOOKS)):
            images = networks.encode_images(uploaded, some)
            offers += networks.ground([GroundInput(image, text, progress) for image in images])
        return Reply(best_box(windows, offers, self._slicer.manifest.input_hw), len(windows))


def tiles(frame_wh: tuple[int, int], grid: Grid, overlap: float = OVERLAP) -> Boxes:
    """Windows ``(n, 4)`` xyxy frame pixels, row by row, the whole frame last.

    Tiles of one size cover the frame exactly; neighbours share ``overlap`` of a side (0..1, below
    1), as in SAHI, whose tiles are of whole pixels.
    """
    (x, w), (y, h) = (
        _cuts(side, count, overlap)
        for side, count in zip(frame_wh, (grid.columns, grid.rows), strict=True)
    )
    top, left = (each.ravel() for each in np.meshgrid(y, x, indexing="ij"))
    windows = np.stack([left, top, left + w, top + h], axis=1)
    frame = np.array([[0.0, 0.0, *frame_wh]])
    windows = clip(windows, frame)  # rounding in the last bit
    return np.concatenate([windows, frame]) if grid.whole else windows


def _cuts(side: int, count: int, overlap: float) -> tuple[NDArray[np.float64], float]:
    """Where ``count`` tiles begin along a side, and how long they are."""
    length = side / (count - (count - 1) * overlap)
    return np.arange(count, dtype=np.float64) * (length * (1 - overlap)), length


def best_box(
    windows: Boxes, offers: list[Candidates], input_hw: tuple[int, int]
) -> NDArray[np.float32] | None:
    """The candidate with the highest score in all windows, ``(4,)`` xyxy frame pixels.

    Candidates that are not finite or have no area inside their window do not count; None when
    none is left.
    """
    best, best_score = None, -np.inf
    for window, offered in zip(windows, offers, strict=True):
        boxes, scores = in_window(offered, Letterbox(tuple(window.tolist()), input_hw))
        allowed = usable(boxes, scores)
        if allowed.any():
            first = int(np.where(allowed, scores, -np.inf).argmax())
            if scores[first] > best_score:
                best, best_score = boxes[first].astype(np.float32), float(scores[first])
    return best
