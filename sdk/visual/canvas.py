"""Drawing primitives for pictures of a search: anti-aliased, on a BGR canvas, in canvas pixels."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdk.errors import PizaError
from sdk.geometry import Boxes, as_boxes

Picture = NDArray[np.uint8]
Color = tuple[int, int, int]  # BGR
Point = tuple[float, float]

_SHIFT = 4  # sub-pixel bits of OpenCV's drawing functions
_HALO: Color = (16, 16, 16)


@cache
def _font() -> Any:
    if not hasattr(cv2, "FontFace"):
        raise PizaError(
            f"drawing needs OpenCV 5 or newer, found {cv2.__version__}:"
            " pip install 'opencv-python-headless>=5'"
        )
    return cv2.FontFace("sans")


def text_width(text: str, size: int, weight: int = 400) -> int:
    """Width of a line of text.

    Args:
        text: the line.
        size: of the letters, in pixels.
        weight: of the strokes, 400 for regular.

    Returns:
        Canvas pixels.

    Raises:
        PizaError: OpenCV is too old to draw text.
    """
    x, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), _font(), size, weight)
    return int(x + width)


def wrap_text(text: str, size: int, width: int, lines: int, weight: int = 400) -> list[str]:
    """Breaks text at spaces, and words that are too long for a line anywhere.

    Args:
        text: any text; runs of white space become one space.
        size: of the letters, in pixels.
        width: of a line, in canvas pixels.
        lines: the most there may be.
        weight: of the strokes, 400 for regular.

    Returns:
        The lines; the last ends in "..." where text was left out.

    Raises:
        PizaError: OpenCV is too old to draw text.
    """
    broken: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if text_width(longer, size, weight) > width:
            if line:
                broken.append(line)
            *full, longer = _pieces(word, size, width, weight, lines)
            broken += full
        line = longer
        if len(broken) > lines:
            break
    broken.append(line)
    kept = broken[:lines]
    if len(broken) > lines:
        kept[-1] = shorten(f"{kept[-1]} ...", size, width, weight)
    return kept


def shorten(text: str, size: int, width: int, weight: int = 400) -> str:
    """The beginning of a line, as much as there is room for.

    Args:
        text: the line.
        size: of the letters, in pixels.
        width: the room, in canvas pixels.
        weight: of the strokes, 400 for regular.

    Returns:
        The line itself, or its beginning with "..." behind it.

    Raises:
        PizaError: OpenCV is too old to draw text.
    """
    if text_width(text, size, weight) <= width:
        return text
    return f"{text[: _fitting(text, size, width, weight, '...')].rstrip()}..."


def _pieces(word: str, size: int, width: int, weight: int, count: int) -> list[str]:
    """A word too long for a line (some scripts have no spaces), cut; ``count`` lines and a rest."""
    pieces: list[str] = []
    while len(pieces) < count and text_width(word, size, weight) > width:
        cut = max(_fitting(word, size, width, weight), 1)
        pieces.append(word[:cut])
        word = word[cut:]
    return [*pieces, word]


def _fitting(text: str, size: int, width: int, weight: int, end: str = "") -> int:
    """How many characters fit into ``width`` pixels with ``end`` behind them."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(f"{text[:middle].rstrip()}{end}", size, weight) <= width:
            low = middle
        else:
            high = middle - 1
    return low


