"""``python -m sdk NAME``: the commands of the vehicle side."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sdk.cli import run_command

COMMANDS = ("locate", "video", "replay", "budget", "doctor")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    return run_command(
        "sdk", COMMANDS, "Find what a sentence describes; check the installation.", arguments
    )


if __name__ == "__main__":
    sys.exit(main())
