"""``python -m train NAME``: scenes, training, calibration."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sdk.cli import run_command

COMMANDS = ("scenes", "piza", "tune", "import", "calibrate", "data", "evaluate", "trajectories")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    return run_command("train", COMMANDS, "Render scenes, train, calibrate.", arguments)


if __name__ == "__main__":
    sys.exit(main())
