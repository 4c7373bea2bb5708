"""``python -m benchmarks NAME``: measure an engine, print a table, write the figures as JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sdk.cli import run_command

COMMANDS = (
    "accuracy",
    "all",
    "beam",
    "calibration",
    "compare",
    "deadline",
    "engines",
    "gpu",
    "kernel",
    "latency",
    "methods",
    "peers",
    "refs",
    "report",
    "scaling",
    "video",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    return run_command(
        "benchmarks",
        COMMANDS,
        "Measure an engine, print a table, write the figures as JSON.",
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
