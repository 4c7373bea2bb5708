"""Windows of one frame: those that look the same are encoded once, for all who look at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes

SAME_PX = 0.25  # of the network input: our choice, far below what its patches can tell apart
_KEPT = 16  # features of that many windows are kept for later rounds


class Encoder(Protocol):
    """What turns windows into image features, several at once."""

    def encode_images(self, frame: Any, windows_xyxy: NDArray[np.float64]) -> list[Any]: ...


class SharedWindows:
    """Encodes the windows of one frame, each once.

    Two windows are the same when no corner of theirs lies further apart than ``SAME_PX`` pixels of
    the network input. Args: the session, what it made of the frame, height and width of the
    network input.
    """

    def __init__(self, session: Encoder, frame: Any, input_hw: tuple[int, int]) -> None:
        self._session, self._frame, self._input_hw = session, frame, input_hw
        self._windows: list[Boxes] = []  # oldest first
        self._images: list[Any] = []

    def settle(self, windows: Sequence[Boxes]) -> list[Boxes]:
        """For each window the one that stands for it: encoded before, or the first of its kind."""
        settled: list[Boxes] = list(self._windows)
        for window in windows:
            settled.append(next((each for each in settled if self._same(each, window)), window))
        return settled[len(self._windows) :]

    def missing(self, windows: Sequence[Boxes]) -> list[Boxes]:
        """Those of settled ``windows`` that are not encoded yet, each once."""
        known = {id(each) for each in self._windows}
        return list({id(each): each for each in windows if id(each) not in known}.values())

    def encode(self, windows: Sequence[Boxes]) -> list[Any]:
        """Features of settled windows, in their order."""
        new = self.missing(windows)
        if new:
            self._images += self._session.encode_images(self._frame, np.stack(new))
            self._windows += new
        by_window = {id(w): image for w, image in zip(self._windows, self._images, strict=True)}
        images = [by_window[id(each)] for each in windows]
        del self._windows[:-_KEPT], self._images[:-_KEPT]
        return images

    def _same(self, a: Boxes, b: Boxes) -> bool:
        height, width = self._input_hw
        step = max((a[2] - a[0]) / width, (a[3] - a[1]) / height)  # frame pixels per input pixel
        return bool(np.abs(a - b).max() <= SAME_PX * step)
