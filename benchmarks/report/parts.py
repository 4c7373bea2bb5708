"""The benchmarks that make up a report, and how they are run: each in a process of its own."""

from __future__ import annotations

import importlib
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from benchmarks.commands import COMMANDS
from benchmarks.report.section import Figures, Part, Section

Runner = Callable[[Sequence[str]], int]  # the arguments after "python" -> exit code


class Benchmark(Protocol):
    """A module of ``benchmarks.commands`` that says how it is part of the report.

    ``section(figures)`` makes its section of what its ``--json`` wrote; ``PART`` says how it is
    run. Plots are drawn later, where they are wanted.
    """

    PART: Part

    @staticmethod
    def section(figures: Figures) -> Section:
        """The section of the report, with its goals and what the README tells."""


@cache
def benchmarks() -> dict[str, Benchmark]:
    """Those commands that have a section, by name, in the order of ``COMMANDS``."""
    modules = {name: importlib.import_module(f"benchmarks.commands.{name}") for name in COMMANDS}
    return {name: module for name, module in modules.items() if hasattr(module, "section")}


@dataclass(frozen=True)
class Ran:
    """A part that was run: its command as one would type it, its exit code, how long it took."""

    name: str
    command: str
    exit_code: int
    seconds: float


def run_part(name: str, out: Path, extra: Sequence[str], quick: bool, runner: Runner) -> Ran:
    """Run one of them; its JSON goes to ``out``, the one of an earlier run is removed before.

    Args:
        name: whom to run.
        out: the report's folder.
        extra: further arguments.
        quick: a smoke run.
        runner: runs ``python`` with arguments.
    """
    part, figures = benchmarks()[name].PART, out / f"{name}.json"
    figures.unlink(missing_ok=True)
    chosen = [*(part.quick if quick else part.arguments), *extra]
    begin = time.perf_counter()
    code = runner(["-m", "benchmarks", name, *chosen, "--json", str(figures)])
    shown = shlex.join(["python", "-m", "benchmarks", name, *chosen])
    return Ran(name, shown, code, round(time.perf_counter() - begin, 1))


def in_own_process(arguments: Sequence[str]) -> int:
    """Run this Python with these arguments: nobody's threads, caches or imports disturb the next.

    Tables and progress go where ours go. ``-P``: nothing is imported from the working folder.
    """
    return subprocess.run([sys.executable, "-P", *arguments]).returncode
