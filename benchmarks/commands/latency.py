"""``python -m benchmarks latency``: how long does one search take, and where?"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks import network_runs, operators, options
from benchmarks.asking import Run, percentiles, timed
from benchmarks.report.section import (
    Figures,
    Goal,
    Headline,
    Part,
    Picture,
    Section,
    Table,
    below,
    milliseconds,
    printed,
)
from benchmarks.scenarios import SCENARIOS, Scenario, play
from benchmarks.scenarios import section as scenario_section
from benchmarks.scenarios import summarise as summarise_scenario
from evaluation.questions import Workload
from evaluation.seeds import ACCURACY
from sdk.errors import InputError
from sdk.options import not_negative, positive, positive_float
from sdk.results.grounding import Grounding

if TYPE_CHECKING:
    from sdk.grounder import Grounder


PART = Part(("--runs", "10000", "--warmup", "20"), quick=("--runs", "20", "--cold-starts", "1"))
RUNS = 100
DISTINCT = 512  # questions before they come again: twice as many as a grounder remembers
FIRST_ANSWER_S, MEMORY_MB = 1.0, 400.0  # goals
_RATE_HZ = SCENARIOS["constant-stream"].rate_hz
_COLD_REFS = 8  # expressions that a fresh process is asked for, one by one and as a list


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument(
        "--runs",
        type=positive,
        help=f"searches that count; p99.9 from 10,000 on (default: {RUNS}, or what --scenario asks"
        " for; fewer make a trial of it)",
    )
    parser.add_argument("--warmup", type=not_negative, default=5, help="searches before them")
    options.add_seed(parser, ACCURACY)
    parser.add_argument(
        "--deadline-ms", type=positive_float, help="count the searches that take longer"
    )
    parser.add_argument(
        "--cold-starts", type=not_negative, default=5, help="fresh processes for start and memory"
    )
    parser.add_argument(
        "--scenario",
        choices=tuple(SCENARIOS),
        help="measure as MLPerf Automotive does, for ten minutes at least: one query after the"
        " other, or at the rate of a camera",
    )
    parser.add_argument(
        "--rate-hz",
        type=positive_float,
        help=f"frames a second of the constant stream (default: {_RATE_HZ:g}; the rules have 12 and"
        " 15)",
    )
    parser.add_argument(
        "--operators",
        action="store_true",
        help="profile the networks instead: which operators take the time (ONNX Runtime)",
    )
    parser.add_argument(
        "--instructions",
        action="store_true",
        help="with --operators: count those of a run of each network, on AVX2 (valgrind, minutes)",
    )
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    scenario = _scenario(args)
    if args.operators:
        if scenario is not None:
            raise InputError("expected --operators or --scenario, not both")
        return _run_operators(args, args.runs or RUNS)
    if args.instructions:
        raise InputError("expected --instructions with --operators")
    if scenario is None:
        return _run_searches(args, args.runs or RUNS)
    return _run_scenario(args, scenario)


def _scenario(args: argparse.Namespace) -> Scenario | None:
    """The scenario that is asked for, as long as it asks for or as a trial of ``--runs`` queries.

    Raises InputError where there is a rate for what has none.
    """
    scenario = None if args.scenario is None else SCENARIOS[args.scenario]
    if args.rate_hz is not None:
        if scenario is None or scenario.rate_hz is None:
            raise InputError("expected --rate-hz with --scenario constant-stream")
        scenario = replace(scenario, rate_hz=args.rate_hz)
    if scenario is not None and args.runs is not None:
        scenario = replace(scenario, queries=args.runs, duration_s=0.0)
    return scenario


def _run_scenario(args: argparse.Namespace, scenario: Scenario) -> int:
    """Queries as the scenario has them, and nothing beside them."""
    from tqdm import tqdm

    from evaluation.questions import make_workload

    with options.measurement(args) as measurement:
        grounder = measurement.grounder
        workload = make_workload(min(scenario.queries + args.warmup, DISTINCT), args.seed)
        queries = play(grounder, workload, scenario, args.warmup)
        played = list(tqdm(queries, unit="query", desc=scenario.name, total=scenario.queries))
    figures = {
        "benchmark": f"latency, {scenario.name}",
        **summarise_scenario(played, scenario, args.deadline_ms),
        "warmup": args.warmup,
        "frame_wh": list(workload.frame_wh),
        "seed": args.seed,
        "engine_files": dict(grounder.manifest.files),
    }
    print("\n".join([*measurement.header, "", printed(scenario_section(figures))]))
    measurement.write(figures)
    return 0


def _run_operators(args: argparse.Namespace, count: int) -> int:
    """Searches whose networks are profiled, and searches with and without operators of our own."""
    from evaluation.questions import make_workload
    from sdk.grounder import Grounder
    from sdk.runtime.onnx_network import as_exported

    with options.measurement(args) as measurement:
        workload = make_workload(min(count + args.warmup, DISTINCT), args.seed)
        opened = {
            "engine": measurement.grounder.path,
            "threads": args.threads,
            "allow_unproven": args.allow_unproven,
        }
        profile = operators.measure(opened, workload, args.warmup, count)
        with as_exported(), Grounder(**opened) as exported:
            before = operators.measure(opened, workload, args.warmup, count)["rows"]
            turns = operators.compare(exported, measurement.grounder, workload, args.warmup, count)
        engine, networks = measurement.grounder.path, measurement.grounder.manifest.networks
        figures = {
            "benchmark": "latency, operators",
            **profile,
            "rows_exported": before,
            **turns,
            "instructions": list(network_runs.count(engine, list(networks)))
            if args.instructions
            else [],
            "seed": args.seed,
            "engine_files": dict(measurement.grounder.manifest.files),
        }
    shown = operators.section(figures)
    if figures["instructions"]:
        counted = network_runs.table_of(figures["instructions"])
        shown = replace(shown, tables=(*shown.tables, counted))
    print("\n".join([*measurement.header, "", printed(shown)]))
    measurement.write(figures)
    return 0


def _run_searches(args: argparse.Namespace, count: int) -> int:
    """Searches one after the other, with their stages, the frames' decoding and cold starts."""
    from tqdm import tqdm

    from evaluation.questions import make_workload
    from sdk.families import open_networks

    with options.measurement(args) as measurement:
        grounder = measurement.grounder
        workload = make_workload(min(count + args.warmup, DISTINCT), args.seed)
        cold = _cold(grounder, workload, args)
        beside = open_networks(grounder.path, grounder.manifest, args.threads)
        runs = measure(
            grounder,
            workload,
            args.warmup,
            count,
            beside.upload,
            lambda it: tqdm(it, unit="search", desc="latency"),
        )
        beside.close()
    width, height = workload.frame_wh
    figures = {
        "benchmark": "latency",
        **summarise(runs, args.deadline_ms),
        "warmup": args.warmup,
        "load_ms": measurement.load_ms,
        "cold_start": cold,
        "frame_wh": [width, height],
        "seed": args.seed,
        "engine_files": dict(grounder.manifest.files),
    }
    about = (
        f"workload  {len(runs)} searches on {len(workload.frames)} frames,"
        f" {_sentences(workload, len(runs))}"
    )
    print("\n".join([*measurement.header, about, "", printed(section(figures))]))
    measurement.write(figures)
    return 0


