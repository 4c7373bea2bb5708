"""``piza train data``: what an annotation file holds, and whether it can be used."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sdk.options import GRAMMARS, not_negative

if TYPE_CHECKING:
    from sdk.text import Tokenizer
    from train.data.annotations import Problem

SHOWN_PROBLEMS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "annotations",
        type=Path,
        help="SOREC, COCO or RefCOCO file, or a folder as 'piza train scenes' writes it",
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="hold boxes against the images")
    parser.add_argument(
        "--decode",
        action="store_true",
        help="decode every image whole, which finds damage inside; takes a minute for a thousand",
    )
    words = parser.add_mutually_exclusive_group()
    words.add_argument(
        "--tokenizer",
        type=Path,
        metavar="FILE",
        help="a checkpoint or its tokenizer.json: count the words that it does not know",
    )
    words.add_argument(
        "--grammar",
        choices=GRAMMARS,
        help="of the rendered scenes: count the words that it does not utter",
    )
    parser.add_argument("--split", help="of a RefCOCO file: train, val, testA, ...")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as JSON")
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE.jpg", help="draw some objects with their sentences"
    )
    parser.add_argument("--seed", type=not_negative, default=0, help="chooses what is drawn")


def run(args: argparse.Namespace) -> int:
    """Print a table, write the JSON, draw the sheet; InputError when no entry can be used."""
    from evaluation.tables import JsonFile
    from sdk.errors import InputError
    from train.data.annotations import nothing_usable, read_annotations
    from train.data.statistics import statistics, statistics_lines

    path, images = args.annotations, args.images
    if path.is_dir():
        images = images or path / "images"
        path = path / "annotations.json"
    if args.sheet is not None and images is None:
        raise InputError("expected --images DIR for a contact sheet: it shows the photographs")
    if args.decode and images is None:
        raise InputError("expected --images DIR with --decode: there is nothing to decode")
    tokenizer = _tokenizer(args.tokenizer, args.grammar)
    file = JsonFile(args.json)
    known = read_annotations(path, images, args.split, args.decode)
    figures = statistics(known, tokenizer)
    print("\n".join([*statistics_lines(figures), *_problem_lines(known.problems, args.json)]))
    file.write(figures)
    if not known.items:
        raise nothing_usable(path)
    if args.sheet is not None:
        from sdk.frame import write_image
        from train.data.contact_sheet import contact_sheet

        write_image(args.sheet, contact_sheet(known.items, images, path.name, args.seed))
        print(f"\ncontact sheet in {args.sheet}")
    return 0


def _tokenizer(path: Path | None, grammar: str | None) -> Tokenizer | None:
    """That of a file or folder, or of a grammar, whose size is printed."""
    from sdk.text import MAX_CHARACTERS, Tokenizer

    if grammar is not None:
        from evaluation.scenes import vocabulary
        from train.data.vocabulary import write_grammar_tokenizer

        print(f"the {grammar} grammar utters {len(vocabulary(grammar))} words\n")
        with TemporaryDirectory() as folder:
            file = Path(folder, "tokenizer.json")
            write_grammar_tokenizer(grammar, file)
            return Tokenizer.from_file(file, MAX_CHARACTERS)
    if path is None:
        return None
    return Tokenizer.from_file(path / "tokenizer.json" if path.is_dir() else path, MAX_CHARACTERS)


def _problem_lines(problems: tuple[Problem, ...], json_file: Path | None) -> list[str]:
    """How many entries cannot be used, and the first of them, no reason twice."""
    from train.data.annotations import MISSING_IMAGE

    if not problems:
        return ["", "every entry can be used"]
    missing = sum(problem.reason.startswith(MISSING_IMAGE) for problem in problems)
    first = {problem.reason: problem.entry for problem in reversed(problems)}
    shown = sorted((entry, reason) for reason, entry in first.items())[:SHOWN_PROBLEMS]
    lines = ["", f"{len(problems):,} entries cannot be used, {missing:,} for a missing image"]
    lines += [f"  entry {entry}: {reason}" for entry, reason in shown]
    if len(problems) > len(shown):
        where = f"in {json_file}" if json_file else "--json FILE lists them"
        lines.append(f"  and {len(problems) - len(shown):,} more: {where}")
    return lines
