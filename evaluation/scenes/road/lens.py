"""Barrel distortion by the division model (Fitzgibbon, CVPR 2001), exact in both directions.

With r the distance from the middle in halves of the diagonal: a point that a pinhole camera shows
at r_u appears at r_d, where r_u = r_d (1 - s) / (1 - s r_d^2). Corners stay where they are, so that
no border is left empty; the middle is magnified by 1 / (1 - s).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from evaluation.scenes.scene import Rect

_CELL_PX = 16  # between computed points of the map; bilinear in between, off by less than 0.01 px


@dataclass(frozen=True)
class Lens:
    """Points are (n, 2) float64, pixels of a frame of ``size_wh``, whose origin is a corner.

    Attributes:
        size_wh: of the frame.
        barrel: s above, 0 (none) to 0.2 (a strong wide-angle lens).
    """

    size_wh: tuple[int, int]
    barrel: float

    def distorted(self, xy: np.ndarray) -> np.ndarray:
        """Where the lens shows what a pinhole camera shows at ``xy``."""
        offset, square = self._from_middle(xy)
        rest = 1.0 - self.barrel
        factor = 2.0 / (rest + np.sqrt(rest * rest + 4.0 * self.barrel * square))
        return self._middle + offset * factor[..., None]

    def undistorted(self, xy: np.ndarray) -> np.ndarray:
        """Where a pinhole camera shows what the lens shows at ``xy``."""
        offset, square = self._from_middle(xy)
        factor = (1.0 - self.barrel) / (1.0 - self.barrel * square)
        return self._middle + offset * factor[..., None]

    def box(self, outline: np.ndarray) -> Rect:
        """The tight box that the lens shows of an outline, (n, 2) points of a pinhole camera."""
        bent = self.distorted(outline)
        (x1, y1), (x2, y2) = bent.min(0), bent.max(0)
        return float(x1), float(y1), float(x2), float(y2)

    def bend(self, frame: np.ndarray) -> np.ndarray:
        """What the lens makes of a pinhole camera's (h, w, 3) uint8 frame."""
        if self.barrel == 0.0:
            return frame
        w, h = self.size_wh
        columns, rows = -(-w // _CELL_PX), -(-h // _CELL_PX)
        x = (np.arange(-1, columns + 1) + 0.5) * _CELL_PX
        y = (np.arange(-1, rows + 1) + 0.5) * _CELL_PX
        coarse = self.undistorted(np.stack(np.meshgrid(x, y), axis=-1)) - 0.5
        fine_wh = ((columns + 2) * _CELL_PX, (rows + 2) * _CELL_PX)
        fine = cv2.resize(coarse.astype(np.float32), fine_wh, interpolation=cv2.INTER_LINEAR)
        maps = fine[_CELL_PX : _CELL_PX + h, _CELL_PX : _CELL_PX + w]
        return cv2.remap(frame, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    @property
    def _middle(self) -> np.ndarray:
        return np.array(self.size_wh, np.float64) / 2

    def _from_middle(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Offset from the middle, pixels, and its squared length in halves of the diagonal."""
        offset = np.asarray(xy, np.float64) - self._middle
        return offset, (offset**2).sum(-1) / (self._middle**2).sum()


def framed(outline: Sequence[tuple[float, float]] | np.ndarray, box: Rect) -> np.ndarray:
    """An outline in unit coordinates, (n, 2), laid over a box, pixels."""
    x1, y1, x2, y2 = box
    return np.array([x1, y1]) + np.asarray(outline) * np.array([x2 - x1, y2 - y1])
