"""``python -m export triton ENGINE -o REPO``"""

from __future__ import annotations

import argparse
from pathlib import Path

from export.stopping import stoppable
from sdk.options import add_allow_unproven, add_threads


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("engine", type=Path, metavar="ENGINE")
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="REPO",
        help="the model repository; may hold other models",
    )
    add_threads(parser)
    add_allow_unproven(parser)


@stoppable()
def run(args: argparse.Namespace) -> int:
    from export.triton.repository import write_repository

    made = write_repository(args.engine, args.out, args.threads, args.allow_unproven)
    for folder in made:
        print(f"model     {folder.name}")
    print(f"wrote     {args.out}; to serve it: tritonserver --model-repository {args.out}")
    return 0
