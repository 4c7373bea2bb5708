"""The benchmarks that make up a report, and how they are run: each in a process of its own."""

from __future__ import annotations

import importlib.util
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Runner = Callable[[Sequence[str]], int]  # the arguments after "python" -> exit code


@dataclass(frozen=True)
class Part:
    """One benchmark of the report.

    ``arguments``, ``quick``: of the measurement of record, and of a smoke run. ``needs``,
    ``row_needs``: what its JSON, and each row of it, must hold for the report. ``engine``: it takes
    ``--engine``, ``--threads`` and ``--allow-unproven``. ``asked_for``: it is run only where more
    arguments are given for it.
    """

    name: str
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    needs: tuple[str, ...] = ("rows",)
    row_needs: tuple[str, ...] = ()
    engine: bool = True
    asked_for: bool = False


# In the order of the report. Those that this version does not have are left out.
PARTS = (
    Part(
        "latency",
        ("--runs", "10000", "--warmup", "20"),
        ("--runs", "20", "--cold-starts", "1"),
        ("rows", "samples", "cold_start", "steps", "frame_wh", "warmup", "throughput_per_s"),
    ),
    Part(
        "accuracy",
        ("--scenes", "500"),
        ("--scenes", "4"),
        ("zoom", "attribute", "relation", "shuffled", "absent"),
    ),
    Part(
        "peers",
        quick=("--quick",),
        row_needs=(
            *("name", "group", "p50_ms", "p99_ms", "ratio"),
            *("acc50", "macc", "macc_se", "macc_ours", "mpx", "weights", "same_box"),
        ),
        needs=("rows", "goals", "text_cache", "absent"),
    ),
    Part("engines", quick=("--questions", "1"), engine=False, asked_for=True),
    Part(
        "scaling",
        quick=("--questions", "1", "--rounds", "1"),
    ),
    Part("refs", quick=("--scenes", "1", "--rounds", "1")),
    Part("deadline", quick=("--scenes", "3"), needs=("rows", "normal_ms", "load")),
    Part(
        "calibration",
        quick=("--scenes", "12"),
        needs=("rows", "bins", "ece", "brier", "auc", "found", "threshold", "n", "absent"),
    ),
    Part(
        "video",
        quick=("--clips", "2", "--frames", "8", "--stills", "2"),
        needs=("by_kind", "stills"),
    ),
    Part("kernel", quick=("--rounds", "2"), needs=("rows", "goals"), engine=False),
)


@dataclass(frozen=True)
class Ran:
    """A part that was run: its command as one would type it, its exit code, how long it took."""

    name: str
    command: str
    exit_code: int
    seconds: float


def present(parts: Sequence[Part] = PARTS) -> list[Part]:
    """The parts whose command this version has."""
    return [each for each in parts if importlib.util.find_spec(f"benchmarks.commands.{each.name}")]


def run_part(part: Part, out: Path, extra: Sequence[str], quick: bool, runner: Runner) -> Ran:
    """Run one part; its JSON goes to ``out``, the one of an earlier run is removed before.

    Args:
        part: what to run.
        out: the report's folder.
        extra: further arguments.
        quick: a smoke run.
        runner: runs ``python`` with arguments.
    """
    figures = out / f"{part.name}.json"
    figures.unlink(missing_ok=True)
    chosen = [*(part.quick if quick else part.arguments), *extra]
    begin = time.perf_counter()
    code = runner(["-m", "benchmarks", part.name, *chosen, "--json", str(figures)])
    shown = shlex.join(["python", "-m", "benchmarks", part.name, *chosen])
    return Ran(part.name, shown, code, round(time.perf_counter() - begin, 1))


def in_own_process(arguments: Sequence[str]) -> int:
    """Run this Python with these arguments: nobody's threads, caches or imports disturb the next.

    Tables and progress go where ours go. ``-P``: nothing is imported from the working folder.
    """
    return subprocess.run([sys.executable, "-P", *arguments]).returncode
