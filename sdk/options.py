"""Options that the commands share; each command lists them where they belong in its help."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from sdk.cores import read_threads
from sdk.errors import InputError


def add_engine(parser: argparse.ArgumentParser) -> None:
    """``--engine``."""
    parser.add_argument("--engine", type=Path, help="engine folder (default: the bundled one)")


def add_threshold(parser: argparse.ArgumentParser) -> None:
    """``--threshold``."""
    parser.add_argument(
        "--threshold", type=float, help="score from which an object counts as found (0..1)"
    )


def add_threads(parser: argparse.ArgumentParser) -> None:
    """``--threads``, which is ``$PIZA_THREADS`` for the run of a command (``sdk.cli``)."""
    parser.add_argument(
        "--threads",
        type=_threads,
        metavar="N",
        help="CPU threads (default: $PIZA_THREADS, or one for each core that may be used)",
    )


def add_allow_unproven(parser: argparse.ArgumentParser) -> None:
    """``--allow-unproven``."""
    parser.add_argument(
        "--allow-unproven",
        action="store_true",
        help="accept an engine without a passing certificate",
    )


def _threads(text: str) -> int:
    try:
        return read_threads(text.strip(), "threads")
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


GRAMMARS = ("plain", "rich")  # of the rendered scenes; here, as commands are declared before use
SETTINGS = ("plain", "road")  # likewise: streets of one size by day, or closer to the road


def positive(text: str) -> int:
    """A whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text}")
    return value


def not_negative(text: str) -> int:
    """A whole number of at least 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, got {text}")
    return value


def positive_float(text: str) -> float:
    """A finite number above 0."""
    value = float(text)
    if not math.isfinite(value) or value <= 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return value


def share(text: str) -> float:
    """A number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got {text}")
    return value
