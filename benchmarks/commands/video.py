"""``python -m benchmarks video``: what does a warm start save, and what does it cost?"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks import options
from benchmarks.asking import Call, judge_call, mean, timed
from benchmarks.report.section import (
    Figures,
    Headline,
    Part,
    Section,
    Table,
    milliseconds,
    percent,
    printed,
    two_digits,
)
from evaluation.questions import Question, questions
from evaluation.scenes.motion import CLIP_KINDS, Clip, make_clip
from evaluation.scenes.motion.clip import MIN_FRAMES
from evaluation.seeds import STILLS, VIDEO_CLIPS
from sdk.errors import InputError
from sdk.options import not_negative, positive
from sdk.tracking.tracker import Locator, Tracker

STILL_FRAMES, STILL_PERIOD_S = 10, 0.1

PART = Part(quick=("--clips", "2", "--frames", "8", "--stills", "2"))
MODES = ("cold", "warm")
COLUMNS = ("iou", "found", "score", "steps", "wall_ms")  # of the JSON's rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--clips", type=positive, default=24, help="how many, of all kinds in turn")
    parser.add_argument("--frames", type=positive, default=30, help="of each clip, at least 8")
    parser.add_argument("--seed", type=not_negative, default=VIDEO_CLIPS, help="of the first clips")
    parser.add_argument(
        "--stills", type=not_negative, default=40, help="questions about pictures that stand still"
    )
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from tqdm import tqdm

    if args.frames < MIN_FRAMES:
        raise InputError(f"expected clips of at least {MIN_FRAMES} frames, got {args.frames}")
    with options.measurement(args) as measurement:
        clips = clip_kinds(args.clips, args.seed)
        rows = measure(
            measurement.grounder, clips, args.frames, lambda it: tqdm(it, unit="clip", desc="video")
        )
        asked = tqdm(questions(STILLS.first, args.stills), total=args.stills, desc="stills")
        stills = measure_stills(measurement.grounder, asked, STILL_FRAMES, STILL_PERIOD_S)
    figures = {
        "by_kind": summarise(rows),
        "stills": summarise_stills(stills),
        "clips": args.clips,
        "frames": args.frames,
        "seed": args.seed,
        "rows": [row.to_dict() for row in rows],
    }
    about = f"clips     {len(clips)} of {args.frames} frames, 1920x1080, 10 a second, one sentence"
    print("\n".join([*measurement.header, about, "", printed(section(figures))]))
    measurement.write(figures)
    return 0


@dataclass(frozen=True)
class Row:
    """One frame: ``sight`` of the target as ``Truth`` has it, and the answers."""

    kind: str
    seed: int
    frame: int
    sight: str
    cold: Call
    warm: Call

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        answers = {mode: getattr(self, mode).record(*COLUMNS) for mode in MODES}
        return {**vars(self), **answers}


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
        answers: dict[str, Call] = {}
        for mode in MODES[:: 1 if k % 2 else -1]:  # neither profits from the other's caches
            update = trackers[mode].update
            (answer,), wall_ms = timed(partial(update, frame, clip.time_s(k)))
            answers[mode] = judge_call(answer, clip.truth[k].xyxy, wall_ms)
        rows.append(Row(clip.kind, clip.seed, k, clip.truth[k].sight, **answers))
    return rows


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
    answers: list[Call] = [getattr(row, mode) for row in rows]
    pairs = list(zip(rows, answers, strict=True))
    hits = [answer.right for row, answer in pairs if row.sight == "seen"]
    found = [answer.found and answer.right for row, answer in pairs if row.sight == "seen"]
    false = [answer.found for row, answer in pairs if row.sight == "hidden"]
    return {
        "acc50": mean(hits),
        "found": mean(found),
        "false_answers": mean(false),
        "right": mean([*hits, *(not each for each in false)]),
        "steps": mean([answer.steps for answer in answers]),
        "mean_ms": mean([answer.wall_ms for answer in answers]),
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


def section(figures: Figures) -> Section:
    """Cold against warm."""

    def cells(kind: str, group: Figures) -> tuple[str, ...]:
        return (
            kind,
            str(group["frames"]),
            *(percent(group[mode]["acc50"]) for mode in MODES),
            *(percent(group[mode]["found"]) for mode in MODES),
            *(percent(group[mode]["false_answers"]) for mode in MODES),
            *(percent(group[mode]["right"]) for mode in MODES),
            *(two_digits(group[mode]["steps"]) for mode in MODES),
            *(milliseconds(group[mode]["p50_ms"]) for mode in MODES),
        )

    pairs = ("Acc50", "found", "false", "right", "steps", "p50 ms")
    head = ("clips", "frames", *(f"{pair} {mode}" for pair in pairs for mode in MODES))
    kinds, still = figures["by_kind"], figures["stills"]
    return Section(
        "Video",
        (
            "Rendered clips, each frame answered cold (the whole frame first) and warm (where the"
            " object was). Acc50: of the frames that show it. Found: the share of them with such a"
            " box that is said to be found. False: found although it is hidden. Right: Acc50 and"
            " what is not false, of both.",
            f"Of {still['pictures']} pictures that stand still ({still['questions']} questions)"
            f" {still['found_cold']} are found cold and {still['found_warm']} warm;"
            f" {still['changing']} questions change their verdict from one to the next.",
        ),
        (Table(head, tuple(cells(*each) for each in kinds.items()), strong=len(kinds) - 1),),
        headlines=tuple(_headlines(kinds)),
    )


def _headlines(by_kind: Figures) -> Iterator[Headline]:
    if "all" in by_kind:
        cold, warm = by_kind["all"]["cold"], by_kind["all"]["warm"]
        yield Headline(
            "steps a frame of video",
            f"{warm['steps']:.2f}",
            f"with a warm start, {cold['steps']:.2f} cold; {percent(warm['right'])} of all frames"
            f" right, {percent(cold['right'])} cold",
        )
