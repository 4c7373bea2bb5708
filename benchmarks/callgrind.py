"""Instructions that a program takes, which valgrind counts: the same whatever else runs.

It knows no AVX-512, and tells programs that there is AVX2.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from benchmarks.options import BenchmarkError

_FOUND = re.compile(r"Collected : (\d+)")


def check_valgrind() -> None:
    """Raises BenchmarkError where valgrind is not installed."""
    if shutil.which("valgrind") is None:
        raise BenchmarkError(
            "valgrind is needed to count instructions, and is not installed:"
            " apt-get install valgrind, or leave out --instructions"
        )


def collected(*command: str, options: tuple[str, ...] = ()) -> int:
    """Instructions of a program.

    Args:
        command: the program and its arguments.
        options: of callgrind.

    Raises:
        BenchmarkError: the program failed.
    """
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *options, *command],
        capture_output=True,
        text=True,
        env=os.environ | {"LC_ALL": "C"},
    )
    found = _FOUND.search(done.stderr)
    if done.returncode != 0 or found is None:
        raise BenchmarkError(f"valgrind counted nothing: {done.stderr.strip()[-2000:]}")
    return int(found[1])
