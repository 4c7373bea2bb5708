"""``python -m train scenes``: write procedural driving scenes as SOREC lays them out, or close-ups
of them as RefCOCO does."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evaluation.scenes.close_ups import WINDOW_W
from sdk.options import SETTINGS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--count", type=int, required=True, help="number of scenes")
    parser.add_argument("--seed", type=int, required=True, help="scene i has seed SEED + i")
    parser.add_argument(
        "--refs-per-object", type=int, default=2, help="expressions an object (default: 2)"
    )
    parser.add_argument(
        "--close-ups", action="store_true", help="up to three of each scene, in RefCOCO's layout"
    )
    parser.add_argument(
        "--setting",
        choices=SETTINGS,
        default="plain",
        help="plain: 1920x1080 by day; road: 1280x720 to 3840x2160, night, rain, low sun, lenses,"
        " motion, hidden parts (default: plain; close-ups are plain)",
    )
    parser.add_argument("--split", default="train", help="of close-ups (default: train)")
    parser.add_argument(
        "--window-px",
        type=int,
        nargs=2,
        default=list(WINDOW_W),
        metavar=("NARROWEST", "WIDEST"),
        help=f"of close-ups (default: {WINDOW_W[0]} {WINDOW_W[1]}; 80 160 shows objects as large as"
        " RefCOCO's)",
    )


def run(args: argparse.Namespace) -> int:
    """Write the scenes; 0, or 2 for bad arguments or an unwritable folder."""
    from evaluation.scenes import write
    from evaluation.scenes.refcoco_writer import write_close_ups

    try:
        if args.close_ups and args.setting != "plain":
            raise ValueError("expected close-ups of plain scenes, got --setting road")
        if args.close_ups:
            narrowest, widest = args.window_px
            images, refs = write_close_ups(
                args.out, args.count, args.seed, args.split, (narrowest, widest), progress=True
            )
        else:
            images, refs = write(
                args.out,
                args.count,
                args.seed,
                args.refs_per_object,
                progress=True,
                setting=args.setting,
            )
    except (ValueError, OSError) as error:
        print(f"scenes: {error}", file=sys.stderr)
        return 2
    pictures = "close-ups" if args.close_ups else "scenes"
    print(f"{images} {pictures} and {refs} expressions in {args.out}")
    return 0
