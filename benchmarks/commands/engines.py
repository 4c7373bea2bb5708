"""``python -m benchmarks engines ENGINE ...``: how long do other engines take?"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import options
from benchmarks.asking import Run, percentiles, timed
from benchmarks.coldstart import ColdStart, cold_starts
from benchmarks.report.section import Figures, Part, Section, Table, milliseconds, printed, times
from evaluation.questions import Workload, make_workload
from evaluation.seeds import TIMES
from sdk.grounder import Grounder
from sdk.options import not_negative, positive

PART = Part(quick=("--questions", "1"), engine=False, asked_for=True)
PAUSE_S = 0.01  # threads of the engine that was asked before go to sleep meanwhile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument(
        "engines", type=Path, nargs="+", metavar="ENGINE", help="the first is compared with"
    )
    parser.add_argument("--questions", type=positive, default=20, help="that count, to each")
    parser.add_argument("--warmup", type=not_negative, default=2, help="questions before them")
    options.add_seed(parser, TIMES)
    options.add_opening(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from tqdm import tqdm

    from evaluation.environment import describe, header
    from evaluation.tables import JsonFile
    from sdk.engine.folder import read_manifest

    for path in args.engines:
        read_manifest(path)  # an error before the first minute of measuring
    file = JsonFile(args.json)
    environment = describe()
    workload = make_workload(args.warmup + args.questions, args.seed)
    picture, ref = workload.questions[0]
    opened = {"threads": args.threads, "allow_unproven": args.allow_unproven}
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # unknown words
        # Before any engine is open here: memory that they hold is then not scarce.
        starts = [
            cold_starts(path, workload.frames[picture], [ref], 1, **opened)[0]
            for path in args.engines
        ]
        grounders = [stack.enter_context(Grounder(path, **opened)) for path in args.engines]
        asked = measure(
            grounders, workload, args.warmup, lambda it: tqdm(it, unit="question", desc="engines")
        )
        rows = [
            summarise(grounder, each, asked[0], start)
            for grounder, each, start in zip(grounders, asked, starts, strict=True)
        ]
    figures = {"rows": rows, "seed": args.seed, "environment": environment}
    print("\n".join([*header(environment), "", printed(section(figures))]))
    file.write(figures)
    return 0


def measure(
    grounders: Sequence[Grounder],
    workload: Workload,
    warmup: int,
    progress: Callable[[Sequence[Any]], Iterable[Any]] = iter,
) -> list[list[Run]]:
    """What each engine took for each question after the first ``warmup``.

    Each question goes to one engine after the other, in an order of its own, so that all of them
    see the machine in the same moods.
    """
    counted: list[list[Run]] = [[] for _ in grounders]
    for number, (picture, ref) in enumerate(progress(workload.questions)):
        for k in np.random.default_rng(number).permutation(len(grounders)).tolist():
            asked = _ask(grounders[k], workload.frames[picture], ref)
            if number >= warmup:
                counted[k].append(asked)
    return counted


def summarise(
    grounder: Grounder, asked: Sequence[Run], first: Sequence[Run], start: ColdStart
) -> dict[str, Any]:
    """A row: ``first`` is what the first engine took for the same questions, ``start`` a start in a
    process of its own. ``ratio``: median over questions of the time over that of the first engine.
    ``networks_ms``: of one run of each of its networks."""
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
        "networks_ms": {name: _a_run(asked, name) for name in manifest.networks},
        "load_to_answer_ms": start.load_ms + start.first_ms,
        "peak_mb": start.peak_mb,
    }


def _ask(grounder: Grounder, frame: Any, ref: str) -> Run:
    time.sleep(PAUSE_S)
    before = grounder.runs
    answer, wall_ms = timed(partial(grounder.locate, frame, ref))
    looks = {name: count - before.get(name, 0) for name, count in grounder.runs.items()}
    return Run(wall_ms, answer.timing_ms, len(answer.zooms), looks=looks)


def _a_run(asked: Sequence[Run], name: str) -> float:
    """Median over questions of the milliseconds that one run of a network takes."""
    each_ms = [run.stages_ms.get(name, 0.0) / max(run.looks.get(name, 0), 1) for run in asked]
    return float(np.median(each_ms))


def section(figures: Figures) -> Section:
    """Other precisions, models and sizes."""
    rows = tuple(
        (
            f"{row['name']} @{row['engine']}" + ("" if row["proven"] else " (unproven)"),
            *(milliseconds(row[key]) for key in ("p50_ms", "max_ms")),
            times(row["ratio"]),
            f"{row['steps']:.2f}",
            ", ".join(f"{name} {milliseconds(ms)}" for name, ms in row["networks_ms"].items()),
            f"{row['load_to_answer_ms'] / 1e3:.2f} s",
            "" if row["peak_mb"] is None else f"{row['peak_mb']:.0f} MB",
            f"{row['megabytes']:.1f} MB",
        )
        for row in figures["rows"]
    )
    head = ("engine", "p50 ms", "most", "ratio", "steps", "a run of each network, ms")
    return Section(
        "Other engines",
        (
            f"The same {figures['rows'][0]['n']} questions to each in turn; the ratio is the median"
            " over questions of the time over the first one's. Weights of engines without a"
            " certificate may be random: time does not depend on them, but for the number of"
            " steps.",
        ),
        (Table((*head, "first answer", "memory", "on disk"), rows, strong=0),),
    )
