"""What the kernel benchmark asks for: a window of a frame as the input of a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sdk.letterbox import Letterbox

Rect = tuple[float, float, float, float]

FRAMES = {"1080p": (1920, 1080), "4K": (3840, 2160)}  # width, height
SIZES = ((256, 448), (544, 960), (800, 1333))  # (H, W) of the network input
WINDOW = 400  # side of the window that is not the whole frame, pixels
SHIFT_XY = (0.37, 0.61)  # its place is fractional, as a search asks for it

# RGB, units of 0..255. One deviation for all channels, since blobFromImage takes no more.
MEAN = (123.675, 116.28, 103.53)
STD = 57.63


@dataclass(frozen=True, eq=False)
class Task:
    """A window of a frame, to be fitted into ``size`` by the letterbox rule and normalised.

    Attributes:
        frame_name, window_name: how a row calls them.
        frame: (h, w, 3) uint8 BGR, C-contiguous.
        window: xyxy in frame pixels, of whole sides, at a place that may be fractional.
        size: (H, W) of the network input.
    """

    frame_name: str
    window_name: str
    frame: NDArray[np.uint8]
    window: Rect
    size: tuple[int, int]

    @property
    def size_name(self) -> str:
        """``HxW``."""
        return f"{self.size[0]}x{self.size[1]}"

    @property
    def title(self) -> str:
        """The task in a line."""
        return f"{self.frame_name} {self.window_name} -> {self.size_name}"

    @cached_property
    def whole_window(self) -> tuple[int, int, int, int]:
        """The window at whole pixels, for those that know no fractions."""
        x1, y1, x2, y2 = (int(value) for value in self.window)
        return x1, y1, x2, y2

    @property
    def crop(self) -> NDArray[np.uint8]:
        """View of the frame in ``whole_window``."""
        x1, y1, x2, y2 = self.whole_window
        return self.frame[y1:y2, x1:x2]

    @cached_property
    def letterbox(self) -> Letterbox:
        """Where the window's picture lies in the network input."""
        return Letterbox(self.whole_window, self.size)

    @property
    def scale(self) -> float:
        """Output pixels for each frame pixel along a side."""
        height, width = self.crop.shape[:2]
        return min(self.size[0] / height, self.size[1] / width)

    def content(self, planes: NDArray[Any]) -> NDArray[Any]:
        """View of the part of ``planes`` (3, H, W) that holds the picture, without the bars."""
        (width, height), (left, top) = self.letterbox.content_wh, self.letterbox.offset_xy
        return planes[:, top : top + height, left : left + width]


def make_tasks(seed: int) -> Iterator[Task]:
    """Every frame with every window and every size; the same seed gives the same frames."""
    for name, (width, height) in FRAMES.items():
        frame = picture(height, width, seed)
        x, y = (width - WINDOW) // 2 + SHIFT_XY[0], (height - WINDOW) // 2 + SHIFT_XY[1]
        windows: dict[str, Rect] = {
            "whole": (0.0, 0.0, float(width), float(height)),
            f"{WINDOW}x{WINDOW}": (x, y, x + WINDOW, y + WINDOW),
        }
        for window_name, window in windows.items():
            for size in SIZES:
                yield Task(name, window_name, frame, window, size)


def picture(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Noise whose strength falls with its frequency, as in photographs: (height, width, 3) uint8.

    What it shows costs nobody time; it lets a wrong crop, channel order or scale stand out.
    """
    rng = np.random.default_rng([seed, 21])
    total = np.zeros((height, width, 3), np.float32)
    for grain in (2, 4, 8, 16, 32, 64, 128, 256):  # frame pixels
        coarse = (max(height // grain, 1), max(width // grain, 1), 3)
        noise = rng.standard_normal(coarse, dtype=np.float32) * grain**0.75
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(128 + total * (50 / total.std()), 0, 255).astype(np.uint8)
