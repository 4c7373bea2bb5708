"""``python -m export NAME``: from a checkpoint to a proven engine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    from sdk.cli import run_package

    return run_package("export", arguments)


if __name__ == "__main__":
    home = Path(__file__).resolve().parents[1]
    if not sys.flags.safe_path and Path(sys.path[0]).resolve() != home:
        del sys.path[0]  # the working folder, which may hold modules of others
    sys.exit(main())