def chip_size(text: str, size: int, weight: int = 600) -> tuple[int, int]:
    """Width and height of the label that ``Canvas.chip`` draws."""
    return text_width(text, size, weight) + 2 * (size // 2), round(size * 1.6)


@dataclass(frozen=True)
class View:
    """A region of the frame shown in a rectangle of the canvas (x, y, width, height)."""

    region_xyxy: tuple[float, float, float, float]
    rect_xywh: tuple[int, int, int, int]

    def to_canvas(self, boxes: ArrayLike) -> Boxes:
        """Boxes in frame pixels -> boxes in canvas pixels, clipped to the rectangle."""
        x1, y1, x2, y2 = self.region_xyxy
        x, y, width, height = self.rect_xywh
        scale = np.array([width / (x2 - x1), height / (y2 - y1)] * 2)
        placed = (as_boxes(boxes) - np.array([x1, y1] * 2)) * scale + np.array([x, y] * 2)
        return np.clip(placed, np.array([x, y] * 2), np.array([x + width, y + height] * 2))


class Canvas:
    """A picture that is drawn on. ``image`` is ``(height, width, 3)`` uint8, BGR."""

    def __init__(self, width: int, height: int, background: Color) -> None:
        self.image: Picture = np.empty((height, width, 3), np.uint8)
        self.image[:] = background

    def part(self, rect_xywh: Sequence[int]) -> Canvas:
        """A rectangle of this canvas as one of its own: what is drawn there stays inside."""
        x, y, width, height = rect_xywh
        part = copy(self)
        part.image = self.image[y : y + height, x : x + width]
        return part

    def show(self, frame: Picture, view: View) -> None:
        """Pastes a region of a BGR frame (whole pixels) into the view's rectangle."""
        x1, y1, x2, y2 = (int(v) for v in view.region_xyxy)
        x, y, width, height = view.rect_xywh
        shrinks = (x2 - x1) > width
        self.image[y : y + height, x : x + width] = cv2.resize(
            np.ascontiguousarray(frame[y1:y2, x1:x2]),
            (width, height),
            interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC,
        )

    def dim_around(self, box: ArrayLike, rect_xywh: Sequence[int], strength: float) -> None:
        """Darkens a rectangle of the canvas except for the box in it."""
        x, y, width, height = rect_xywh
        x1, y1, x2, y2 = (round(v) for v in as_boxes(box).tolist())
        part = self.image[y : y + height, x : x + width]
        bright = self.image[y1:y2, x1:x2].copy()
        part[:] = cv2.convertScaleAbs(part, alpha=1 - strength)
        self.image[y1:y2, x1:x2] = bright

    def fill(self, rect_xywh: Sequence[int], color: Color) -> None:
        """Fills a rectangle of the canvas."""
        x, y, width, height = rect_xywh
        self.image[y : y + height, x : x + width] = color

    def gauge(self, rect_xywh: Sequence[int], share: float, color: Color, ground: Color) -> None:
        """A horizontal bar, filled from the left to ``share`` (0..1)."""
        x, y, width, height = rect_xywh
        self.fill(rect_xywh, ground)
        self.fill((x, y, round(width * min(max(share, 0.0), 1.0)), height), color)

    def box(
        self, box: ArrayLike, color: Color, thickness: int = 2, *, dashed: bool = False
    ) -> None:
        """Outlines a box just outside of its edges, with a dark halo."""
        x1, y1, x2, y2 = as_boxes(box).tolist()
        out = thickness / 2
        corners = [
            (x1 - out, y1 - out),
            (x2 + out, y1 - out),
            (x2 + out, y2 + out),
            (x1 - out, y2 + out),
        ]
        edges = list(zip(corners, [*corners[1:], corners[0]], strict=True))
        for a, b in edges:
            self._line(a, b, _HALO, thickness + 2)
        for a, b in edges:
            for start, stop in _dashes(a, b) if dashed else [(a, b)]:
                self._line(start, stop, color, thickness)

    def faint_boxes(self, boxes: ArrayLike, color: Color, opacity: float = 0.45) -> None:
        """Outlines boxes with thin, translucent lines."""
        overlay = self.image.copy()
        for x1, y1, x2, y2 in as_boxes(boxes).tolist():
            corners = _fixed((x1, y1)), _fixed((x2, y2))
            cv2.rectangle(overlay, *corners, color, 1, cv2.LINE_AA, _SHIFT)
        cv2.addWeighted(overlay, opacity, self.image, 1 - opacity, 0, self.image)

    def text(
        self, x: float, baseline: float, text: str, size: int, color: Color, weight: int = 400
    ) -> None:
        """One line of text from its left end."""
        at = (round(x), round(baseline))
        cv2.putText(self.image, text, at, color, _font(), size, weight)

    def chip(
        self, x: float, y: float, text: str, fill: Color, ink: Color, size: int, weight: int = 600
    ) -> tuple[int, int]:
        """Text on a rounded label whose top left corner is (x, y), kept on the canvas.

        Returns the label's width and height.
        """
        width, height = chip_size(text, size, weight)
        rows, columns = self.image.shape[:2]
        left = round(min(max(x, 0), columns - width))
        top = round(min(max(y, 0), rows - height))
        self._rounded(left, top, width, height, fill)
        self.text(left + size // 2, top + height / 2 + size * 0.36, text, size, ink, weight)
        return width, height

    def _line(self, a: Point, b: Point, color: Color, thickness: int) -> None:
        cv2.line(self.image, _fixed(a), _fixed(b), color, thickness, cv2.LINE_AA, _SHIFT)

    def _rounded(self, x: int, y: int, width: int, height: int, fill: Color) -> None:
        """A filled rectangle with round corners."""
        mask = np.zeros((height, width), np.uint8)
        radius = min(width, height) * 0.3
        (left, top), (right, bottom) = (radius, radius), (width - radius, height - radius)
        for centre in ((left, top), (right, top), (left, bottom), (right, bottom)):
            at = _fixed((centre[0] - 0.5, centre[1] - 0.5))
            cv2.circle(mask, at, round(radius * (1 << _SHIFT)), 255, -1, cv2.LINE_AA, _SHIFT)
        mask[:, round(left) : round(right)] = 255
        mask[round(top) : round(bottom), :] = 255
        part = self.image[y : y + height, x : x + width]
        alpha = mask[: part.shape[0], : part.shape[1], None].astype(np.float64) / 255
        part[:] = (part * (1 - alpha) + np.asarray(fill) * alpha + 0.5).astype(np.uint8)


def _fixed(point: Point) -> tuple[int, int]:
    """Continuous coordinates (pixel i covers [i, i+1)) -> OpenCV's fixed-point pixel centres."""
    return round((point[0] - 0.5) * (1 << _SHIFT)), round((point[1] - 0.5) * (1 << _SHIFT))


def _dashes(a: Point, b: Point, length: float = 7.0) -> list[tuple[Point, Point]]:
    """The drawn pieces of a dashed line."""
    start, stop = np.array(a), np.array(b)
    distance = float(np.hypot(*(stop - start)))
    count = max(round(distance / (2 * length)), 1)
    cuts = [start + (stop - start) * t for t in np.linspace(0, 1, 2 * count + 1)]
    pieces = zip(cuts[0::2], cuts[1::2], strict=False)
    return [((float(p[0]), float(p[1])), (float(q[0]), float(q[1]))) for p, q in pieces]
