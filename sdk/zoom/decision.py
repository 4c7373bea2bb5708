"""From the outcome of a search to the answer: is it good enough, and if not, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sdk.digits import apart
from sdk.families.family import Call, Query
from sdk.results.grounding import Grounding, Rival
from sdk.timing import Deadline
from sdk.zoom.calibration import Calibration
from sdk.zoom.search import Search


@dataclass(frozen=True)
class Judge:
    """``calibration``: what scores mean. ``threshold``: the score from which an object counts as
    found. ``engine``: its label."""

    calibration: Calibration
    threshold: float
    engine: str

    def __call__(
        self, call: Call, timing_ms: Mapping[str, float], query: Query, outcome: Search
    ) -> Grounding:
        """The answer to one query of the call, which took that many milliseconds by stage."""
        score = self.calibration.score(outcome.zooms, outcome.first_score)
        reason = self._reason(call.deadline, query, outcome, score)
        return call.answered(
            query,
            found=reason is None,
            score=score,
            xyxy=outcome.zooms[-1].xyxy if outcome.zooms else None,
            zooms=outcome.zooms,
            engine=self.engine,
            timing_ms=timing_ms,
            reason=reason,
            complete=outcome.complete or not query.understood,
            rival=None if outcome.fault else self._rival(outcome),
            abandoned=outcome.abandoned,
            first_score=outcome.first_score,
        )

    def _rival(self, outcome: Search) -> Rival | None:
        return self.calibration.rival(outcome.zooms, outcome.first_score)

    def _reason(
        self, deadline: Deadline, query: Query, outcome: Search, score: float
    ) -> str | None:
        """Why there is no answer to rely on; None when there is."""
        if not query.understood:
            return f"the engine knows none of the words of {query.ref!r}"
        if outcome.fault is not None:
            return outcome.fault
        if not outcome.zooms:
            return (
                f"the deadline of {deadline.limit_ms:g} ms left no time for a first step:"
                f" {deadline.why_no_step()}"
            )
        if not outcome.complete:
            steps = "1 step" if len(outcome.zooms) == 1 else f"{len(outcome.zooms)} steps"
            return (
                f"the deadline of {deadline.limit_ms:g} ms ended the search after {steps}:"
                " the box is only the place that it had come to"
            )
        if score < self.threshold:
            below, least = apart(score, self.threshold)
            return f"the score {below} is below the threshold {least}"
        return None
