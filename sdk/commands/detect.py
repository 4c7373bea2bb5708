"""``python -m sdk detect IMAGE --engine E``: everything that a detector knows in one image file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sdk.options import add_allow_unproven, add_threads, add_threshold


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the command."""
    parser.add_argument("image", type=Path, metavar="IMAGE", help="JPEG, PNG, ...")
    parser.add_argument(
        "--engine", type=Path, required=True, metavar="FOLDER", help="of the family few-shot"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="write a picture, or JSON")
    parser.add_argument("--json", action="store_true", help="print the objects as JSON")
    add_threshold(parser)
    add_threads(parser)
    add_allow_unproven(parser)


def run(args: argparse.Namespace) -> int:
    """Prints what was found; 0 also where that is nothing."""
    from sdk.detector import Detector
    from sdk.frame import read_image

    frame = read_image(args.image)
    with Detector(
        args.engine, threshold=args.threshold, allow_unproven=args.allow_unproven
    ) as detector:
        found = detector.detect(frame)
    if args.save is not None:
        found.save(args.save)
        print(f"wrote {args.save}", file=sys.stderr)
    print(found.to_json() if args.json else found.summary())
    return 0
