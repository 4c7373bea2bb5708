"""``python -m export push ENGINE_OR_CHECKPOINT --repo ID``"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sdk.options import add_allow_unproven


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="ENGINE_OR_CHECKPOINT")
    parser.add_argument(
        "--repo",
        required=True,
        metavar="ID",
        help="of the hub, owner/name; made if it is not there",
    )
    parser.add_argument(
        "--licence",
        metavar="ID",
        help="the hub's identifier of a licence, such as mit (default: the card names none)",
    )
    parser.add_argument(
        "--private", action="store_true", help="a new repository is for its owner alone"
    )
    parser.add_argument(
        "--card", type=Path, metavar="FILE", help="write the model card here, and push nothing"
    )
    add_allow_unproven(parser)


def run(args: argparse.Namespace) -> int:
    from export.push import packed, push

    parcel = packed(args.source, args.repo, args.licence, args.allow_unproven)
    if args.card is not None:
        args.card.write_text(parcel.card, encoding="utf-8")
        print(f"wrote {args.card}", file=sys.stderr)
        return 0
    address = push(parcel, args.repo, args.private)
    print(f"pushed    {', '.join(parcel.files)}\nto        {address}")
    return 0
