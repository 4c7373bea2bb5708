"""What a server counts, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from sdk.results.grounding import Grounding

MEDIA_TYPE = CONTENT_TYPE_LATEST
# Seconds: from a search on a small GPU to the longest that a request may take.
BUCKETS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """The figures of one server, apart from those of others in the same process.

    Args:
        waiting: tells how many requests have a place at the moment.
    """

    def __init__(self, waiting: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)  # memory, CPU time, open files
        self._engine = Info("piza_engine", "The engine that answers.", registry=self._registry)
        self._requests = Counter(
            "piza_requests",
            "Requests to /locate, by their HTTP status.",
            ["status"],
            registry=self._registry,
        )
        self._answers = Counter(
            "piza_answers",
            "Expressions that were answered, by the verdict.",
            ["verdict"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "piza_request_seconds",
            "From a request's arrival to its answer, of those with one.",
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._stages = Counter(
            "piza_stage_seconds",
            "Time spent in the stages of searches.",
            ["stage"],
            registry=self._registry,
        )
        gauge = Gauge(
            "piza_requests_in_progress", "Requests that have a place.", registry=self._registry
        )
        gauge.set_function(waiting)

    def opened(self, engine: str) -> None:
        """Names the engine."""
        self._engine.info({"engine": engine})

    def responded(self, status: int) -> None:
        """Counts a response."""
        self._requests.labels(str(status)).inc()

    def answered(self, answers: Sequence[Grounding], seconds: float) -> None:
        """Counts the answers of one request, which share their timing, and what it took."""
        self._seconds.observe(seconds)
        for answer in answers:
            verdict = "found" if answer.found else "not_found" if answer.complete else "incomplete"
            self._answers.labels(verdict).inc()
        for stage, ms in answers[0].timing_ms.items():
            if stage != "total":
                self._stages.labels(stage).inc(max(ms, 0.0) / 1e3)

    def text(self) -> bytes:
        """All of it, in the text format of Prometheus (``MEDIA_TYPE``)."""
        return generate_latest(self._registry)
