"""``python -m benchmarks compare OLD NEW``: did it become slower, or is that noise?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from train.options import positive_float, share

if TYPE_CHECKING:
    from benchmarks.compare import Comparison, Ratio

EXIT_SLOWER = 1


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
    from benchmarks.compare import SLOWER, compare, read_figures

    if args.old.is_dir() and args.new.is_dir():
        return _folders(args.old, args.new)

    compared = compare(read_figures(args.old), read_figures(args.new), args.level)
    for warning in compared.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print("\n".join(_lines(compared, args.effect, args.level)))
    return EXIT_SLOWER if compared.ratios[0].verdict(args.effect) == SLOWER else 0


def _folders(old: Path, new: Path) -> int:
    from benchmarks.report.again import verdicts
    from train.evaluation.report import table

    words = {True: "met", False: "not met", None: "not measured"}
    found = verdicts(old, new)
    rows = [[v.what, v.wanted, v.old, v.new, words[v.met_before], words[v.met]] for v in found]
    print(table(("goal", "wanted", "old", "new", "old", "new"), rows))
    changed = [each for each in found if not each.same]
    print(f"\nThe verdict is the same for {len(found) - len(changed)} of {len(found)} goals.")
    lost = any(each.met_before is True and each.met is False for each in changed)
    return EXIT_SLOWER if lost else 0


def _lines(compared: Comparison, effect: float, level: float) -> list[str]:
    from benchmarks.compare import UNKNOWN
    from train.evaluation.report import table

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
    how = f"paired by {ratio.pairs} questions" if ratio.pairs else "not paired"
    lines = [
        f"{ratio.name}: {ratio.verdict(effect)}. New over old {ratio.ratio:.3f}, {100 * level:g} %"
        f" interval {ratio.low:.3f} to {ratio.high:.3f} ({how}, bootstrap); changes below"
        f" {100 * effect:g} % do not count."
    ]
    if not ratio.decides(effect):
        lines.append("The interval reaches beyond that change: more --runs would tell.")
    return lines
