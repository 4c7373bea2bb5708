"""``python -m benchmarks latency``: how long does one search take, and where?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from benchmarks import options
from train.options import not_negative, positive, positive_float

if TYPE_CHECKING:
    from benchmarks.cases import Workload
    from sdk.grounder import Grounder

_COLD_REFS = 8  # expressions that a fresh process is asked for, one by one and as a list


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument(
        "--runs", type=positive, default=100, help="searches that count; p99.9 from 10,000 on"
    )
    parser.add_argument("--warmup", type=not_negative, default=5, help="searches before them")
    parser.add_argument("--seed", type=not_negative, default=900000, help="of the first scene")
    parser.add_argument(
        "--deadline-ms", type=positive_float, help="count the searches that take longer"
    )
    parser.add_argument(
        "--cold-starts", type=not_negative, default=5, help="fresh processes for start and memory"
    )
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from tqdm import tqdm

    from benchmarks.cases import make_workload
    from benchmarks.latency import DISTINCT, measure, summarise
    from sdk.runtime import open_session

    with options.measurement(args) as measurement:
        grounder = measurement.grounder
        workload = make_workload(min(args.runs + args.warmup, DISTINCT), args.seed)
        cold = _cold(grounder, workload, args)
        beside = open_session(grounder.path, grounder.manifest, args.threads)
        runs = measure(
            grounder,
            workload,
            args.warmup,
            args.runs,
            beside.upload,
            lambda it: tqdm(it, unit="search", desc="latency"),
        )
        beside.close()
    figures = {
        **summarise(runs, args.deadline_ms),
        "warmup": args.warmup,
        "load_ms": measurement.load_ms,
    }
    width, height = workload.frame_wh
    about = [
        *measurement.header,
        f"workload  {len(runs)} searches after {args.warmup} for warm-up (not counted), "
        f"{len(workload.frames)} frames of {width}x{height}, {_sentences(workload, len(runs))}",
    ]
    print("\n".join([*about, "", *_lines(figures), *_cold_lines(cold)]))
    measurement.write(
        {
            "benchmark": "latency",
            **figures,
            "cold_start": cold,
            "frame_wh": [width, height],
            "seed": args.seed,
            "engine_files": dict(grounder.manifest.files),
        },
    )
    return 0


def _cold(
    grounder: Grounder, workload: Workload, args: argparse.Namespace
) -> dict[str, Any] | None:
    from benchmarks.coldstart import cold_starts, summarise

    if args.cold_starts == 0:
        return None
    picture = workload.questions[0][0]
    refs = [ref for k, ref in workload.questions if k == picture][:_COLD_REFS]
    return summarise(
        cold_starts(
            grounder.path,
            workload.frames[picture],
            refs,
            args.cold_starts,
            threads=args.threads,
            allow_unproven=args.allow_unproven,
        )
    )


def _sentences(workload: Workload, runs: int) -> str:
    distinct = len(workload.questions)
    if runs <= distinct:
        return "a new sentence each time"
    return f"{distinct} sentences in turn (more than a grounder remembers)"


def _lines(figures: dict[str, Any]) -> list[str]:
    from benchmarks.latency import STAGES
    from train.evaluation.report import table

    names = {"p50_ms": "p50", "p90_ms": "p90", "p99_ms": "p99", "p999_ms": "p99.9"}
    known = {key: title for key, title in names.items() if key in figures} | {"mean_ms": "mean"}
    cells = [
        [f"{'  ' * (row['name'] in STAGES)}{row['name']}", *(f"{row[key]:.2f}" for key in known)]
        for row in figures["rows"]
    ]
    lines = [
        table(("milliseconds", *known.values()), cells),
        "",
        f"{figures['throughput_per_s']:.1f} searches a second in one stream;"
        f" {figures['steps']:.2f} steps a search, {figures['min_ms']:.1f} to"
        f" {figures['max_ms']:.1f} ms; opening the engine took {figures['load_ms']:.0f} ms.",
    ]
    if "deadline" in figures:
        deadline = figures["deadline"]
        lines.append(
            f"{deadline['missed']} of {figures['n']} searches took longer than"
            f" {deadline['deadline_ms']:g} ms ({100 * deadline['share']:.2f} %)."
        )
    return lines


def _cold_lines(cold: dict[str, Any] | None) -> list[str]:
    if cold is None:
        return []
    lines = [
        "",
        f"cold start, median of {cold['n']} fresh processes: imports {cold['import_ms']:.0f} ms,"
        f" engine {cold['load_ms']:.0f} ms, first search {cold['first_ms']:.0f} ms; from the start"
        f" of the process to its answer {cold['process_ms']:.0f} ms.",
    ]
    if cold["peak_mb"] is not None:
        beside = "with" if cold["torch"] else "without"
        lines.append(
            f"memory of such a process ({beside} PyTorch): {cold['rss_mb']:.0f} MB resident,"
            f" {cold['peak_mb']:.0f} MB at most, {cold['list_peak_mb']:.0f} MB with a list of"
            " expressions."
        )
    return lines
