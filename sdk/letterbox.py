"""The letterbox rule: how a window of the frame is fitted into a network's input, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from sdk.geometry import Boxes, as_boxes


def round_half_up(value: float) -> int:
    """The nearest whole number, halves upwards: the rounding of the letterbox rule."""
    return math.floor(value + 0.5)


@dataclass(frozen=True)
class Letterbox:
    """How a window of the frame is fitted into the network input: the one rule for everybody.

    ``window_xyxy`` (frame pixels, sides > 0) is scaled by ``s = min(W / w, H / h)`` to a content
    of ``round_half_up(s * w)`` x ``round_half_up(s * h)`` pixels (at least 1, at most W, H), which
    sits at ``left = (W - content_w) // 2``, ``top = (H - content_h) // 2``. Output pixel ``j`` of
    a row samples the frame at ``x1 + (j - left + 0.5) * w / content_w``; columns alike. Around
    the content lies the mean colour (0 after normalisation).
    """

    window_xyxy: tuple[float, float, float, float]
    input_hw: tuple[int, int]

    def __post_init__(self) -> None:
        x1, y1, x2, y2 = (float(v) for v in self.window_xyxy)
        height, width = (int(v) for v in self.input_hw)
        if not all(map(math.isfinite, (x1, y1, x2, y2))) or x2 <= x1 or y2 <= y1:
            raise ValueError(f"expected a finite window with positive sides, got {x1, y1, x2, y2}")
        if height < 1 or width < 1:
            raise ValueError(f"expected an input of at least 1x1 pixels, got {height}x{width}")
        object.__setattr__(self, "window_xyxy", (x1, y1, x2, y2))
        object.__setattr__(self, "input_hw", (height, width))

    @cached_property
    def content_wh(self) -> tuple[int, int]:
        """Width and height of the content in pixels of the network input."""
        x1, y1, x2, y2 = self.window_xyxy
        height, width = self.input_hw
        w, h = x2 - x1, y2 - y1
        scale = min(width / w, height / h)
        return (
            min(max(round_half_up(scale * w), 1), width),
            min(max(round_half_up(scale * h), 1), height),
        )

    @cached_property
    def offset_xy(self) -> tuple[int, int]:
        """Column and row of the network input where the content begins."""
        (content_w, content_h), (height, width) = self.content_wh, self.input_hw
        return (width - content_w) // 2, (height - content_h) // 2

    @cached_property
    def affine_xy(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Scale and shift of x and y: frame pixels = unit * scale + shift."""
        x1, y1, x2, y2 = self.window_xyxy
        (content_w, content_h), (left, top) = self.content_wh, self.offset_xy
        height, width = self.input_hw
        step_x, step_y = (x2 - x1) / content_w, (y2 - y1) / content_h  # frame px per input px
        shift_x, shift_y = x1 - step_x * left, y1 - step_y * top
        return (step_x * width, step_y * height), (shift_x, shift_y)

    @cached_property
    def _affine(self) -> tuple[Boxes, Boxes]:
        """The same for two corners, each ``(4,)``."""
        scale, shift = self.affine_xy
        return np.array(scale * 2), np.array(shift * 2)

    def to_frame(self, boxes_unit: ArrayLike) -> Boxes:
        """Boxes in units of the network input -> ``xyxy`` frame pixels. ``(..., 4)``."""
        scale, shift = self._affine
        return as_boxes(boxes_unit) * scale + shift

    def to_unit(self, boxes: ArrayLike) -> Boxes:
        """``xyxy`` frame pixels -> boxes in units of the network input. ``(..., 4)``."""
        scale, shift = self._affine
        return (as_boxes(boxes) - shift) / scale
