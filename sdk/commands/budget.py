"""``python -m sdk budget``: how far away an object can be for the engine's measured accuracy."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from sdk.digits import apart
from sdk.errors import EngineError, InputError
from sdk.json_reader import JsonReader
from sdk.options import add_engine


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
    from sdk.commands.budget import pixel_budget, read_sizes
    from sdk.engine.folder import default_engine, read_manifest

    focal_px = _focal_px(args)
    width_m = args.height_m if args.width_m is None else args.width_m
    path = default_engine() if args.engine is None else args.engine
    manifest = read_manifest(path)
    sizes = read_sizes(manifest.calibration, f"the engine {path}")
    budget = pixel_budget(sizes, focal_px, args.height_m, width_m, args.accuracy)
    engine = manifest.label
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
    from sdk.commands.budget import focal_from_hfov
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


FEW = 30  # an accuracy of fewer samples counts as unknown; our choice
_Z = 1.96  # standard normal quantile of 97.5 %
_MOST_SIZES = 1000
_LARGEST_PX = 1e6
_ADVICE = "piza train calibrate measures it, then build the engine again"


@dataclass(frozen=True)
class Size:
    """Objects of ``from_px`` to ``to_px``: ``n`` were asked for, the share ``acc50`` was found
    with an IoU of at least 0.5."""

    from_px: float
    to_px: float
    n: int
    acc50: float


@dataclass(frozen=True)
class Row:
    """A size as distances. ``far_m`` is None where the size begins at 0 pixels.

    ``low`` and ``high``: the 95 % interval of the accuracy (see ``wilson_interval``). ``few``:
    there were too few samples to tell. ``enough``: the accuracy is as wanted, and not of a few.
    """

    size: Size
    near_m: float
    far_m: float | None
    low: float
    high: float
    few: bool
    enough: bool


@dataclass(frozen=True)
class Budget:
    """``rows``: from the farthest (smallest) size to the nearest. ``ranges_m``: the distances
    (near, far) of neighbouring sizes with enough accuracy, the farthest first."""

    rows: tuple[Row, ...]
    ranges_m: tuple[tuple[float, float], ...]

    @property
    def farthest_m(self) -> float | None:
        """The farthest distance with the wanted accuracy, None when no size has it."""
        return self.ranges_m[0][1] if self.ranges_m else None


def focal_from_hfov(hfov_deg: float, image_width_px: float) -> float:
    """Focal length in pixels from a horizontal field of view (0 to 180 degrees, exclusive)."""
    if not 0.0 < hfov_deg < 180.0:
        raise InputError(f"expected a field of view between 0 and 180 degrees, got {hfov_deg:g}")
    _check_positive(image_width_px, "an image width")
    return image_width_px / 2 / math.tan(math.radians(hfov_deg) / 2)


def size_px(focal_px: float, height_m: float, width_m: float, distance_m: float) -> float:
    """Side of the square with the area that an object takes in the frame, pixels."""
    return focal_px * math.sqrt(height_m * width_m) / distance_m


def distance_m(focal_px: float, height_m: float, width_m: float, side_px: float) -> float:
    """The distance at which an object has a size in pixels: ``size_px`` the other way round."""
    return focal_px * math.sqrt(height_m * width_m) / side_px


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share measured on ``n`` samples.

    The score interval (Wilson, "Probable inference, the law of succession, and statistical
    inference", JASA 22, 1927), which stays in 0..1 and holds for small ``n`` too.
    """
    if n == 0:
        return 0.0, 1.0
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def read_sizes(calibration: Mapping[str, Any], source: str) -> tuple[Size, ...]:
    """``by_size`` of a manifest's calibration, smallest first.

    Raises:
        EngineError: the engine does not have it, or it makes no sense; names ``source``.
    """
    if not calibration.get("by_size"):
        raise EngineError(f"{source} does not say how accurate it is by size: {_ADVICE}")
    readers = JsonReader(dict(calibration), source).items("by_size", _MOST_SIZES)
    sizes = sorted(map(_size, readers), key=lambda size: size.from_px)
    for smaller, larger in pairwise(sizes):
        if smaller.to_px > larger.from_px:
            raise EngineError(
                f"{source}: sizes of by_size overlap, {smaller.to_px:g} and {larger.from_px:g} px:"
                f" {_ADVICE}"
            )
    return tuple(sizes)


def pixel_budget(
    sizes: Sequence[Size], focal_px: float, height_m: float, width_m: float, accuracy: float
) -> Budget:
    """How far an object can be.

    Args:
        sizes: measured accuracies, smallest size first, as ``read_sizes`` gives them.
        focal_px: focal length in pixels of the frames that the engine is given.
        height_m: the object's height.
        width_m: the object's width.
        accuracy: the share of right answers that is wanted, 0..1.

    Raises:
        InputError: a length is not positive, or ``accuracy`` not in 0..1.
    """
    _check_positive(focal_px, "a focal length")
    _check_positive(height_m, "a height")
    _check_positive(width_m, "a width")
    if not 0.0 <= accuracy <= 1.0:
        raise InputError(f"expected an accuracy in 0..1, got {accuracy:g}")
    rows = []
    for size in sizes:
        few = size.n < FEW
        rows.append(
            Row(
                size,
                distance_m(focal_px, height_m, width_m, size.to_px),
                distance_m(focal_px, height_m, width_m, size.from_px) if size.from_px else None,
                *wilson_interval(size.acc50, size.n),
                few=few,
                enough=not few and size.acc50 >= accuracy,
            )
        )
    return Budget(tuple(rows), tuple(_ranges(rows)))


def _ranges(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Runs of rows with enough accuracy whose sizes touch.

    A size from 0 pixels on reaches to infinity, which nobody measured: only its near end counts.
    """
    ranges: list[tuple[float, float]] = []
    for row in rows:
        if not row.enough:
            continue
        if ranges and ranges[-1][0] == row.far_m:
            ranges[-1] = (row.near_m, ranges[-1][1])
        else:
            ranges.append((row.near_m, row.near_m if row.far_m is None else row.far_m))
    return ranges


def _size(reader: JsonReader) -> Size:
    from_px = reader.number("from_px", 0.0, _LARGEST_PX)
    to_px = reader.number("to_px", 0.0, _LARGEST_PX)
    if to_px <= from_px:
        raise reader.fault("to_px", f"above from_px ({from_px:g})", to_px)
    n = int(reader.number("n", 0, whole=True))
    return Size(from_px, to_px, n, reader.number("acc50", 0.0, 1.0))


def _check_positive(value: float, what: str) -> None:
    if not (value > 0 and math.isfinite(value)):
        raise InputError(f"expected {what} above 0, got {value:g}")
