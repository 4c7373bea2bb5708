"""``python -m export NAME``: from a checkpoint to a proven engine."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sdk.cli import run_command

COMMANDS = ("onnx", "build-engine", "check", "verify", "inspect", "prove")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    return run_command("export", COMMANDS, "From a checkpoint to a proven engine.", arguments)


if __name__ == "__main__":
    sys.exit(main())
