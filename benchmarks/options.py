"""Options that the benchmarks share, and the engine that they open."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from train.evaluation.locators import engine_label
from train.options import positive

if TYPE_CHECKING:
    from sdk.grounder import Grounder


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """``--engine``, ``--threads``, ``--allow-unproven`` and ``--json``."""
    parser.add_argument("--engine", type=Path, help="engine folder (default: the bundled one)")
    parser.add_argument("--threads", type=positive, help="CPU threads (default: every core)")
    parser.add_argument(
        "--allow-unproven", action="store_true", help="accept an engine without a certificate"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as JSON")


def open_grounder(args: argparse.Namespace) -> Grounder:
    """The grounder that the options ask for."""
    from sdk.grounder import Grounder

    return Grounder(args.engine, threads=args.threads, allow_unproven=args.allow_unproven)


def engine_line(grounder: Grounder) -> str:
    """The engine in words, for a header."""
    return f"engine    {engine_label(grounder)}"
