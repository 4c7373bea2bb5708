"""Our own commands, each in a process of its own, with its output in a log."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.options import BenchmarkError


def run_logged(command: Sequence[str], log: Path) -> None:
    """``python -P -m COMMAND`` (nothing from the working folder), its output in ``log``.

    Raises:
        BenchmarkError: it failed; the message has the last line of the log.
    """
    with log.open("w") as file:
        code = subprocess.run(
            [sys.executable, "-P", "-m", *command], stdout=file, stderr=subprocess.STDOUT
        ).returncode
    if code != 0:
        tail = log.read_text().strip().splitlines()[-1:]
        raise BenchmarkError(f"{' '.join(command)} failed with {code}, see {log}: {tail}")
