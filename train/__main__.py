"""``python -m train NAME``: data, training, import, evaluation, calibration."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sdk.cli import run_command

COMMANDS = (
    "init",
    "scenes",
    "piza",
    "tune",
    "import",
    "calibrate",
    "data",
    "evaluate",
    "trajectories",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    about = "Read data or render it, train, import, evaluate, calibrate."
    return run_command("train", COMMANDS, about, arguments)


if __name__ == "__main__":
    sys.exit(main())
