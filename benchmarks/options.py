"""Options that the benchmarks share, and the engine that they open."""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.environment import describe, header
from evaluation.seeds import Seeds
from evaluation.tables import JsonFile
from sdk.errors import PizaError
from sdk.options import add_engine, add_threads, not_negative
from train.evaluation.locators import engine_label

if TYPE_CHECKING:
    from sdk.grounder import Grounder


class BenchmarkError(PizaError):
    """A measurement that could not be made: what failed, and where to look."""


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """``--engine``, ``--threads``, ``--allow-unproven`` and ``--json``."""
    add_engine(parser)
    add_opening(parser)
    add_json(parser)


def add_opening(parser: argparse.ArgumentParser) -> None:
    """``--threads`` and ``--allow-unproven``: how engines are opened."""
    add_threads(parser)
    parser.add_argument(
        "--allow-unproven", action="store_true", help="accept an engine without a certificate"
    )


def add_seed(parser: argparse.ArgumentParser, seeds: Seeds) -> None:
    """``--seed``, by default the first of those that a benchmark has."""
    parser.add_argument("--seed", type=not_negative, default=seeds.first, help="of the first scene")


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as JSON")


@dataclass(frozen=True, eq=False)
class Measurement:
    """What is measured, and on what.

    ``engine``: in words. ``load_ms``: what opening it took. ``file``: where the figures go.
    """

    grounder: Grounder
    engine: str
    load_ms: float
    environment: dict[str, Any]
    file: JsonFile

    @property
    def engine_line(self) -> str:
        """The engine, as a line of a header."""
        return f"engine    {self.engine}"

    @property
    def header(self) -> list[str]:
        """Machine, software and engine, as lines for people."""
        return [*header(self.environment), self.engine_line]

    def write(self, figures: Mapping[str, Any]) -> None:
        """Write the figures, with what they were measured on; the grounder may be closed."""
        self.file.write({**figures, "engine": self.engine, "environment": self.environment})


@contextmanager
def measurement(args: argparse.Namespace) -> Iterator[Measurement]:
    """Open the grounder that the options ask for; while it is open, nobody warns of unknown words.

    The file is tried and the machine described before, so that no measurement is made in vain and
    the load is not our own.
    """
    from sdk.grounder import Grounder

    file = JsonFile(args.json)
    environment = describe()
    begin = time.perf_counter()
    with (
        Grounder(args.engine, threads=args.threads, allow_unproven=args.allow_unproven) as grounder,
        warnings.catch_warnings(),
    ):
        load_ms = (time.perf_counter() - begin) * 1e3
        warnings.simplefilter("ignore", UserWarning)  # unknown words: counted as not found
        yield Measurement(grounder, engine_label(grounder), load_ms, environment, file)
