"""The checks of what a caller asks for, besides the frame: each returns it as it is used.

Numbers are numbers, whoever made them: Python's, NumPy's scalars, fractions. Truth values, texts,
arrays, NaN and infinity are none.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

from sdk.cores import MAX_THREADS
from sdk.errors import InputError
from sdk.zoom.state import Start

Number = float | np.floating[Any] | np.integer[Any]
Whole = int | np.integer[Any]

MAX_BEAM = 16
MAX_SECONDS = 1e6  # of a wait, eleven days: what every library's clock can count to


def check_number(
    value: Any,
    what: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    above: bool = False,
    infinite: bool = False,
    expected: str | None = None,
) -> float:
    """A number from ``low`` to ``high``, both included, as a float; finite, as a rule.

    Args:
        value: what the caller gave.
        what: the option, as messages name it: ``"a threshold"``.
        low: the least that is allowed.
        high: the most.
        above: ``low`` itself is not allowed.
        infinite: infinity counts as a number, and stands for "never".
        expected: instead of ``what`` with its range.

    Raises:
        InputError: it is something else.
    """
    number = _as_float(value)
    fine = number is not None and low <= number <= high and (infinite or math.isfinite(number))
    if number is None or not fine or (above and number == low):
        said = expected or f"{what} {_range(low, high, above)}"
        raise InputError(f"expected {said}, got {_shown(value)}")
    return number


def check_whole(value: Any, what: str, low: int, high: int | None = None) -> int:
    """A whole number from ``low`` to ``high`` (None: any), as an int; 2.0 is none.

    Raises:
        InputError: it is something else; the message names ``what``.
    """
    fine = isinstance(value, Integral) and not isinstance(value, bool)
    if not fine or value < low or (high is not None and value > high):
        limits = f"of at least {low}" if high is None else f"of {low} to {high}"
        raise InputError(f"expected {what}, a whole number {limits}, got {_shown(value)}")
    return int(value)


def check_flag(value: Any, what: str) -> bool:
    """True or False, as a bool; 0, 1 and texts are neither."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"expected {what} to be True or False, got {_shown(value)}")
    return bool(value)


def check_path(value: Any, what: str) -> Path:
    """A path as a ``Path``."""
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str):
        raise InputError(f"expected the path of {what}, got {_shown(value)}")
    return Path(value)


def check_refs(ref: Any) -> list[str]:
    """One expression or several, as a list; their content is the tokenizer's to check."""
    if isinstance(ref, str):
        return [ref]
    if not isinstance(ref, list | tuple):
        raise InputError(f"expected an expression or a list of them, got {type(ref).__name__}")
    return list(ref)


def check_unit(value: Any, what: str) -> float:
    """A number in 0..1."""
    return check_number(value, what, 0.0, 1.0, expected=f"{what} in 0..1")


def check_beam(beam: Any) -> int:
    """How many candidates are followed, 1 to 16."""
    return check_whole(beam, "a beam", 1, MAX_BEAM)


def check_threads(threads: Any) -> int:
    """A number of CPU threads, 1 to 256."""
    return check_whole(threads, "threads", 1, MAX_THREADS)


def check_deadline(deadline_ms: Any) -> float | None:
    """Milliseconds above 0, or None."""
    if deadline_ms is None:
        return None
    return check_number(
        deadline_ms, "a deadline", 0.0, above=True, expected="a deadline_ms above 0 or None"
    )


def check_timeout(timeout_s: Any) -> float | None:
    """Seconds above 0, or None for ever."""
    if timeout_s is None:
        return None
    said = f"a timeout_s above 0, up to {MAX_SECONDS:g}, or None"
    return check_number(timeout_s, "a timeout", 0.0, MAX_SECONDS, above=True, expected=said)


def check_starts(start: Any, count: int, frame_wh: tuple[int, int]) -> list[Start | None]:
    """One start (or None) for each of ``count`` expressions; a single one is for all of them.

    A start without a window, as ``Start(answer.xyxy)`` of an answer without a box is, stands for
    the whole frame, that is for None.
    """
    starts = list(start) if isinstance(start, list | tuple) else [start] * count
    if len(starts) != count:
        raise InputError(f"expected {count} starts, one for each expression, got {len(starts)}")
    return [_check_start(each, frame_wh) for each in starts]


def _check_start(start: Any, frame_wh: tuple[int, int]) -> Start | None:
    if start is None:
        return None
    if not isinstance(start, Start):
        raise InputError(f"expected a sdk.Start or None, got {type(start).__name__}")
    below = check_unit(start.restart_below, "restart_below")
    first = start.first_score
    first = None if first is None else check_unit(first, "first_score")
    if start.window_xyxy is None:
        return None
    return Start(_check_window(start.window_xyxy, frame_wh), below, first)


def _check_window(window_xyxy: Any, frame_wh: tuple[int, int]) -> Sequence[float]:
    """``x1, y1, x2, y2`` of a window that shows some of the frame."""
    try:
        window = np.asarray(window_xyxy, dtype=np.float64)
    except (TypeError, ValueError):
        window = np.empty(0)
    fine = window.shape == (4,) and np.isfinite(window).all() and (window[2:] > window[:2]).all()
    if not fine:
        raise InputError(
            f"expected a window (x1, y1, x2, y2) with an area, got {_shown(window_xyxy)}"
        )
    if (window[2:] <= 0).any() or (window[:2] >= frame_wh).any():
        raise InputError(
            f"expected a window that shows some of the {frame_wh[0]}x{frame_wh[1]} frame, got"
            f" {window.tolist()}, all of it outside: start=None looks at the whole frame"
        )
    return window.tolist()


def _as_float(value: Any) -> float | None:
    """A number as a float; None for what is none, or too large to be one."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        return float(value)
    except OverflowError:  # an int beyond every float
        return None


def _range(low: float, high: float, above: bool) -> str:
    if math.isinf(high):
        if math.isinf(low):
            return "that is finite"
        return f"above {low:g}" if above else f"of at least {low:g}"
    return f"of {'above ' * above}{low:g} to {high:g}"


def _shown(value: Any) -> str:
    """A value in a message: on one line, and short."""
    try:
        said = " ".join(repr(value).split())
    except Exception:  # whatever a stranger's __repr__ raises
        said = type(value).__name__
    return said if len(said) <= 80 else f"{said[:77]}..."
