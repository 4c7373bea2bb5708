"""``python -m sdk budget``: how far away an object can be for the engine's measured accuracy."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from sdk.digits import apart
from sdk.options import add_engine

if TYPE_CHECKING:
    from sdk.budget import Budget, Row


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the command."""
    camera = parser.add_mutually_exclusive_group(required=True)
    camera.add_argument("--focal-px", type=float, metavar="F", help="focal length in frame pixels")
    camera.add_argument(
        "--hfov-deg", type=float, metavar="D", help="or the horizontal field of view, in degrees"
    )
    parser.add_argument(
        "--image-width", type=float, metavar="PX", help="width of the frame, with --hfov-deg"
    )
    parser.add_argument(
        "--height-m", type=float, required=True, metavar="H", help="height of the object, metres"
    )
    parser.add_argument(
        "--width-m", type=float, metavar="W", help="its width (default: as its height)"
    )
    add_engine(parser)
    parser.add_argument(
        "--accuracy",
        type=float,
        default=0.8,
        metavar="A",
        help="share of right answers that is wanted, 0..1 (default: 0.8)",
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(args: argparse.Namespace) -> int:
    """Prints the table; 0 also when no distance has the wanted accuracy."""
    from sdk.budget import pixel_budget, read_sizes
    from sdk.engine import default_engine, read_manifest

    focal_px = _focal_px(args)
    width_m = args.height_m if args.width_m is None else args.width_m
    path = default_engine() if args.engine is None else args.engine
    manifest = read_manifest(path)
    sizes = read_sizes(manifest.calibration, f"the engine {path}")
    budget = pixel_budget(sizes, focal_px, args.height_m, width_m, args.accuracy)
    engine = f"{manifest.name}@{manifest.fingerprint}"
    if args.json:
        said = {
            "engine": engine,
            "focal_px": focal_px,
            "height_m": args.height_m,
            "width_m": width_m,
            "accuracy": args.accuracy,
            "farthest_m": budget.farthest_m,
            "ranges_m": budget.ranges_m,
            "rows": [asdict(row) for row in budget.rows],
        }
        print(json.dumps(said))
        return 0
    assumed = " (as wide as high, for want of --width-m)" if args.width_m is None else ""
    print(f"object   {args.height_m:g} m high, {width_m:g} m wide{assumed}")
    print(f"camera   focal length {focal_px:.1f} px; no distortion; the object faces it")
    print(f"engine   {engine}; size: square root of the box's area, in frame pixels\n")
    print("\n".join(_lines(budget, args.accuracy)))
    return 0


def _focal_px(args: argparse.Namespace) -> float:
    from sdk.budget import focal_from_hfov
    from sdk.errors import InputError

    if (args.hfov_deg is None) != (args.image_width is None):
        raise InputError("expected --hfov-deg and --image-width together, or --focal-px alone")
    if args.hfov_deg is None:
        return float(args.focal_px)
    return focal_from_hfov(args.hfov_deg, args.image_width)


def _lines(budget: Budget, accuracy: float) -> list[str]:
    """The table, nearest sizes last, and what follows from it."""
    lines = [f"{'size px':>16} {'distance m':>18} {'n':>6}  Acc50  95 % interval"]
    lines += [_line(row, accuracy) for row in budget.rows]
    lines.append("")
    if budget.ranges_m:
        reach = ", ".join(f"{near:.1f} to {far:.1f} m" for near, far in budget.ranges_m)
        lines.append(f"Acc50 of at least {accuracy:g}: {reach}")
    else:
        lines.append(f"Acc50 of at least {accuracy:g}: at no distance that was measured")
    lines.append(
        "Each Acc50 is the mean over its sizes, on frames and questions like those of the"
        " calibration; nothing is known of nearer or farther objects."
    )
    return lines


def _line(row: Row, accuracy: float) -> str:
    size = f"{row.size.from_px:g} to {row.size.to_px:g}"
    far = "..." if row.far_m is None else f"{row.far_m:.1f}"
    distance = f"{row.near_m:.1f} to {far}"
    note = "  few samples: not counted" if row.few else "  enough" if row.enough else ""
    return (
        f"{size:>16} {distance:>18} {row.size.n:>6}  {apart(row.size.acc50, accuracy)[0]}"
        f"  {row.low:.3f} to {row.high:.3f}{note}"
    )
