"""``python -m benchmarks compare OLD NEW``: did it become slower, or is that noise?"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.statistics import interval_of_paired_ratio, interval_of_ratio
from sdk.errors import InputError
from sdk.options import positive_float, share

EXIT_SLOWER = 1
# What tells rows of one file apart, in all the benchmarks that write rows.
_IDENTITY = (
    *("name", "group", "method", "axis", "at", "fraction", "refs", "beam", "scene"),
    *("frame", "window", "size", "device", "policy"),
)
_MACHINE = ("cpu", "cores", "gpu", "system")
_COUNT = "instructions_per_pixel"  # repeatable: any change is one
SLOWER, FASTER, SAME, UNKNOWN = "slower", "faster", "no difference", "cannot tell"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "old", type=Path, help="JSON of a benchmark before, or a folder of all of them"
    )
    parser.add_argument("new", type=Path, help="JSON of the same benchmark after, or a folder")
    parser.add_argument(
        "--effect", type=positive_float, default=0.05, help="smallest change that counts (0.05)"
    )
    parser.add_argument("--level", type=share, default=0.95, help="of the intervals (0.95)")


def run(args: argparse.Namespace) -> int:
    """Compare, print a table and a verdict; 1 when it became slower, or a goal is not met now."""
    if args.old.is_dir() and args.new.is_dir():
        return _folders(args.old, args.new)

    compared = compare(read_figures(args.old), read_figures(args.new), args.level)
    for warning in compared.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print("\n".join(_lines(compared, args.effect, args.level)))
    return EXIT_SLOWER if compared.ratios[0].verdict(args.effect) == SLOWER else 0


def _folders(old: Path, new: Path) -> int:
    from benchmarks.report.goals import verdicts
    from benchmarks.report.section import NOT_MEASURED
    from evaluation.tables import table

    words = {True: "met", False: "not met", None: NOT_MEASURED}
    found = verdicts(old, new)
    rows = [
        [new.what, new.wanted, old.found, new.found, words[old.holds], words[new.holds]]
        for old, new in ((each.old, each.new) for each in found)
    ]
    print(table(("goal", "wanted", "old", "new", "old", "new"), rows))
    changed = [each for each in found if not each.same]
    print(f"\nThe verdict is the same for {len(found) - len(changed)} of {len(found)} goals.")
    lost = any(each.old.holds is True and each.new.holds is False for each in changed)
    return EXIT_SLOWER if lost else 0


def _lines(compared: Comparison, effect: float, level: float) -> list[str]:
    from evaluation.tables import table

    cells = [
        [
            each.name,
            f"{each.old:.2f}",
            f"{each.new:.2f}",
            f"{each.ratio:.3f}",
            "-" if each.low is None else f"{each.low:.3f} to {each.high:.3f}",
            each.verdict(effect),
        ]
        for each in compared.ratios
    ]
    first = compared.ratios[0]
    said = table(("", "old", "new", "new/old", f"{100 * level:g} %", "verdict"), cells)
    if first.verdict(effect) == UNKNOWN:
        return [
            said,
            "",
            "No raw samples in both files, so that noise cannot be judged: no verdict.",
        ]
    return [said, "", *_verdict(first, effect, level)]


def _verdict(ratio: Ratio, effect: float, level: float) -> list[str]:
    if ratio.counted:
        return [
            f"{ratio.name}: {ratio.verdict(effect)}. New over old {ratio.ratio:.3f}, the greatest"
            " of all rows. They are counted, not timed: what else runs plays no part; changes below"
            f" {100 * effect:g} % do not count."
        ]
    how = f"paired by {ratio.pairs} questions" if ratio.pairs else "not paired"
    lines = [
        f"{ratio.name}: {ratio.verdict(effect)}. New over old {ratio.ratio:.3f}, {100 * level:g} %"
        f" interval {ratio.low:.3f} to {ratio.high:.3f} ({how}, bootstrap); changes below"
        f" {100 * effect:g} % do not count."
    ]
    if not ratio.decides(effect):
        lines.append("The interval reaches beyond that change: more --runs would tell.")
    return lines


@dataclass(frozen=True)
class Ratio:
    """New over old of one figure.

    ``low``, ``high``: its interval, None where there is no telling.
    ``old``, ``new``: the figures themselves (milliseconds, but for ratios and counts of a row).
    ``pairs``: how many samples were paired. ``counted``: not timed, so that it is certain.
    """

    name: str
    old: float
    new: float
    ratio: float
    low: float | None = None
    high: float | None = None
    pairs: int = 0
    counted: bool = False

    def verdict(self, effect: float) -> str:
        """``slower`` or ``faster`` when the interval leaves 1 out *and* the ratio is at least
        ``effect`` away from it (as a factor), ``cannot tell`` without an interval."""
        if self.low is None or self.high is None:
            return UNKNOWN
        if self.low > 1 and self.ratio >= 1 + effect:
            return SLOWER
        if self.high < 1 and self.ratio <= 1 / (1 + effect):
            return FASTER
        return SAME

    def decides(self, effect: float) -> bool:
        """Whether a change by ``effect`` would have shown: none such lies in the interval."""
        if self.low is None or self.high is None:
            return False
        return (
            self.verdict(effect) != SAME or 1 / (1 + effect) <= self.low <= self.high <= 1 + effect
        )


@dataclass(frozen=True)
class Comparison:
    """``ratios``: the figure that decides, then the others. ``warnings``: what was not the same."""

    ratios: tuple[Ratio, ...]
    warnings: tuple[str, ...]


def read_figures(path: Path) -> dict[str, Any]:
    """A benchmark's JSON; raises InputError for everything else."""
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise InputError(f"{path} is not valid JSON ({error}): measure again") from error
    rows = data.get("rows") if isinstance(data, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise InputError(
            f"expected the JSON of a benchmark with rows in {path}, found none: measure again with"
            " this version, piza bench NAME --json FILE"
        )
    return data


def compare(old: dict[str, Any], new: dict[str, Any], level: float) -> Comparison:
    """New against old; intervals where both have raw samples.

    Args:
        old: as ``read_figures`` gives it.
        new: of the same benchmark.
        level: of the intervals, such as 0.95.

    Raises:
        InputError: they are of different benchmarks or settings, or have no times.
    """
    kinds = [each.get("benchmark") for each in (old, new)]
    if kinds[0] != kinds[1]:
        raise InputError(f"expected two files of one benchmark, got {kinds[0]} and {kinds[1]}")
    before, after = _samples(old), _samples(new)
    if before and after:
        ratios = _from_samples(before, after, level)
    else:
        ratios = _from_rows(old["rows"], new["rows"])
    return Comparison(tuple(ratios), tuple(_warnings(old, new)))


def _samples(figures: dict[str, Any]) -> dict[str, Any]:
    """The raw samples of searches, empty where there are none."""
    samples = figures.get("samples")
    return samples if isinstance(samples, dict) and "search_ms" in samples else {}


def _from_samples(old: dict[str, Any], new: dict[str, Any], level: float) -> list[Ratio]:
    names = [name for name in old if name.endswith("_ms") and name in new]
    names.sort(key=lambda name: name != "search_ms")
    ratios = []
    for name in names:
        before, after = (_times(each, name) for each in (old, new))
        if np.median(before) <= 0:  # a stage that this machine does not have
            continue
        ratios.append(_by_question(name.removesuffix("_ms"), old, new, before, after, level))
        if name == "search_ms":
            p99 = partial(np.percentile, q=99)
            found = interval_of_ratio(before, after, level, p99)
            ratios.append(Ratio("search, p99", float(p99(before)), float(p99(after)), *found))
    return ratios


def _by_question(
    name: str,
    old: dict[str, Any],
    new: dict[str, Any],
    before: list[float],
    after: list[float],
    level: float,
) -> Ratio:
    """Paired where both asked the same questions, else the ratio of the two medians."""
    medians = float(np.median(before)), float(np.median(after))
    asked, asked_again = (each.get("question") for each in (old, new))
    if asked and asked_again and set(asked) == set(asked_again):
        first, second = _medians(asked, before), _medians(asked_again, after)
        pairs = [(first[question], second[question]) for question in second]
        if all(value > 0 for value, _ in pairs):
            asked_before, asked_after = zip(*pairs, strict=True)
            found = interval_of_paired_ratio(asked_before, asked_after, level)
            return Ratio(name, *medians, *found, len(pairs))
    return Ratio(name, *medians, *interval_of_ratio(before, after, level))


def _medians(questions: Sequence[str], times: Sequence[float]) -> dict[str, float]:
    """The median time of each question, in the order in which they were first asked."""
    by_question: dict[str, list[float]] = {}
    for question, time_ms in zip(questions, times, strict=True):
        by_question.setdefault(question, []).append(time_ms)
    return {question: float(np.median(some)) for question, some in by_question.items()}


def _times(samples: dict[str, Any], name: str) -> list[float]:
    values: list[float] = samples[name]
    fits = isinstance(values, list) and len(values) > 0
    if not fits or not all(_is_time(value) for value in values):
        raise InputError(f"expected milliseconds in the samples {name!r}: the file is damaged")
    questions = samples.get("question")
    if questions is not None and len(questions) != len(values):
        raise InputError(
            f"expected a question for each of the {len(values)} samples {name!r}, found"
            f" {len(questions)}: the file is damaged"
        )
    return values


def _from_rows(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[Ratio]:
    """Ratios of all times and ratios of the rows, which both must have; without intervals."""
    before, after = ({_identity(row): row for row in rows} for rows in (old, new))
    if before.keys() != after.keys():
        only = sorted(
            " ".join(key) or "rows without a name" for key in before.keys() ^ after.keys()
        )
        raise InputError(
            "expected two files of the same benchmark with the same rows; only one of them has"
            f" {', '.join(only[:3])}"
        )
    if len(before) < len(old):
        raise InputError("expected rows that a name tells apart: these times cannot be compared")
    ratios = [
        _of_row(" ".join(key), name, row[name], after[key][name], ratio)
        for key, row in before.items()
        for name in row
        if _is_figure(name) and (ratio := _ratio(row[name], after[key].get(name))) is not None
    ]
    if not ratios:
        raise InputError("expected rows with times (names that end in _ms), found none to compare")
    return sorted(ratios, key=lambda each: (not each.counted, -each.ratio * each.counted))


def _of_row(row: str, name: str, old: float, new: float, ratio: float) -> Ratio:
    if name == _COUNT:
        return Ratio(f"{row} instructions", old, new, ratio, ratio, ratio, counted=True)
    return Ratio(f"{row} {name.removesuffix('_ms')}".strip(), old, new, ratio)


def _is_figure(name: str) -> bool:
    """A time that was measured (a deadline was set), a ratio of such times, or a count."""
    return name in ("ratio", _COUNT) or (name.endswith("_ms") and name != "deadline_ms")


def _ratio(old: Any, new: Any) -> float | None:
    usable = _is_time(old) and _is_time(new) and old > 0
    return new / old if usable else None


def _identity(row: dict[str, Any]) -> tuple[str, ...]:
    known = {name: row[name] for name in _IDENTITY if row.get(name) is not None}
    return tuple(v if isinstance(v, str) else f"{name} {v}" for name, v in known.items())


def _is_time(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value >= 0


def _warnings(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    found = []
    if old.get("engine") != new.get("engine"):
        found.append(f"different engines: {old.get('engine')} and {new.get('engine')}")
    before, after = (each.get("environment") or {} for each in (old, new))
    for name in _MACHINE:
        if before.get(name) != after.get(name):
            found.append(f"different machines: {name} {before.get(name)} and {after.get(name)}")
    versions = [each.get("versions") or {} for each in (before, after)]
    found += _other_instructions(old, new)
    changed = [
        f"{name} {versions[0].get(name)} and {versions[1].get(name)}"
        for name in sorted(versions[0].keys() | versions[1].keys())
        if versions[0].get(name) != versions[1].get(name)
    ]
    if changed:
        found.append(f"different versions: {', '.join(changed)}")
    return found


def _other_instructions(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What makes times or counts of instructions those of other code."""
    sets = [
        sorted({str(row["isa"]) for row in each["rows"] if "isa" in row}) for each in (old, new)
    ]
    found = []
    if all(sets) and sets[0] != sets[1]:
        found.append(f"different instruction sets: {', '.join(sets[0])} and {', '.join(sets[1])}")
    counts = [each.get("instructions") for each in (old, new)]
    if all(counts) and counts[0] != counts[1]:
        found.append(f"instructions of different compilers or sets: {counts[0]} and {counts[1]}")
    return found