def _cold(
    grounder: Grounder, workload: Workload, args: argparse.Namespace
) -> dict[str, Any] | None:
    from benchmarks import coldstart

    if args.cold_starts == 0:
        return None
    picture = workload.questions[0][0]
    refs = [ref for k, ref in workload.questions if k == picture][:_COLD_REFS]
    return coldstart.summarise(
        coldstart.cold_starts(
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


Upload = Callable[[NDArray[np.uint8]], Any]


class SingleLocator(Protocol):
    """What is measured: ``sdk.Grounder``, or anything that answers like it."""

    def locate(self, frame: NDArray[np.uint8], ref: str) -> Grounding:
        """The answer to one expression."""


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
            stages = {key: ms for key, ms in answer.timing_ms.items() if key != "total"}
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
    stages = tuple(runs[0].stages_ms)
    parts = {
        "search": [run.wall_ms for run in runs],
        **{stage: [run.stages_ms[stage] for run in runs] for stage in stages},
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
        "stages_ms": {stage: by_name[stage]["p50_ms"] for stage in stages},
        "stages_p99_ms": {stage: by_name[stage]["p99_ms"] for stage in stages},
        "rows": rows,
        "samples": _samples(runs),
    }


def _samples(runs: Sequence[Run]) -> dict[str, Any]:
    """Every run, column by column; a tenth of a microsecond is finer than the clock's noise."""
    return {
        "question": [run.ref for run in runs],
        "at_s": [round(run.at_s, 4) for run in runs],
        "search_ms": [round(run.wall_ms, 4) for run in runs],
        "decode_ms": [round(run.decode_ms, 4) for run in runs],
        "upload_ms": [round(run.upload_ms, 4) for run in runs],
        "steps": [run.steps for run in runs],
        **{
            f"{stage}_ms": [round(run.stages_ms[stage], 4) for run in runs]
            for stage in runs[0].stages_ms
        },
    }


def section(figures: Figures) -> Section:
    """Percentiles and stages, cold start and memory."""
    from benchmarks.plots import latency as plots

    stages = tuple(figures["stages_ms"])
    titles = {"p50_ms": "p50", "p90_ms": "p90", "p99_ms": "p99", "p999_ms": "p99.9"}
    titles = {key: title for key, title in titles.items() if key in figures} | {"mean_ms": "mean"}
    rows = tuple(
        (row["name"], *(milliseconds(row[key]) for key in titles)) for row in figures["rows"]
    )
    width, height = figures["frame_wh"]
    text = [
        f"{figures['n']} searches one after the other (single stream) after {figures['warmup']} for"
        f" warm-up, which do not count, on {width}x{height} frames; {figures['steps']:.2f} zoom"
        f" steps a search, {figures['throughput_per_s']:.1f} searches a second."
        " The stages are inside the search; decoding the JPEG comes before it.",
    ]
    if "p999_ms" not in figures:
        text.append("p99.9 is not told: it takes 10,000 searches.")
    if "deadline" in figures:
        deadline = figures["deadline"]
        text.append(
            f"{deadline['missed']} of {figures['n']} searches ({100 * deadline['share']:.2f} %)"
            f" took longer than {deadline['deadline_ms']:g} ms, a deadline that they were not told."
        )
    return Section(
        "Latency of one search",
        tuple(text),
        (
            Table(("milliseconds", *titles.values()), rows, strong=0),
            *_cold_table(figures["cold_start"]),
        ),
        (
            Picture(
                "latency-distribution", "Distribution", partial(plots.distribution_plot, figures)
            ),
            Picture("latency-over-time", "Over time", partial(plots.over_time_plot, figures)),
            Picture("latency-stages", "Stages", partial(plots.stages_plot, figures, stages)),
        ),
        _goals(figures["cold_start"] or {}),
        tuple(_headlines(figures)),
    )


def _cold_table(cold: Figures | None) -> tuple[Table, ...]:
    if cold is None:
        return ()
    rows = [
        ("from sdk import Grounder", f"{milliseconds(cold['import_ms'])} ms"),
        ("opening the engine", f"{milliseconds(cold['load_ms'])} ms"),
        ("first search", f"{milliseconds(cold['first_ms'])} ms"),
        ("start of the process to its answer", f"{milliseconds(cold['process_ms'])} ms"),
    ]
    if cold["peak_mb"] is not None:
        rows += [
            ("resident memory, single searches", f"{cold['rss_mb']:.0f} MB"),
            ("most memory, single searches", f"{cold['peak_mb']:.0f} MB"),
            ("most memory, with a list of expressions", f"{cold['list_peak_mb']:.0f} MB"),
        ]
    note = (
        f"{cold['n']} fresh processes {'with' if cold['torch'] else 'without'} PyTorch: medians of"
        " times, the most of memory. The files are in the system's cache."
    )
    return (Table(("cold start", ""), tuple(rows), note),)


def _goals(cold: Figures) -> tuple[Goal, ...]:
    load_ms, memory_mb = cold.get("load_to_answer_ms"), cold.get("list_peak_mb")
    load_s = None if load_ms is None else load_ms / 1e3
    return (
        below("engine load to first answer", load_s, FIRST_ANSWER_S, "s"),
        below("most memory of a running Grounder", memory_mb, MEMORY_MB, "MB", digits=0),
    )


def _headlines(figures: Figures) -> Iterator[Headline]:
    rows = {row["name"]: row for row in figures["rows"]}
    width, height = figures["frame_wh"]
    whole, cold = rows["frame to answer"], figures["cold_start"]
    yield Headline(
        "one search, p50",
        f"{figures['p50_ms']:.1f} ms",
        f"p90 {figures['p90_ms']:.1f} ms, p99 {figures['p99_ms']:.1f} ms;"
        f" {figures['n']:,} searches on {width}x{height}",
    )
    yield Headline(
        "JPEG to answer, p50",
        f"{whole['p50_ms']:.1f} ms",
        f"p99 {whole['p99_ms']:.1f} ms, decoding included",
    )
    if cold:
        yield Headline(
            "engine load to first answer",
            f"{cold['load_to_answer_ms'] / 1e3:.2f} s",
            f"fresh process; {cold['process_ms'] / 1e3:.2f} s with its start and imports",
        )
    if cold and cold["peak_mb"] is not None:
        yield Headline(
            "memory of a Grounder",
            f"{cold['peak_mb']:.0f} MB",
            f"at most; {cold['list_peak_mb']:.0f} MB with a list of expressions",
        )
