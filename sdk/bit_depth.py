"""Pictures of 16 bits a channel, of which cameras often use 10, 12 or 14."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from sdk.errors import InputError

DEPTHS = (8, 10, 12, 14, 16)  # what sensors deliver


class BitDepth:
    """How many of 16 bits the pictures of one source use: the fewest that hold all values so far.

    It only ever grows, so that the brightness of a stream changes when a brighter value shows
    that more bits are in use, and not from frame to frame. A file cannot say how many bits it
    uses, so fewer than 16 cause a warning: a picture that is dark on purpose is brightened.
    """

    def __init__(self) -> None:
        self._bits = 0

    def to_bytes(self, pixels: NDArray[np.uint16], name: str) -> NDArray[np.uint8]:
        """The upper eight of the bits in use of ``pixels``, called ``name`` in the warning."""
        if pixels.dtype != np.uint16:
            raise InputError(f"expected 16-bit values of {name}, found {pixels.dtype}")
        most = int(pixels.max(initial=0))
        bits = next(bits for bits in DEPTHS if most < 1 << bits)
        if bits > self._bits:
            self._bits = bits
            if bits < 16:
                warnings.warn(
                    f"{name}: of 16 bits a value, {bits} are in use; 0 to {(1 << bits) - 1} is"
                    " taken for black to white",
                    stacklevel=2,
                )
        return (pixels >> (self._bits - 8)).astype(np.uint8)
