"""Numbers beside a verdict, printed so that they do not contradict it."""

from __future__ import annotations


def apart(value: float, bound: float, digits: int = 3) -> tuple[str, str]:
    """Both numbers, with ``digits`` after the point or as many more as it takes to tell that
    ``value`` is below ``bound`` where it is."""
    texts = f"{value:.{digits}f}", f"{bound:.{digits}f}"
    if value < bound and texts[0] == texts[1] and digits < 17:
        return apart(value, bound, digits + 1)
    return texts
