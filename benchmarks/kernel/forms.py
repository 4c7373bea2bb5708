"""What a contestant of the kernel benchmark is: the forms that a careful engineer would try.

Every form makes the same network input of the same task: planes in R, G, B order, normalised,
fitted by the letterbox rule, bars included. It writes into memory of its own that is made
beforehand, wherever its library lets it. Of a contestant's forms its fastest counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.kernel.tasks import MEAN, STD, Rect, Task

Planes = NDArray[np.float32]

SCALE = 1 / STD  # value * SCALE + BIAS is normalised
BIAS = tuple(-mean / STD for mean in MEAN)


class Tolerance(NamedTuple):
    """How far from our kernel a right answer may be: grey levels of 0..255, on average, at most."""

    mean: float
    most: float


EXACT = Tolerance(0.255, 0.255)  # 1e-3 of the range
BYTES = Tolerance(0.6, 2.5)  # the same filter, rounded to whole grey levels once or twice
BOX = Tolerance(1.0, 12.0)  # antialiased by another filter
ALIASED = Tolerance(4.0, 60.0)  # not antialiased: reads few of the pixels


@dataclass(frozen=True, eq=False)
class Form:
    """One way to answer a task.

    Attributes:
        contestant: whose it is.
        name: what this form does.
        run: answers, (3, H, W); the memory may be that of the last answer.
        window: what it reads, frame pixels.
        tolerance: how far its answer may be from ours; None when it is no answer.
        made: all of the input; or the picture without its bars; or a picture that is stretched to
            fill the input.
    """

    contestant: str
    name: str
    run: Callable[[], Planes]
    window: Rect
    tolerance: Tolerance | None
    made: Literal["input", "content", "stretched"] = "input"


def letterboxed(task: Task) -> tuple[Planes, Planes]:
    """Planes, and the view of them that holds the picture; the rest are bars."""
    planes = np.empty((3, *task.size), np.float32)
    return planes, task.content(planes)


def with_bars(task: Task, planes: Planes, fill: Callable[[], object]) -> Callable[[], Planes]:
    """Writes the bars, which the next window has elsewhere, and the picture by ``fill``."""
    (width, height), (left, top) = task.letterbox.content_wh, task.letterbox.offset_xy
    sides = (planes[:, :, :left], planes[:, :, left + width :])
    ends = (planes[:, :top], planes[:, top + height :])
    bars = [bar for bar in (*sides, *ends) if bar.size]

    def run() -> Planes:
        for bar in bars:
            bar.fill(0)
        fill()
        return planes

    return run
