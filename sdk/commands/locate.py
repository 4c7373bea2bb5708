"""``python -m sdk locate IMAGE "REF"``: one expression on one image file."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from sdk.options import add_allow_unproven, add_engine, add_threads, add_threshold


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the command."""
    parser.add_argument("image", type=Path, metavar="IMAGE", help="JPEG, PNG, ...")
    parser.add_argument("ref", metavar="REF", help='such as "the white van left of the bus"')
    add_engine(parser)
    parser.add_argument("--save", type=Path, metavar="FILE", help="write a picture of the search")
    parser.add_argument(
        "--bundle", type=Path, metavar="ZIP", help="write all that it takes to replay the search"
    )
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    add_threshold(parser)
    add_threads(parser)
    add_allow_unproven(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the answer; 0 whether the object was found or not."""
    from sdk.frame import read_image
    from sdk.grounder import Grounder
    from sdk.replay.bundle import save_bundle

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        frame = read_image(args.image)
        with Grounder(
            args.engine, threshold=args.threshold, allow_unproven=args.allow_unproven
        ) as grounder:
            answer = grounder.locate(frame, args.ref)
            if args.bundle is not None:
                save_bundle(args.bundle, grounder, frame, answer)
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)
    if args.bundle is not None:
        print(f"wrote {args.bundle}", file=sys.stderr)
    if args.save is not None:
        answer.save(args.save)
        print(f"wrote {args.save}", file=sys.stderr)
    print(answer.to_json() if args.json else answer.summary())
    return 0
