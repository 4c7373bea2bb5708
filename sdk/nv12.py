"""``Nv12``: frames as cameras and decoders hold them, which the crop kernel takes as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.errors import InputError


class Nv12:
    """A frame of brightness for each pixel and colour for each four: ``color="nv12"`` of cpp_ext.

    It goes wherever a BGR frame does. The kernel reads its bytes, half as many as those of BGR;
    everybody else sees an array ``(h, w, 3)`` uint8 BGR whose pixels are made when they are asked
    for (drawing, bundles, the colours that words tell of), equal to those that the kernel makes.
    The colours are video-range YCbCr of ITU-R BT.601.

    Args:
        rows: ``(h * 3 / 2, w)`` uint8, h and w even: h rows of luma, then h / 2 of U and V in
            turn. Rows may lie any distance apart. It is kept, not copied.

    Raises:
        InputError: another shape or type.

    Example:
        >>> grounder.locate(Nv12(buffer.reshape(height * 3 // 2, width)), "the white van")
    """

    dtype = np.dtype(np.uint8)
    ndim = 3

    def __init__(self, rows: NDArray[np.uint8]) -> None:
        what = "expected the rows of NV12 as (h * 3 / 2, w) uint8, h and w even"
        if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8 or rows.ndim != 2:
            kind = f"{rows.dtype} {rows.shape}" if isinstance(rows, np.ndarray) else type(rows)
            raise InputError(f"{what}, got {kind}")
        height, width = rows.shape[0] // 3 * 2, rows.shape[1]
        if rows.shape[0] % 3 or width % 2 or not rows.size:
            raise InputError(f"{what}, got {rows.shape[0]}x{width}")
        self.rows = rows if rows.strides[1] == 1 else np.ascontiguousarray(rows)
        self.shape = (height, width, 3)

    @classmethod
    def from_planes(cls, luma: NDArray[np.uint8], chroma: NDArray[np.uint8]) -> Nv12:
        """A frame whose planes lie apart; they are copied.

        Args:
            luma: ``(h, w)`` uint8.
            chroma: ``(h / 2, w / 2, 2)`` or ``(h / 2, w)`` uint8, U and V in turn.

        Raises:
            InputError: another shape or type.
        """
        planes = [np.asarray(each) for each in (luma, chroma)]
        height, width = planes[0].shape if planes[0].ndim == 2 else (1, 1)
        shapes = ((height // 2, width // 2, 2), (height // 2, width))
        if height % 2 or width % 2 or planes[1].shape not in shapes:
            raise InputError(
                "expected luma (h, w) and chroma (h / 2, w / 2, 2), h and w even, got"
                f" {planes[0].shape} and {planes[1].shape}"
            )
        return cls(np.concatenate([planes[0], planes[1].reshape(height // 2, width)]))

    def copy(self) -> Nv12:
        """One with bytes of its own."""
        return Nv12(self.rows.copy())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("the pixels of an Nv12 are always made anew")
        return np.asarray(self[:, :], dtype)

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        """The pixels that an index of rows and columns picks, ``(..., 3)``; others see an array."""
        height, width, _ = self.shape
        if not isinstance(key, tuple) or len(key) != 2 or any(part is Ellipsis for part in key):
            return np.asarray(self)[key]
        rows = np.broadcast_to(np.arange(height)[:, None], (height, width))[key]
        columns = np.broadcast_to(np.arange(width), (height, width))[key]
        below, pair = height + rows // 2, columns // 2 * 2
        return _bgr(self.rows[rows, columns], self.rows[below, pair], self.rows[below, pair + 1])

    def __repr__(self) -> str:
        return f"Nv12({self.shape[1]}x{self.shape[0]})"


def _bgr(luma: NDArray[np.uint8], u: NDArray[np.uint8], v: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """BT.601 in 16 fraction bits, as ``yuv_to_rgb`` of cpp_ext. ``(...) -> (..., 3)``."""
    bright = np.maximum(luma.astype(np.int32) - 16, 0) * 76309
    blue, red = u.astype(np.int32) - 128, v.astype(np.int32) - 128
    fixed = (bright + 132201 * blue, bright - 25675 * blue - 53279 * red, bright + 104597 * red)
    return np.clip((np.stack(fixed, axis=-1) + (1 << 15)) >> 16, 0, 255).astype(np.uint8)
