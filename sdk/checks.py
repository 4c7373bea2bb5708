"""The checks of what a caller asks for, besides the frame: each returns it as it is used."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdk.errors import InputError
from sdk.trail import Start

MAX_BEAM = 16


def check_refs(ref: Any) -> list[str]:
    """One expression or several, as a list; their content is the tokenizer's to check."""
    if isinstance(ref, str):
        return [ref]
    if not isinstance(ref, list | tuple):
        raise InputError(f"expected an expression or a list of them, got {type(ref).__name__}")
    return list(ref)


def check_unit(value: Any, what: str) -> float:
    """A number in 0..1."""
    if not _is_number(value) or not 0.0 <= value <= 1.0:
        raise InputError(f"expected {what} in 0..1, got {value!r}")
    return float(value)


def check_beam(beam: Any) -> int:
    """How many candidates are followed, 1 to 16."""
    if not isinstance(beam, int) or isinstance(beam, bool) or not 1 <= beam <= MAX_BEAM:
        raise InputError(f"expected a beam of 1 to {MAX_BEAM}, got {beam!r}")
    return beam


def check_deadline(deadline_ms: Any) -> float | None:
    """Milliseconds above 0, or None."""
    if deadline_ms is None:
        return None
    if not _is_number(deadline_ms) or deadline_ms <= 0:
        raise InputError(f"expected a deadline above 0 ms, got {deadline_ms!r}")
    return float(deadline_ms)


def check_starts(start: Any, count: int) -> list[Start | None]:
    """One start (or None) for each of ``count`` expressions; a single one is for all of them."""
    starts = list(start) if isinstance(start, list | tuple) else [start] * count
    if len(starts) != count:
        raise InputError(f"expected {count} starts, one for each expression, got {len(starts)}")
    for each in starts:
        if each is None:
            continue
        if not isinstance(each, Start):
            raise InputError(f"expected a sdk.Start or None, got {type(each).__name__}")
        check_unit(each.restart_below, "restart_below")
        _check_window(each.window_xyxy)
    return starts


def _check_window(window_xyxy: Any) -> None:
    try:
        window = np.asarray(window_xyxy, dtype=np.float64)
    except (TypeError, ValueError):
        window = np.empty(0)
    fine = window.shape == (4,) and np.isfinite(window).all() and (window[2:] > window[:2]).all()
    if not fine:
        raise InputError(
            f"expected a window (x1, y1, x2, y2) with an area, got {window_xyxy!r:.80}"
        )


def _is_number(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond every float
        return False
