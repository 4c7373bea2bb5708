"""Who takes part: anything that gives a box for an expression in a frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sdk.errors import PizaError
from sdk.frame import Frame
from sdk.results.grounding import Float32

OURS, PUBLISHED, PYTORCH, PIPELINE = "ours", "published", "pytorch", "transformers"
SLICING, RESOLUTION, SINGLE_PASS = "slicing", "resolution", "single pass"


class UnavailableError(PizaError):
    """A peer that cannot take part here; the message says why."""


@dataclass(frozen=True, eq=False)
class Reply:
    """What a contestant says.

    Attributes:
        xyxy: the box, ``(4,)`` frame pixels; None when there is none.
        looks: windows that the image network was run on.
        stages_ms: where the time went, as ``Grounding.timing_ms``; None if unknown.
    """

    xyxy: Float32 | None
    looks: int
    stages_ms: Mapping[str, float] | None = None


@dataclass(frozen=True, eq=False)
class Contestant:
    """Somebody who is asked, and how.

    Attributes:
        name: of its row; no two have the same.
        group: which kind of peer it is, one of the constants above.
        weights: method and hash of the checkpoint whose weights it has.
        ask: one question, (frame (h, w, 3) uint8 BGR, expression); this is what is timed.
        input_wh: what a window is fitted into, pixels; None where that differs from crop to crop.
        note: what has to be known about its figures.
        before: called with the expression before the clock starts.
        judged: False for one whose boxes mean nothing, with a note that says why.
        compared: its boxes are meant to be the reference's.
        every: it is asked each ``every``-th of the timed questions (the slow ones).
        survey_every: beyond the timed questions it is asked each ``survey_every``-th scene, for its
            accuracy alone; 0 for none.
        against: the contestant whose accuracy and p99 it is held against, where that is not the
            reference: weights that were trained as long as these, for example.
    """

    name: str
    group: str
    weights: str
    ask: Callable[[Frame, str], Reply]
    input_wh: tuple[int, int] | None = None
    note: str = ""
    before: Callable[[str], None] | None = None
    judged: bool = True
    compared: bool = False
    every: int = 1
    survey_every: int = 0
    against: str | None = None
