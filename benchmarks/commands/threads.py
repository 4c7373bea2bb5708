"""``python -m benchmarks threads``: one thread, all of them, or what is chosen; idle and busy.

Busy processes, which do nothing but turn, stand for the other programs of a vehicle's computer.
Crops with one thread, with all and as the product chooses, searches with one thread and as it
chooses, take turns in a drawn order, so that all meet the same machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from benchmarks import options
from sdk.cores import default_threads
from sdk.options import not_negative, positive

FRAME_HW, INPUT_HW = (1080, 1920), (352, 640)
WAYS = ("one", "all", "chosen")
WARMUP = 20  # rounds that do not count, in which a choice may learn
Calls = dict[str, Callable[[], object]]  # by way


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--rounds", type=positive, default=300, help="turns of each that count")
    parser.add_argument("--busy", type=not_negative, default=8, help="busy processes beside")
    parser.add_argument("--seed", type=not_negative, default=0, help="of the frame and the turns")
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    rng = np.random.default_rng([args.seed, 61])
    frame = rng.integers(0, 256, (*FRAME_HW, 3), dtype=np.uint8)
    most = args.threads or default_threads()
    rows = []
    with options.measurement(args) as measurement, ExitStack() as stack:
        calls = {
            "crop": crops(frame, most),
            "search": searches(args, frame, most, stack),
        }
        for busy in sorted({0, args.busy}):
            with busy_processes(busy):
                rows += [
                    summarise(work, busy, times_of(ways, args.rounds, rng))
                    for work, ways in calls.items()
                ]
    print("\n".join([*measurement.header, f"threads   {most}", "", _table(rows)]))
    measurement.write({"rows": rows, "threads": most, "rounds": args.rounds, "seed": args.seed})
    return 0


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """So many processes that take what time they get, for the body of a ``with`` statement."""
    command = [sys.executable, "-S", "-c", "while True: pass"]
    processes = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def crops(frame: np.ndarray, most: int) -> Calls:
    """The whole frame as network input: the kernel itself, and as the product calls it."""
    from cpp_ext import crop_resize
    from sdk.preprocess import network_input

    windows = np.array([[0.0, 0.0, FRAME_HW[1], FRAME_HW[0]]])
    out = np.empty((1, 3, *INPUT_HW), np.float32)
    mean, std = (120.0,) * 3, (60.0,) * 3

    def fixed(threads: int) -> Callable[[], object]:
        return lambda: crop_resize(frame, windows, INPUT_HW, mean, std, out=out, threads=threads)

    def chosen() -> object:
        return network_input(frame, windows, INPUT_HW, mean, std, out=out, threads=most)

    return {"one": fixed(1), "all": fixed(most), "chosen": chosen}


def searches(args: argparse.Namespace, frame: np.ndarray, most: int, stack: ExitStack) -> Calls:
    """A search of the frame, by engines that were opened with so many threads."""
    from sdk.grounder import Grounder

    def opened(threads: int) -> Callable[[], object]:
        grounder = stack.enter_context(
            Grounder(args.engine, threads=threads, allow_unproven=args.allow_unproven)
        )
        return lambda: grounder.locate(frame, "the white van")

    return {"one": opened(1), "chosen": opened(most)}


def times_of(calls: Calls, rounds: int, rng: np.random.Generator) -> dict[str, list[float]]:
    """Milliseconds of each way; everyone has one turn a round, in an order drawn for it."""
    ways: Sequence[str] = list(calls)
    times: dict[str, list[float]] = {way: [] for way in ways}
    for index in range(WARMUP + rounds):
        for k in rng.permutation(len(ways)):
            begin = time.perf_counter()
            calls[ways[k]]()
            if index >= WARMUP:
                times[ways[k]].append((time.perf_counter() - begin) * 1e3)
    return times


def summarise(work: str, busy: int, times: dict[str, list[float]]) -> dict[str, Any]:
    """Means (``one_ms`` ...) and medians of each way, None of those that were not tried; ``ratio``:
    the mean of what was chosen over the better of the others."""
    row: dict[str, Any] = {"name": work, "fraction": f"{busy} busy"}
    for way in WAYS:
        known = times.get(way)
        row[f"{way}_ms"] = None if known is None else float(np.mean(known))
        row[f"{way}_p50_ms"] = None if known is None else float(np.median(known))
    others = [row[f"{way}_ms"] for way in ("one", "all") if row[f"{way}_ms"] is not None]
    return row | {"ratio": row["chosen_ms"] / min(others)}


def _table(rows: Sequence[dict[str, Any]]) -> str:
    from evaluation.tables import table

    def cell(value: float | None) -> str:
        return "-" if value is None else f"{value:.2f}"

    names = [f"{way}{kind}" for kind in ("_ms", "_p50_ms") for way in WAYS]
    header = [f"{way} {kind}" for kind in ("mean", "p50") for way in WAYS]
    return table(
        ("milliseconds", *header, "chosen/better"),
        [
            [
                f"{row['name']}, {row['fraction']}",
                *(cell(row[name]) for name in names),
                f"{row['ratio']:.2f}",
            ]
            for row in rows
        ],
    )
