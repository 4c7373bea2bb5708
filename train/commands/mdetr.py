"""``python -m train mdetr``: MDETR on annotated photographs."""

from __future__ import annotations

import argparse

from sdk.options import share
from train import one_look


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    one_look.add_arguments(parser)
    parser.add_argument(
        "--absent",
        type=share,
        default=0.1,
        help="share of photographs that are also asked for what is in another one (default: 0.1;"
        " published: 0)",
    )


def run(args: argparse.Namespace) -> int:
    """Train to the end, a wish to stop, or an error."""
    return one_look.run(args, "mdetr", args.absent)
