"""Options that the commands share; each command lists them where they belong in its help."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_engine(parser: argparse.ArgumentParser) -> None:
    """``--engine``."""
    parser.add_argument("--engine", type=Path, help="engine folder (default: the bundled one)")


def add_threshold(parser: argparse.ArgumentParser) -> None:
    """``--threshold``."""
    parser.add_argument(
        "--threshold", type=float, help="score from which an object counts as found (0..1)"
    )


def add_allow_unproven(parser: argparse.ArgumentParser) -> None:
    """``--allow-unproven``."""
    parser.add_argument(
        "--allow-unproven",
        action="store_true",
        help="accept an engine without a passing certificate",
    )
