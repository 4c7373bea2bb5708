"""A small cache that forgets what was used longest ago."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

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
