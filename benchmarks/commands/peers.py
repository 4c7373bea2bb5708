"""``python -m benchmarks peers``: what else could find the object, how fast, how exactly?"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import options
from benchmarks.baselines.baseline import OURS, RESOLUTION, SINGLE_PASS, SLICING
from benchmarks.plots.style import check_plot
from benchmarks.report.section import (
    Figures,
    Goal,
    Headline,
    Part,
    Picture,
    Section,
    Table,
    milliseconds,
    percent,
    times,
)
from evaluation.seeds import PEERS
from sdk.options import positive

PART = Part(quick=("--quick",))
_EXACT = (SLICING, SINGLE_PASS, RESOLUTION)  # groups that differ in what they find
_WARMUP = 3  # questions before the clock starts
# (columns, rows, the whole frame besides)
_GRIDS = ((2, 2, False), (3, 2, False), (3, 3, False), (3, 3, True), (4, 3, False), (6, 4, False))
_SINGLE_GRIDS = ((2, 2, False), (2, 2, True))
_SIZES_WH = ((960, 544), (1280, 704), (1920, 1056))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--scenes", type=positive, default=500, help="questions about as many")
    parser.add_argument("--runs", type=positive, default=60, help="how many of them are timed")
    options.add_seed(parser, PEERS)
    parser.add_argument(
        "--engine",
        type=Path,
        action="append",
        default=[],
        help="one of ours; may be given several times, the first is what others are held against"
        " (default: the bundled one)",
    )
    parser.add_argument("--checkpoint", type=Path, help="of the engines (default: the bundled one)")
    parser.add_argument(
        "--single-pass",
        type=Path,
        metavar="CHECKPOINT",
        help="trained to answer from whole frames: for single passes and slices",
    )
    parser.add_argument(
        "--twin",
        type=Path,
        metavar="CHECKPOINT",
        help="one that zooms, trained as long as --single-pass, which is held against it",
    )
    options.add_opening(parser)
    parser.add_argument("--device", default="cpu", help="of PyTorch's models (default: cpu)")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run: few questions, few settings"
    )
    options.add_json(parser)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="mAcc over p99 of all settings")


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON and the plot."""
    import dataclasses

    from tqdm import tqdm

    from benchmarks.baselines.entries import open_entries
    from benchmarks.baselines.figures import cache_figures, host_figures, rows
    from benchmarks.baselines.goals import goals
    from benchmarks.baselines.ours import KNOWN
    from benchmarks.baselines.plot import pareto_plot
    from benchmarks.baselines.timing import distinct_cases, race, warm_up
    from evaluation.environment import describe, header
    from evaluation.tables import JsonFile
    from sdk.errors import InputError

    if args.plot is not None:
        check_plot(args.plot)
    runs, scenes = (4, 8) if args.quick else (args.runs, args.scenes)
    if runs > scenes:
        raise InputError(f"expected at most {scenes} timed questions (--scenes), got {runs}")
    file = JsonFile(args.json)
    environment = describe()
    cases = distinct_cases(_WARMUP + scenes, args.seed)
    before, asked = cases[:_WARMUP], cases[_WARMUP:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # unknown words
        with open_entries(_options(args), before) as entries:
            contestants = entries.contestants
            warmups_s = warm_up(contestants, before)
            turns = race(
                contestants, asked, runs, lambda it: tqdm(it, unit="question", desc="peers")
            )
    figures = rows(contestants, turns, warmups_s)
    by_name = dict(zip((each.name for each in contestants), turns, strict=True))
    host, cache = host_figures(turns[0]), cache_figures(turns[0], by_name[KNOWN])
    reached = goals(figures, host)
    about = [
        *header(environment),
        f"engine    {entries.engine}",
        f"questions {scenes}, of which {runs} are timed, each of everybody in turn, after"
        f" {_WARMUP} for warm-up; a new sentence each time",
    ]
    print(
        "\n".join([*about, "", _table(figures), "", *_lines(host, cache, reached, entries.absent)])
    )
    file.write(
        {
            "rows": figures,
            "goals": [dataclasses.asdict(goal) for goal in reached],
            "host": host,
            "text_cache": cache,
            "absent": entries.absent,
            "slice_progress": entries.progress,
            "scenes": scenes,
            "runs": runs,
            "seed": args.seed,
            "engine": entries.engine,
            "environment": environment,
        }
    )
    if args.plot is not None:
        pareto_plot(figures, args.plot)
    return 0


def _options(args: argparse.Namespace) -> Any:
    from benchmarks.baselines.entries import Options
    from benchmarks.baselines.slicing import Grid
    from export.build import checkpoint_folder
    from sdk.cores import default_threads

    few = 1 if args.quick else None
    single = None if args.single_pass is None else checkpoint_folder(args.single_pass)
    twin = None if args.twin is None else checkpoint_folder(args.twin)
    return Options(
        checkpoint=checkpoint_folder(args.checkpoint),
        engines=tuple(args.engine),
        single_pass=single,
        twin=twin,
        grids=tuple(Grid(*each) for each in _GRIDS[:few]),
        single_grids=tuple(Grid(*each) for each in _SINGLE_GRIDS[:few]),
        sizes_hw=tuple((height, width) for width, height in _SIZES_WH[:few]),
        threads=default_threads(),
        device=args.device,
        compiled=not (args.no_compile or args.quick),
        allow_unproven=args.allow_unproven,
    )


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    from evaluation.tables import share, table

    return table(
        (
            "",
            "p50 ms",
            "p99 ms",
            "ratio",
            "timed",
            "looks",
            "same",
            "Acc50",
            "mAcc",
            "n",
            "weights",
        ),
        [
            [
                row["name"],
                f"{row['p50_ms']:.1f}",
                f"{row['p99_ms']:.1f}",
                f"{row['ratio']:.2f}",
                str(row["runs"]),
                f"{row['looks']:.2f}",
                *(share(row[key]) for key in ("same_box", "acc50", "macc")),
                str(row["n"]) if row["n"] else "-",
                row["weights"],
            ]
            for row in rows
        ],
    )


def _lines(
    host: Mapping[str, float],
    cache: Mapping[str, float],
    reached: Sequence[Any],
    absent: Mapping[str, str],
) -> list[str]:
    return [
        "ratio: p50 over that of the first row. looks: windows that the image network ran on.",
        "same: share of boxes that are those of the first row (IoU at least 0.99).",
        *(f"left out: {name}: {reason}" for name, reason in absent.items()),
        "",
        f"a known expression saves {cache['saved_ms']:.2f} ms of a search (median of pairs); the"
        f" text network takes {cache['text_ms']:.2f} ms, {100 * cache['saved_share']:.1f} %",
        *(
            f"{'holds' if goal.holds else 'MISSED'}: {goal.what}, {goal.wanted}: {goal.found}"
            for goal in reached
        ),
    ]


def section(figures: Figures) -> Section:
    """Everyone, with the plot of accuracy against p99."""
    from benchmarks.baselines.plot import pareto_plot

    rows = figures["rows"]
    cells = tuple(
        (
            row["name"],
            row["group"],
            *(milliseconds(row[key]) for key in ("p50_ms", "p99_ms")),
            times(row["ratio"]),
            *(percent(row[key]) for key in ("same_box", "acc50", "macc")),
        )
        for row in rows
    )
    cache = figures["text_cache"]
    judged = [row for row in rows if row["macc"] is not None]
    notes = tuple(f"{row['name']}: {row['note']}" for row in rows if row.get("note"))
    picture = Picture("accuracy-against-p99", "Accuracy against p99", partial(pareto_plot, judged))
    return Section(
        "Against others",
        (
            "Everyone in the same run, in turns; the ratio is of medians, theirs over ours. The"
            " plot shows mAcc with its standard error, without PyTorch's peers, which look where"
            " ours does. Same: boxes that are those of the first row (IoU of at least 0.99).",
            f"A known expression saves {cache['saved_ms']:.2f} ms of a search (median of pairs);"
            f" the text network takes {cache['text_ms']:.2f} ms of it.",
            *notes,
            *(f"Left out: {who}: {why}" for who, why in figures["absent"].items()),
        ),
        (
            Table(
                ("who", "kind", "p50 ms", "p99 ms", "ratio", "same", "Acc50", "mAcc"),
                cells,
                strong=next((k for k, row in enumerate(rows) if row["group"] == OURS), None),
            ),
        ),
        (picture,) if judged else (),
        tuple(Goal(**each) for each in figures["goals"]),
        tuple(_headlines(rows)),
    )


def _headlines(rows: Sequence[Figures]) -> Iterator[Headline]:
    """Of each group but ours one: of those that look where ours does (PyTorch's) the one that comes
    closest in time, of the others the most exact."""
    groups: dict[str, list[Figures]] = {}
    for row in rows:
        if row["group"] != OURS and row["ratio"] is not None:
            groups.setdefault(row["group"], []).append(row)
    for group, some in groups.items():
        note = ""
        if group in _EXACT:
            row = max(some, key=lambda each: each["macc"] or 0.0)
            if row["macc"] == 0.0:  # weights that were trained to zoom, asked not to
                continue
            note = f"; mAcc {percent(row['macc'])}, ours {percent(row['macc_ours'])}"
        else:
            row = min(some, key=lambda each: each["ratio"])
        yield Headline(
            f"time of {row['name']}",
            f"{times(row['ratio'])} ours",
            f"p50 {row['p50_ms']:.0f} ms, in the same run{note}",
        )
