"""``python -m sdk replay BUNDLE``: ask a recorded question again and compare the answers."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sdk.options import add_allow_unproven, add_engine, add_threads

if TYPE_CHECKING:
    from sdk.replay.difference import Comparison, Row

EXIT_DIFFERENT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the command."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="from locate --bundle, ...")
    add_engine(parser)
    parser.add_argument("--save", type=Path, metavar="FILE", help="write a picture of the search")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    add_threads(parser)
    add_allow_unproven(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the comparison; 0 when the answers are the same, 1 when they differ."""
    from sdk.grounder import Grounder
    from sdk.replay.bundle import ask_again, load_bundle
    from sdk.replay.difference import compare, engine_row

    bundle = load_bundle(args.bundle)
    with (
        warnings.catch_warnings(),
        Grounder(
            args.engine, threshold=bundle.options.threshold, allow_unproven=args.allow_unproven
        ) as grounder,
    ):
        warnings.simplefilter("ignore", UserWarning)  # unknown words: the recording says so
        engine = engine_row(bundle, grounder.manifest.name, grounder.manifest.fingerprint)
        answers = ask_again(bundle, grounder)
    compared = [compare(*pair) for pair in zip(bundle.answers, answers, strict=True)]
    if engine.note:
        print(f"warning: {engine.note}: {engine.recorded} answered then", file=sys.stderr)
    if args.save is not None:
        answers[0].save(args.save)
        print(f"wrote {args.save}", file=sys.stderr)
    same = all(each.same for each in compared)
    if args.json:
        said = {
            "same": same,
            "engine": vars(engine),
            "created": bundle.created,
            "versions": dict(bundle.versions),
            "answers": [each.to_dict() for each in compared],
        }
        print(json.dumps(said))
    else:
        print("\n".join(_table(compared, engine)))
        print("the same" if same else "DIFFERENT")
    return 0 if same else EXIT_DIFFERENT


def _table(compared: Sequence[Comparison], engine: Row) -> list[str]:
    """Lines in four columns."""
    lines = [f"  {'':<12} {'recorded':<32} {'again':<32}", _line(engine)]
    for each in compared:
        lines.append("".join(letter if letter.isprintable() else "?" for letter in each.ref))
        lines += [_line(row) for row in each.rows]
    return lines


def _line(row: Row) -> str:
    mark = {True: "same", False: "DIFFERS", None: "-"}[row.same]
    return f"  {row.what:<12} {row.recorded:<32} {row.again:<32} {mark:<8} {row.note}".rstrip()
