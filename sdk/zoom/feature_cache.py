"""Windows of one frame: those that look the same are encoded once, for all who look at them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes

SAME_PX = 0.25  # of the network input: our choice, far below what its patches can tell apart
_KEPT = 16  # features of that many windows are kept for later rounds


class Encoder(Protocol):
    """What turns windows into image features, several at once."""

    def encode_images(self, frame: Any, windows_xyxy: NDArray[np.float64]) -> list[Any]: ...


def window_key(window: Boxes) -> bytes:
    """What settled windows are told apart by: their coordinates, bit for bit."""
    return window.tobytes()


class SharedWindows:
    """Encodes the windows of one frame, each once.

    Two windows are the same when no corner of theirs lies further apart than ``SAME_PX`` pixels of
    the network input. Args: the session, what it made of the frame, height and width of the
    network input.
    """

    def __init__(self, session: Encoder, frame: Any, input_hw: tuple[int, int]) -> None:
        self._session, self._frame, self._input_hw = session, frame, input_hw
        self._known: dict[bytes, tuple[Boxes, Any]] = {}  # windows and features, oldest first

    def settle(self, windows: Sequence[Boxes]) -> list[Boxes]:
        """For each window the one that stands for it: encoded before, or the first of its kind."""
        settled = [window for window, _ in self._known.values()]
        for window in windows:
            settled.append(next((each for each in settled if self._same(each, window)), window))
        return settled[len(self._known) :]

    def missing(self, windows: Sequence[Boxes]) -> list[Boxes]:
        """Those of settled ``windows`` that are not encoded yet, each once."""
        by_key = {window_key(each): each for each in windows}
        return [window for key, window in by_key.items() if key not in self._known]

    def encode(self, windows: Sequence[Boxes]) -> list[Any]:
        """Features of settled windows, in their order."""
        new = self.missing(windows)
        if new:
            images = self._session.encode_images(self._frame, np.stack(new))
            for window, image in zip(new, images, strict=True):
                self._known[window_key(window)] = window, image
        features = [self._known[window_key(each)][1] for each in windows]
        self._known = dict(list(self._known.items())[-_KEPT:])
        return features

    def _same(self, a: Boxes, b: Boxes) -> bool:
        height, width = self._input_hw
        step = max((a[2] - a[0]) / width, (a[3] - a[1]) / height)  # frame pixels per input pixel
        return bool(np.abs(a - b).max() <= SAME_PX * step)


Value = TypeVar("Value")


class LruCache(Generic[Value]):
    """At most ``capacity`` values by key. Thread-safe; values are made one at a time."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.RLock()  # a signal handler may ask too

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value for ``key``, made by ``make()`` when it is not there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            value = self._values[key] = make()
            if len(self._values) > self._capacity:
                self._values.popitem(last=False)
            return value

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._values.clear()
