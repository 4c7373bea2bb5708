"""``python -m benchmarks refs``: what do several expressions on one frame cost?"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import options
from benchmarks.asking import timed
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
from evaluation.scenes import expressions, make_scene, render
from evaluation.seeds import REFS
from evaluation.statistics import same_box
from sdk.grounder import Grounder
from sdk.options import positive
from sdk.results.grounding import Grounding

PART = Part(quick=("--scenes", "1", "--rounds", "1"))
COUNTS = (1, 2, 4, 8)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--scenes", type=positive, default=20, help="frames asked about")
    parser.add_argument("--rounds", type=positive, default=5, help="that count, on each frame")
    options.add_seed(parser, REFS)
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from tqdm import tqdm

    with options.measurement(args) as measurement:
        rows = measure(
            measurement.grounder,
            COUNTS,
            args.scenes,
            args.seed,
            args.rounds,
            lambda it: tqdm(it, unit="row", desc="refs"),
        )
    figures = {"rows": rows, "scenes": args.scenes, "seed": args.seed}
    print("\n".join([*measurement.header, "", printed(section(figures))]))
    measurement.write(figures)
    return 0


@dataclass(frozen=True)
class Trial:
    """Frames' worth of expressions, asked both ways.

    ``separate_ms``, ``together_ms``: medians of the rounds. ``image_runs``: of the call for all.
    ``windows``: different windows that its answers looked at. ``same``: answers that are those of
    separate calls (IoU >= 0.99 and the same decision).
    """

    count: int
    separate_ms: float
    together_ms: float
    image_runs: int
    windows: int
    same: int


def frames_with(count: int, scenes: int, seed: int) -> list[tuple[NDArray[np.uint8], list[str]]]:
    """``scenes`` frames with ``count`` different expressions each, from ``seed`` on."""
    found: list[tuple[NDArray[np.uint8], list[str]]] = []
    while len(found) < scenes:
        refs = sorted({made.ref for made in expressions(make_scene(seed), seed)})
        if len(refs) >= count:
            order = np.random.default_rng(seed).permutation(len(refs))[:count]
            found.append((render(make_scene(seed)), [refs[k] for k in order]))
        seed += 1
    return found


def compare(
    grounder: Grounder, frame: NDArray[np.uint8], refs: Sequence[str], rounds: int
) -> Trial:
    """Asks both ways in turns; a round before them, which encodes the texts, is not counted."""
    asked = list(refs)
    separate_ms, together_ms = [], []
    for number in range(rounds + 1):
        alone, alone_ms = timed(lambda: [grounder.locate(frame, ref) for ref in asked])
        before = grounder.runs["image"]
        joint, joint_ms = timed(lambda: grounder.locate(frame, asked))
        runs = grounder.runs["image"] - before
        if number:
            separate_ms.append(alone_ms)
            together_ms.append(joint_ms)
    windows = {zoom.window_xyxy.tobytes() for answer in joint for zoom in answer.zooms}
    return Trial(
        count=len(asked),
        separate_ms=float(np.median(separate_ms)),
        together_ms=float(np.median(together_ms)),
        image_runs=runs,
        windows=len(windows),
        same=sum(_same(a, b) for a, b in zip(alone, joint, strict=True)),
    )


def summarise(trials: Sequence[Trial]) -> dict[str, Any]:
    """Medians over the frames of one count."""
    ratios = [each.together_ms / each.separate_ms for each in trials]
    return {
        "refs": trials[0].count,
        "frames": len(trials),
        "separate_ms": float(np.median([each.separate_ms for each in trials])),
        "together_ms": float(np.median([each.together_ms for each in trials])),
        "ratio": float(np.median(ratios)),
        "ratio_max": float(max(ratios)),
        "image_runs": float(np.mean([each.image_runs for each in trials])),
        "one_run_a_window": all(each.image_runs == each.windows for each in trials),
        "same": sum(each.same for each in trials) / sum(each.count for each in trials),
    }


def measure(
    grounder: Grounder,
    counts: Sequence[int],
    scenes: int,
    seed: int,
    rounds: int,
    progress: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> list[dict[str, Any]]:
    """A row for each number of expressions."""
    frames = frames_with(max(counts), scenes, seed)
    return [
        summarise([compare(grounder, frame, refs[:count], rounds) for frame, refs in frames])
        for count in progress(counts)
    ]


def _same(a: Grounding, b: Grounding) -> bool:
    return a.found == b.found and same_box(a.xyxy, b.xyxy)


def section(figures: Figures) -> Section:
    """One call against several."""
    rows = tuple(
        (
            str(row["refs"]),
            *(milliseconds(row[key]) for key in ("separate_ms", "together_ms")),
            two_digits(row["ratio"]),
            two_digits(row["image_runs"]),
            percent(row["same"]),
        )
        for row in figures["rows"]
    )
    last = figures["rows"][-1]
    return Section(
        "Several expressions on one frame",
        (
            "One call for all of them against a call for each; the same answers: IoU of 0.99."
            " Image runs: of the image network, in one call; each window is encoded once.",
        ),
        (
            Table(
                (
                    "expressions",
                    "separate ms",
                    "together ms",
                    "ratio",
                    "image runs",
                    "same answers",
                ),
                rows,
            ),
        ),
        headlines=(
            Headline(
                f"{last['refs']} expressions in one call",
                f"{last['ratio']:.2f}",
                f"of the time of {last['refs']} calls; {percent(last['same'])} the same answers",
            ),
        ),
    )
