"""Which entries of its annotations a run goes without, written down when it begins.

The order of samples is over all the others; photographs that are damaged or repaired while the run
is paused must not change it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sdk.errors import InputError
from train.data.entries import Problem
from train.storage import whole_file

FILE = "left_out.json"


def write_left_out(folder: Path, problems: Sequence[Problem]) -> None:
    """Into ``FILE`` of the run's folder."""
    records = [{"entry": problem.entry, "reason": problem.reason} for problem in problems]
    with whole_file(folder / FILE) as partial:
        partial.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")


def read_left_out(folder: Path) -> frozenset[int] | None:
    """The entries' indices; None for a run that did not write them down.

    Raises InputError when they cannot be read.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        return frozenset(int(record["entry"]) for record in json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"expected the entries that the run goes without in {path}, found {error!r:.100}"
        ) from error
