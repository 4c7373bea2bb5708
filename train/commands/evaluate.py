"""``python -m train evaluate``: how often a checkpoint or an engine finds what is annotated."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from sdk.options import add_threads, not_negative

if TYPE_CHECKING:
    from train.data.entries import AnnotationSet
    from train.evaluation.category import CategoryJudge


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("model", type=Path, metavar="CHECKPOINT_OR_ENGINE", help="its folder")
    parser.add_argument(
        "--annotations", type=Path, required=True, metavar="FILE", help="SOREC, COCO or RefCOCO"
    )
    parser.add_argument("--images", type=Path, required=True, metavar="DIR")
    parser.add_argument("--split", help="of a RefCOCO file: train, val, testA, ...")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as JSON")
    parser.add_argument(
        "--absent",
        type=not_negative,
        default=500,
        help="how many annotations are also asked with a sentence of another photograph (500)",
    )
    parser.add_argument("--seed", type=not_negative, default=0, help="of that choice")
    parser.add_argument(
        "--clip",
        metavar="FOLDER_OR_ID",
        help="a CLIP that says which category each box is most like: category accuracy too",
    )
    parser.add_argument(
        "--prompt", help="with --clip, how it is asked for a category (a photo of {})"
    )
    add_threads(parser)
    parser.add_argument("--device", help="of a checkpoint: cpu or cuda; the best there is")
    parser.add_argument(
        "--published", action="store_true", help="search to the pixel as the authors' code does"
    )
    parser.add_argument(
        "--allow-unproven", action="store_true", help="accept an engine without a certificate"
    )


def run(args: argparse.Namespace) -> int:
    """Ask, print a table, write the JSON."""
    from tqdm import tqdm

    from evaluation.environment import describe
    from evaluation.scoring import as_records, summarise
    from evaluation.tables import JsonFile, accuracy_lines
    from train.data.annotations import read_usable
    from train.evaluation.examination import ask
    from train.evaluation.locators import open_locator

    file = JsonFile(args.json)
    known = read_usable(args.annotations, args.images, args.split)
    environment = describe()
    judge = _judge(args, known)
    options = {"threads": args.threads, "device": args.device, "published": args.published}
    with (
        open_locator(args.model, **options, allow_unproven=args.allow_unproven) as (locator, label),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", UserWarning)  # unknown words: counted as not found
        rows = ask(
            locator,
            known.items,
            args.images,
            args.absent,
            args.seed,
            lambda it: tqdm(it, unit="image", desc="evaluate"),
            judge,
        )
    figures = summarise(rows)
    if judge is not None:
        figures["category"] = judge.figures()
    images = len({item.image for item in known.items})
    about = [
        f"model       {label}",
        f"annotations {len(known.items)} of {args.annotations}, {images} photographs",
    ]
    print("\n".join([*about, "", *accuracy_lines(figures)]))
    if judge is not None:
        print("category accuracy {accuracy:.3f} of {n}, by CLIP".format(**figures["category"]))
    file.write(
        {
            **figures,
            "scenes": images,
            "seed": args.seed,
            "engine": label,
            "annotations": str(args.annotations),
            "left_out": len(known.problems),
            "environment": environment,
            "rows": as_records(rows),
        }
    )
    return 0


def _judge(args: argparse.Namespace, known: AnnotationSet) -> CategoryJudge | None:
    """Who says what is in a box, if anybody is named."""
    from sdk.errors import InputError

    if args.clip is None:
        if args.prompt is not None:
            raise InputError("expected --prompt with --clip, which it is for")
        return None
    from train.evaluation.category import PROMPT, CategoryJudge
    from train.models.clip.public import open_public_clip

    prompt = PROMPT if args.prompt is None else args.prompt
    categories = sorted({item.category for item in known.items if item.category is not None})
    if not categories or "{}" not in prompt:
        raise InputError(
            f"expected annotations with categories, and a prompt with {{}} for one, got"
            f" {len(categories)} categories in {args.annotations} and {prompt!r}"
        )
    return CategoryJudge(open_public_clip(args.clip), categories, prompt)
