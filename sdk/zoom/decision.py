"""From the outcome of a search to the answer: is it good enough, and if not, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdk.digits import apart
from sdk.results.grounding import Grounding, Rival
from sdk.text import Tokens
from sdk.timing import Deadline
from sdk.zoom.calibration import Calibration
from sdk.zoom.search import Search


@dataclass(frozen=True, eq=False)
class CallContext:
    """What the answers of one call have in common."""

    frame: NDArray[np.uint8]
    color: str
    deadline: Deadline
    timing_ms: Mapping[str, float]


@dataclass(frozen=True)
class Judge:
    """``calibration``: what scores mean. ``threshold``: the score from which an object counts as
    found. ``engine``: its label."""

    calibration: Calibration
    threshold: float
    engine: str

    def __call__(self, asked: CallContext, ref: str, tokens: Tokens, outcome: Search) -> Grounding:
        """The answer to one expression."""
        score = self.calibration.score(outcome.zooms, outcome.first_score)
        reason = self._reason(asked, ref, tokens, outcome, score)
        return Grounding(
            ref=ref,
            found=reason is None,
            score=score,
            xyxy=outcome.zooms[-1].xyxy if outcome.zooms else None,
            zooms=outcome.zooms,
            frame_wh=(asked.frame.shape[1], asked.frame.shape[0]),
            engine=self.engine,
            timing_ms=asked.timing_ms,
            reason=reason,
            unknown_words=tokens.unknown,
            color=asked.color,
            frame=asked.frame,
            complete=outcome.complete or not tokens.understood,
            rival=None if outcome.fault else self._rival(outcome),
            abandoned=outcome.abandoned,
            first_score=outcome.first_score,
        )

    def _rival(self, outcome: Search) -> Rival | None:
        return self.calibration.rival(outcome.zooms, outcome.first_score)

    def _reason(
        self, asked: CallContext, ref: str, tokens: Tokens, outcome: Search, score: float
    ) -> str | None:
        """Why there is no answer to rely on; None when there is."""
        if not tokens.understood:
            return f"the engine knows none of the words of {ref!r}"
        if outcome.fault is not None:
            return outcome.fault
        if not outcome.zooms:
            return (
                f"the deadline of {asked.deadline.limit_ms:g} ms left no time for a first step:"
                f" {asked.deadline.why_no_step()}"
            )
        if not outcome.complete:
            steps = "1 step" if len(outcome.zooms) == 1 else f"{len(outcome.zooms)} steps"
            return (
                f"the deadline of {asked.deadline.limit_ms:g} ms ended the search after {steps}:"
                " the box is only the place that it had come to"
            )
        if score < self.threshold:
            below, least = apart(score, self.threshold)
            return f"the score {below} is below the threshold {least}"
        return None
