"""How sure is a ratio of two measurements? Bootstrap intervals of medians and of their ratios."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import iou
from sdk.results.grounding import Float32

Numbers = NDArray[np.float64]
Statistic = Callable[[Numbers], float]

_RESAMPLES = 2000  # of which a 95 % interval leaves out fifty on either side
_SEED = 20


def interval_of_ratio(
    old: Sequence[float], new: Sequence[float], level: float, statistic: Statistic = np.median
) -> tuple[float, float, float]:
    """``statistic(new) / statistic(old)`` and its interval, from two independent series.

    Args:
        old: in the order in which they were measured, positive, at least one.
        new: likewise; of any other length.
        level: of the interval, such as 0.95.
        statistic: of one series.

    Returns:
        The ratio, the lower and the upper end (percentile method, Efron 1979).
    """
    a, b = np.asarray(old, np.float64), np.asarray(new, np.float64)
    rng = np.random.default_rng(_SEED)
    drawn = [
        statistic(b[_resample(len(b), rng)]) / statistic(a[_resample(len(a), rng)])
        for _ in range(_RESAMPLES)
    ]
    return (statistic(b) / statistic(a), *_ends(drawn, level))


def interval_of_paired_ratio(
    old: Sequence[float], new: Sequence[float], level: float
) -> tuple[float, float, float]:
    """The median of ``new / old``, pair by pair, and its interval.

    What makes one question slower than another is in both and cancels out.

    Args:
        old: in the order in which they were measured, positive, at least one.
        new: of the same questions, in the same order.
        level: of the interval, such as 0.95.

    Returns:
        The median, the lower and the upper end (percentile method, Efron 1979).
    """
    ratios = np.asarray(new, np.float64) / np.asarray(old, np.float64)
    rng = np.random.default_rng(_SEED)
    drawn = [np.median(ratios[_resample(len(ratios), rng)]) for _ in range(_RESAMPLES)]
    return (float(np.median(ratios)), *_ends(drawn, level))


def _resample(count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Indices of a resample: whole stretches, since a slow moment slows neighbours down together.

    Circular blocks (Politis and Romano 1992), as long as the cube root of the series.
    """
    length = max(1, round(count ** (1 / 3)))
    starts = rng.integers(count, size=-(-count // length))
    indices: NDArray[np.intp] = (starts[:, None] + np.arange(length)) % count
    return indices.ravel()[:count]


def _ends(drawn: Sequence[float], level: float) -> tuple[float, float]:
    low, high = np.percentile(drawn, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


SAME_IOU = 0.99  # as in an engine's certificate


def same_box(a: Float32 | None, b: Float32 | None) -> bool:
    """Whether two answers are one: boxes of an IoU of ``SAME_IOU`` or more, or none on either side.

    Args:
        a: ``(4,)`` xyxy, frame pixels, or None.
        b: likewise, of the same frame.

    Returns:
        False where only one of them is None.
    """
    if a is None or b is None:
        return a is b
    return float(iou(a, b)) >= SAME_IOU
