"""Warm searches against cold ones: on the same rendered clips, and on pictures that stand still."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.latency import timed
from sdk.results import Grounding
from sdk.tracking import Locator, Tracker
from train.data.scenes.motion import CLIP_KINDS, Clip, Truth, make_clip
from train.evaluation.metrics import answer_ious
from train.evaluation.questions import Question
from train.evaluation.scoring import RIGHT_IOU

MODES = ("cold", "warm")


@dataclass(frozen=True)
class Answered:
    """One frame's answer: overlap with the true box (0 without one), verdict, cost."""

    iou: float
    found: bool
    score: float
    steps: int
    wall_ms: float


@dataclass(frozen=True)
class Row:
    """One frame: ``sight`` of the target as ``Truth`` has it, and the answers."""

    kind: str
    seed: int
    frame: int
    sight: str
    cold: Answered
    warm: Answered


def clip_kinds(count: int, seed: int) -> list[tuple[int, str]]:
    """Seeds and kinds of ``count`` clips: all kinds in turn, a new seed for each round."""
    kinds = len(CLIP_KINDS)
    return [(seed + k // kinds, CLIP_KINDS[k % kinds]) for k in range(count)]


def measure(
    grounder: Locator,
    clips: Sequence[tuple[int, str]],
    frames: int,
    progress: Callable[[Sequence[tuple[int, str]]], Iterable[tuple[int, str]]] = iter,
) -> list[Row]:
    """Every frame of the clips, answered cold and warm one right after the other.

    Args:
        grounder: who answers.
        clips: seeds and kinds.
        frames: of each clip.
        progress: wraps the clips, to show how far it got.
    """
    rows: list[Row] = []
    for seed, kind in progress(clips):
        rows += _clip_rows(grounder, make_clip(seed, kind, frames))
    return rows


def _clip_rows(grounder: Locator, clip: Clip) -> list[Row]:
    trackers = {mode: Tracker(grounder, [clip.ref], warm=mode == "warm") for mode in MODES}
    rows = []
    for k, frame in enumerate(clip.frames()):
        answers: dict[str, Answered] = {}
        for mode in MODES[:: 1 if k % 2 else -1]:  # neither profits from the other's caches
            update = trackers[mode].update
            (answer,), wall_ms = timed(partial(update, frame, clip.time_s(k)))
            answers[mode] = _judge(answer, clip.truth[k], wall_ms)
        rows.append(Row(clip.kind, clip.seed, k, clip.truth[k].sight, **answers))
    return rows


def _judge(answer: Grounding, truth: Truth, wall_ms: float) -> Answered:
    return Answered(
        iou=float(answer_ious([answer.xyxy], [truth.xyxy])[0]) if truth.xyxy else 0.0,
        found=answer.found,
        score=answer.score,
        steps=len(answer.zooms) + len(answer.abandoned),
        wall_ms=wall_ms,
    )


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Figures of each kind of clip and of ``all``, for each mode; NaN where nothing counts."""
    kinds = [kind for kind in CLIP_KINDS if any(row.kind == kind for row in rows)]
    groups = {kind: [row for row in rows if row.kind == kind] for kind in kinds}
    return {
        name: {
            "frames": len(group),
            "seen": sum(row.sight == "seen" for row in group),
            "hidden": sum(row.sight == "hidden" for row in group),
            **{mode: _figures(group, mode) for mode in MODES},
        }
        for name, group in {**groups, "all": list(rows)}.items()
    }


def _figures(rows: Sequence[Row], mode: str) -> dict[str, float]:
    """Of one mode: ``acc50`` of frames that show the target and ``found``, the share of them
    with such a box that is said to be found; ``false_answers`` of frames that hide it; ``right``,
    where the box alone counts, of both together; steps and milliseconds a frame."""
    answers: list[Answered] = [getattr(row, mode) for row in rows]
    pairs = list(zip(rows, answers, strict=True))
    hits = [answer.iou >= RIGHT_IOU for row, answer in pairs if row.sight == "seen"]
    found = [
        answer.found and answer.iou >= RIGHT_IOU for row, answer in pairs if row.sight == "seen"
    ]
    false = [answer.found for row, answer in pairs if row.sight == "hidden"]
    return {
        "acc50": _mean(hits),
        "found": _mean(found),
        "false_answers": _mean(false),
        "right": _mean([*hits, *(not each for each in false)]),
        "steps": _mean([answer.steps for answer in answers]),
        "mean_ms": _mean([answer.wall_ms for answer in answers]),
        "p50_ms": float(np.median([answer.wall_ms for answer in answers])) if answers else np.nan,
    }


@dataclass(frozen=True)
class Still:
    """One question asked of the same picture again and again: the verdict each time, warm, and
    that of a cold search, which is the same each time."""

    ref: str
    cold: bool
    warm: tuple[bool, ...]


def measure_stills(
    grounder: Locator, asked: Iterable[Question], repeats: int, period_s: float
) -> list[Still]:
    """Asks each question ``repeats`` times, ``period_s`` apart, of a picture that stands still."""
    stills = []
    for question in asked:
        cold, warm = (Tracker(grounder, [question.ref], warm=warm) for warm in (False, True))
        (once,) = cold.update(question.frame, 0.0)  # cold searches do not differ
        each = [warm.update(question.frame, k * period_s)[0].found for k in range(repeats)]
        stills.append(Still(question.ref, once.found, tuple(each)))
    return stills


def summarise_stills(stills: Sequence[Still]) -> dict[str, Any]:
    """Pictures found cold and warm, in all, and ``changing``: questions whose verdict is not the
    same each time."""
    return {
        "questions": len(stills),
        "pictures": sum(len(still.warm) for still in stills),
        "found_cold": sum(still.cold * len(still.warm) for still in stills),
        "found_warm": sum(sum(still.warm) for still in stills),
        "changing": sum(len(set(still.warm)) > 1 for still in stills),
    }


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
