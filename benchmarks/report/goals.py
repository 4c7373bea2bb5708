"""What was meant to be reached, in two runs: is the verdict the same?"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report.document import document
from benchmarks.report.folder import read_measured, read_record
from benchmarks.report.section import Goal
from sdk.errors import InputError


@dataclass(frozen=True)
class Verdict:
    """A goal in two runs; what only one of them measured is not measured in the other."""

    old: Goal
    new: Goal

    @property
    def same(self) -> bool:
        """Whether it is met in both runs or in none."""
        return self.old.holds == self.new.holds


def verdicts(old: Path, new: Path) -> list[Verdict]:
    """Each goal of two folders of ``python -m benchmarks all``, in the order of the new one.

    Raises:
        InputError: a folder without figures, or with damaged ones.
    """
    before, after = (_goals(folder) for folder in (old, new))
    return [
        Verdict(
            before.get(what) or Goal(what, after[what].wanted),
            after.get(what) or Goal(what, before[what].wanted),
        )
        for what in dict.fromkeys((*after, *before))
    ]


def wheel_mb(path: Path) -> float:
    """Megabytes (10^6) of a wheel without what it packs of ``assets/``; InputError for no wheel."""
    try:
        with zipfile.ZipFile(path) as wheel:
            packed = sum(
                each.compress_size
                for each in wheel.infolist()
                if "assets" in Path(each.filename).parts[:-1]
            )
        return (path.stat().st_size - packed) / 1e6
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"expected a wheel (.whl) at {path}: {error}") from error


def _goals(folder: Path) -> dict[str, Goal]:
    found = document(read_measured(folder), read_record(folder)).goals
    return {each.what: each for each in found}
