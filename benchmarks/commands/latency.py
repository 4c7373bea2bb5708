"""``python -m benchmarks latency``: how long does one search take, and where?"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

from benchmarks import options
from train.options import not_negative, positive

HELP = "latency of a search on 1920x1080 frames: percentiles and stages"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--runs", type=positive, default=100, help="searches that count")
    parser.add_argument("--warmup", type=not_negative, default=5, help="searches before them")
    parser.add_argument("--seed", type=not_negative, default=900000, help="of the first scene")
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from tqdm import tqdm

    from benchmarks.cases import make_workload
    from benchmarks.timing import measure, summarise
    from train.evaluation.environment import describe, header
    from train.evaluation.report import JsonFile

    file = JsonFile(args.json)
    environment = describe()
    begin = time.perf_counter()
    with options.open_grounder(args) as grounder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # unknown words
        load_ms = (time.perf_counter() - begin) * 1e3
        engine = options.engine_line(grounder)
        workload = make_workload(args.runs + args.warmup, args.seed)
        runs = measure(
            grounder, workload, args.warmup, lambda it: tqdm(it, unit="search", desc="latency")
        )
    figures = {**summarise(runs), "warmup": args.warmup, "load_ms": load_ms}
    width, height = workload.frame_wh
    about = [
        *header(environment),
        engine,
        f"workload  {len(runs)} searches after {args.warmup} for warm-up (not counted), "
        f"{len(workload.frames)} frames of {width}x{height}, a new sentence each time",
    ]
    print("\n".join([*about, "", *_lines(figures)]))
    file.write(
        {
            **figures,
            "frame_wh": [width, height],
            "engine": engine.removeprefix("engine").strip(),
            "environment": environment,
        },
    )
    return 0


def _lines(figures: dict[str, Any]) -> list[str]:
    from benchmarks.timing import STAGES
    from train.evaluation.report import table

    whole = [["search", *(f"{figures[f'{name}_ms']:.1f}" for name in ("p50", "p90", "p99"))]]
    stages = [
        [
            f"  {name}",
            f"{figures['stages_ms'][name]:.1f}",
            "",
            f"{figures['stages_p99_ms'][name]:.1f}",
        ]
        for name in STAGES
    ]
    return [
        table(("milliseconds", "p50", "p90", "p99"), whole + stages),
        "",
        f"{figures['steps']:.2f} steps a search, {figures['min_ms']:.1f} to {figures['max_ms']:.1f}"
        f" ms; opening the engine took {figures['load_ms']:.0f} ms.",
    ]
