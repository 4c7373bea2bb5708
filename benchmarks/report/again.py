"""Two runs of all benchmarks: are the verdicts the same?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.report.document import Goal
from benchmarks.report.folder import read_measured, read_record
from benchmarks.report.goals import goals


@dataclass(frozen=True)
class Verdict:
    """A goal in two runs. ``old``, ``new``: what was measured, in words."""

    what: str
    wanted: str
    old: str
    new: str
    met_before: bool | None
    met: bool | None

    @property
    def same(self) -> bool:
        """Whether it is met in both runs or in none."""
        return self.met_before == self.met


def verdicts(old: Path, new: Path) -> list[Verdict]:
    """Each goal of two folders of ``python -m benchmarks all``, in the order of the new one; what
    only one of them measured is not measured (None) in the other.

    Raises InputError for a folder without figures, or with damaged ones.
    """
    before, after = (_goals(folder) for folder in (old, new))
    return [
        _verdict(before.get(what), after.get(what)) for what in dict.fromkeys((*after, *before))
    ]


def _verdict(old: Goal | None, new: Goal | None) -> Verdict:
    known = new or old
    assert known is not None
    missing = replace(known, measured="not measured", met=None)
    a, b = old or missing, new or missing
    return Verdict(known.what, known.wanted, a.measured, b.measured, a.met, b.met)


def _goals(folder: Path) -> dict[str, Goal]:
    found = goals(read_measured(folder), read_record(folder).wheel_mb)
    return {each.what: each for each in found}
