"""Latency of whole searches, single stream: one question after the other, and where it goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Workload
from sdk.results import Grounding

STAGES = ("crop", "text", "image", "ground", "host")
LEAST_FOR_P999 = 10_000  # with fewer runs the one in a thousand is a few accidents
DISTINCT = 512  # questions before they come again: twice as many as a grounder remembers

Given = TypeVar("Given")
Upload = Callable[[NDArray[np.uint8]], Any]


class SingleLocator(Protocol):
    """What is measured: ``sdk.Grounder``, or anything that answers like it."""

    def locate(self, frame: NDArray[np.uint8], ref: str) -> Grounding:
        """The answer to one expression."""


@dataclass(frozen=True)
class Run:
    """One question: from the camera's JPEG to the answer.

    ``wall_ms``: the search. ``stages_ms``: its stages, as the grounder counted them. ``steps``: its
    zooms. ``decode_ms``, ``upload_ms``: what comes before it. ``at_s``: when the search began,
    since the first that counts. ``ref``: the expression.
    """

    wall_ms: float
    stages_ms: dict[str, float]
    steps: int
    decode_ms: float = 0.0
    upload_ms: float = 0.0
    at_s: float = 0.0
    ref: str = ""


def measure(
    locator: SingleLocator,
    workload: Workload,
    warmup: int,
    runs: int | None = None,
    upload: Upload = lambda frame: frame,
    progress: Callable[[Sequence[Any]], Iterable[Any]] = iter,
) -> list[Run]:
    """Time each question, one after the other; the first ``warmup`` do not count.

    Every frame is a JPEG in memory and is decoded again for every question, as a camera's is. The
    stages of a search are timed inside of it, so that they share its caches and its clock.

    Args:
        locator: who answers.
        workload: what is asked, from the beginning again when it ends.
        warmup: questions before those that count.
        runs: questions that count; by default what is left of the workload.
        upload: brings a frame to the device; timed by itself, since a search does it inside.
        progress: wraps the questions, to show how far it got.
    """
    from sdk.frame import decode_image, encode_image

    pictures = [encode_image(frame, ".jpg") for frame in workload.frames]
    distinct = len(workload.questions)
    total = distinct if runs is None else warmup + runs
    counted: list[Run] = []
    start_s = 0.0
    for index in progress(range(total)):
        if index == warmup:
            start_s = time.perf_counter()
        picture, ref = workload.questions[index % distinct]
        frame, decode_ms = timed(partial(decode_image, pictures[picture], "the frame"))
        upload_ms = timed(partial(upload, frame))[1]
        begin_s = time.perf_counter()
        answer, wall_ms = timed(partial(locator.locate, frame, ref))
        if index >= warmup:
            stages = {stage: answer.timing_ms[stage] for stage in STAGES}
            steps = len(answer.zooms)
            counted.append(
                Run(wall_ms, stages, steps, decode_ms, upload_ms, begin_s - start_s, ref)
            )
    return counted


def summarise(runs: Sequence[Run], deadline_ms: float | None = None) -> dict[str, Any]:
    """Figures of the whole, ``rows`` with those of each part, and the raw samples.

    Percentiles are linear between ranks. ``p999_ms`` is there from 10,000 runs on. ``deadline``
    counts the searches that took longer than ``deadline_ms``: they were not told of it.
    ``throughput_per_s`` is that of one stream of searches.
    """
    parts = {
        "search": [run.wall_ms for run in runs],
        **{stage: [run.stages_ms[stage] for run in runs] for stage in STAGES},
        "decode": [run.decode_ms for run in runs],
        "upload": [run.upload_ms for run in runs],
        "frame to answer": [run.decode_ms + run.wall_ms for run in runs],
    }
    rows: list[dict[str, Any]] = [
        {"name": name, **percentiles(times)} for name, times in parts.items()
    ]
    by_name = {row["name"]: row for row in rows}
    figures: dict[str, Any] = {key: value for key, value in rows[0].items() if key != "name"}
    if deadline_ms is not None:
        missed = sum(run.wall_ms > deadline_ms for run in runs)
        figures["deadline"] = {
            "deadline_ms": deadline_ms,
            "missed": missed,
            "share": missed / len(runs),
        }
    return {
        **figures,
        "n": len(runs),
        "throughput_per_s": 1e3 / figures["mean_ms"],
        "steps": float(np.mean([run.steps for run in runs])),
        "stages_ms": {stage: by_name[stage]["p50_ms"] for stage in STAGES},
        "stages_p99_ms": {stage: by_name[stage]["p99_ms"] for stage in STAGES},
        "rows": rows,
        "samples": _samples(runs),
    }


def percentiles(times_ms: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99, from 10,000 values on p99.9, mean, least and most."""
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


def timed(call: Callable[[], Given]) -> tuple[Given, float]:
    """What a call gives, and its wall-clock milliseconds."""
    begin = time.perf_counter()
    given = call()
    return given, (time.perf_counter() - begin) * 1e3


def _samples(runs: Sequence[Run]) -> dict[str, Any]:
    """Every run, column by column; a tenth of a microsecond is finer than the clock's noise."""
    return {
        "question": [run.ref for run in runs],
        "at_s": [round(run.at_s, 4) for run in runs],
        "search_ms": [round(run.wall_ms, 4) for run in runs],
        "decode_ms": [round(run.decode_ms, 4) for run in runs],
        "upload_ms": [round(run.upload_ms, 4) for run in runs],
        "steps": [run.steps for run in runs],
        **{f"{stage}_ms": [round(run.stages_ms[stage], 4) for run in runs] for stage in STAGES},
    }
