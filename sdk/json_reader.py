"""Typed access to parsed JSON by dotted key, with errors that name the source and the key."""

from __future__ import annotations

import math
import sys
from typing import Any

from sdk.errors import EngineError, PizaError


class JsonReader:
    """Values of a parsed JSON object, checked one by one.

    Args:
        data: what ``json.loads`` gave.
        source: where it came from, for messages.
        error: what is raised for a value that is missing or makes no sense.
    """

    def __init__(self, data: Any, source: str, error: type[PizaError] = EngineError) -> None:
        self.source = source
        self._error = error
        if not isinstance(data, dict):
            raise error(f"{source}: expected a JSON object, got {type(data).__name__}")
        self._data = data

    def raw(self, key: str) -> Any:
        """The value as it is; it must be there."""
        value: Any = self._data
        for part in key.split("."):
            if not isinstance(value, dict) or part not in value:
                raise self._error(f"{self.source}: has no {key!r}")
            value = value[part]
        return value

    def has(self, key: str) -> bool:
        """Whether there is such a value at all."""
        return key in self._data

    def text(self, key: str, choices: tuple[str, ...] = ()) -> str:
        """A string that is not empty; one of ``choices`` where they are given."""
        value = self.raw(key)
        if not _is_text(value) or (choices and value not in choices):
            raise self.fault(key, f"one of {', '.join(choices)}" if choices else "a name", value)
        return str(value)

    def boolean(self, key: str) -> bool:
        """True or false."""
        value = self.raw(key)
        if not isinstance(value, bool):
            raise self.fault(key, "true or false", value)
        return value

    def mapping(self, key: str, *, optional: bool = False) -> dict[str, Any]:
        """An object; an empty one where an optional one is missing."""
        value = {} if optional and key not in self._data else self.raw(key)
        if not isinstance(value, dict):
            raise self.fault(key, "an object", value)
        return value

    def part(self, key: str) -> JsonReader:
        """An object, as a reader."""
        return JsonReader(self.mapping(key), f"{self.source}, {key}", self._error)

    def parts(self, key: str) -> dict[str, JsonReader]:
        """An object of objects, each of them as a reader."""
        return {
            name: JsonReader(each, f"{self.source}, {key}.{name}", self._error)
            for name, each in self.mapping(key).items()
        }

    def number(self, key: str, low: float, high: float = math.inf, *, whole: bool = False) -> float:
        """A finite number in ``low..high``."""
        value = self.raw(key)
        if not _is_number(value, low, high) or (whole and value != int(value)):
            kind = "a whole number" if whole else "a number"
            raise self.fault(key, f"{kind} in {low:g}..{high:g}", value)
        return float(value)

    def optional_number(self, key: str, low: float, high: float) -> float | None:
        """A number as ``number`` takes it, or None where the value is null or is not there."""
        absent = isinstance(self._data, dict) and self._data.get(key) is None
        return None if absent else self.number(key, low, high)

    def numbers(self, key: str, count: int, low: float, high: float) -> tuple[float, ...]:
        """``count`` finite numbers in ``low..high``."""
        value = self.raw(key)
        fits = isinstance(value, list) and len(value) == count
        if not fits or not all(_is_number(v, low, high) for v in value):
            raise self.fault(key, f"{count} numbers in {low:g}..{high:g}", value)
        return tuple(float(v) for v in value)

    def items(self, key: str, most: int) -> list[JsonReader]:
        """A list of at most ``most`` objects, each as a reader."""
        value = self.raw(key)
        if not isinstance(value, list) or len(value) > most:
            raise self.fault(key, f"a list of at most {most}", value)
        return [
            JsonReader(each, f"{self.source}, {key}[{k}]", self._error)
            for k, each in enumerate(value)
        ]

    def texts(self, key: str, most: int) -> tuple[str, ...]:
        """At most ``most`` strings that are not empty."""
        value = self.raw(key)
        fits = isinstance(value, list) and len(value) <= most
        if not fits or not all(_is_text(each) for each in value):
            raise self.fault(key, f"a list of at most {most} names", value)
        return tuple(value)

    def fault(self, key: str, expected: str, value: Any) -> PizaError:
        """The error that says what was expected of a key."""
        return self._error(f"{self.source}: expected {key!r} to be {expected}, got {value!r:.80}")


def _is_number(value: Any, low: float, high: float) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and low <= value <= high and abs(value) <= sys.float_info.max


def _is_text(value: Any) -> bool:
    """Not empty, and without the halves of characters that JSON can spell and UTF-8 cannot."""
    if not isinstance(value, str) or not value:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in value)
