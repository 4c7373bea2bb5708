"""The same questions to several engines in turn: precisions, models, sizes of the network input."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.cases import Workload
from benchmarks.coldstart import ColdStart
from benchmarks.latency import percentiles, timed
from sdk.grounder import Grounder

PAUSE_S = 0.01  # threads of the engine that was asked before go to sleep meanwhile
LOOKED_AT = ("image", "ground")  # networks that run once for each look


@dataclass(frozen=True)
class Asked:
    """One question to one engine. ``stages_ms``: where the time went. ``looks``: runs of each
    network. ``steps``: zooms."""

    wall_ms: float
    stages_ms: dict[str, float]
    looks: dict[str, int]
    steps: int


def measure(
    grounders: Sequence[Grounder],
    workload: Workload,
    warmup: int,
    progress: Callable[[Sequence[Any]], Iterable[Any]] = iter,
) -> list[list[Asked]]:
    """What each engine took for each question after the first ``warmup``.

    Each question goes to one engine after the other, in an order of its own, so that all of them
    see the machine in the same moods.
    """
    counted: list[list[Asked]] = [[] for _ in grounders]
    for number, (picture, ref) in enumerate(progress(workload.questions)):
        for k in np.random.default_rng(number).permutation(len(grounders)).tolist():
            asked = _ask(grounders[k], workload.frames[picture], ref)
            if number >= warmup:
                counted[k].append(asked)
    return counted


def summarise(
    grounder: Grounder, asked: Sequence[Asked], first: Sequence[Asked], start: ColdStart
) -> dict[str, Any]:
    """A row: ``first`` is what the first engine took for the same questions, ``start`` a start in a
    process of its own. ``ratio``: median over questions of the time over that of the first engine.
    ``image_ms``, ``ground_ms``: of one look."""
    manifest = grounder.manifest
    height, width = manifest.input_hw
    ratios = [each.wall_ms / other.wall_ms for each, other in zip(asked, first, strict=True)]
    return {
        "name": f"{manifest.name} {manifest.precision} {width}x{height}",
        "engine": f"{manifest.fingerprint}, {manifest.backend}",
        "proven": manifest.proven,
        "megabytes": sum((grounder.path / name).stat().st_size for name in manifest.files) / 1e6,
        "n": len(asked),
        **percentiles([each.wall_ms for each in asked]),
        "ratio": float(np.median(ratios)),
        "steps": float(np.mean([each.steps for each in asked])),
        **{f"{name}_ms": _a_look(asked, name) for name in LOOKED_AT},
        "load_to_answer_ms": start.load_ms + start.first_ms,
        "peak_mb": start.peak_mb,
    }


def _ask(grounder: Grounder, frame: Any, ref: str) -> Asked:
    time.sleep(PAUSE_S)
    before = grounder.runs
    answer, wall_ms = timed(partial(grounder.locate, frame, ref))
    looks = {name: grounder.runs[name] - before.get(name, 0) for name in LOOKED_AT}
    return Asked(wall_ms, dict(answer.timing_ms), looks, len(answer.zooms))


def _a_look(asked: Sequence[Asked], name: str) -> float:
    """Median over questions of the milliseconds that a network takes for one look."""
    return float(np.median([each.stages_ms[name] / max(each.looks[name], 1) for each in asked]))
