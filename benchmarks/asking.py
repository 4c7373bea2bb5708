"""One question to a grounder: how long it took, and what the answer is worth."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from evaluation.questions import Rect
from evaluation.scoring import Outcome, judge
from sdk.geometry import contains
from sdk.results.grounding import Grounding

Given = TypeVar("Given")
LEAST_FOR_P999 = 10_000  # with fewer runs the one in a thousand is a few accidents
_TOLERANCE_PX = 1.0


@dataclass(frozen=True)
class Run:
    """One question, timed.

    Attributes:
        wall_ms: the search.
        stages_ms: its stages, as the grounder counted them.
        steps: its zooms.
        decode_ms: what came before it, reading the frame's JPEG.
        upload_ms: bringing the frame to the device, timed by itself.
        at_s: when the search began, since the first that counts.
        ref: the expression.
        looks: how often each network ran.
    """

    wall_ms: float
    stages_ms: Mapping[str, float]
    steps: int
    decode_ms: float = 0.0
    upload_ms: float = 0.0
    at_s: float = 0.0
    ref: str = ""
    looks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call(Outcome):
    """One question, timed, and its answer held against the truth.

    Attributes:
        wall_ms: NaN where nobody looked at the clock.
        complete: the search was not stopped.
        place: the box holds the target, or is it (a search on its way has a place, no object).
        last_score: the network's own, of the last step.
        absent: the expression is true of nothing.
        rival: one was reported.
    """

    wall_ms: float = math.nan
    complete: bool = True
    place: bool = False
    last_score: float = 0.0
    absent: bool = False
    rival: bool = False

    def record(self, *names: str) -> dict[str, Any]:
        """Some of what it says, as plain values."""
        return {name: getattr(self, name) for name in names}


def judge_call(answer: Grounding, target_xyxy: Rect | None, wall_ms: float = math.nan) -> Call:
    """An answer that took ``wall_ms``, held against the true box ``(4,)`` or None; the steps of a
    warm start that was given up count."""
    outcome = judge(answer, target_xyxy)
    boxes = answer.xyxy is not None and target_xyxy is not None
    holds = boxes and bool(contains(answer.xyxy, target_xyxy, _TOLERANCE_PX))
    told = {**vars(outcome), "steps": len(answer.zooms) + len(answer.abandoned)}
    return Call(
        **told,
        wall_ms=wall_ms,
        complete=answer.complete,
        place=holds or outcome.right,
        last_score=answer.zooms[-1].raw_score if answer.zooms else 0.0,
        absent=target_xyxy is None,
        rival=answer.rival is not None,
    )


def timed(call: Callable[[], Given]) -> tuple[Given, float]:
    """What a call gives, and its wall-clock milliseconds."""
    begin = time.perf_counter()
    given = call()
    return given, (time.perf_counter() - begin) * 1e3


def percentiles(times_ms: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99 (linear between ranks), from 10,000 values on p99.9, mean, least and most."""
    ranks = {"p50_ms": 50.0, "p90_ms": 90.0, "p99_ms": 99.0}
    if len(times_ms) >= LEAST_FOR_P999:
        ranks["p999_ms"] = 99.9
    values = np.percentile(times_ms, list(ranks.values()))
    return {
        **{name: float(value) for name, value in zip(ranks, values, strict=True)},
        "mean_ms": float(np.mean(times_ms)),
        "min_ms": float(min(times_ms)),
        "max_ms": float(max(times_ms)),
    }


def mean(values: Sequence[float]) -> float:
    """NaN of nothing."""
    return float(np.mean(values)) if values else math.nan
