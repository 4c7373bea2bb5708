"""Options that training commands share; each command lists them where they belong in its help."""

from __future__ import annotations

import argparse
from pathlib import Path

from sdk.cores import usable_cores
from sdk.options import add_threads, not_negative, positive, positive_float

_NO_END = 1_000_000  # steps of a run that goes by the clock


def add_annotations(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """``--annotations``, ``--images``, ``--split``, and the same of what is checked with."""
    data = parser.add_argument_group("data")
    data.add_argument("--annotations", type=Path, required=True, metavar="FILE")
    data.add_argument("--images", type=Path, required=True, metavar="DIR")
    data.add_argument("--split", help="of a RefCOCO file: train, val, testA, ...")
    data.add_argument(
        "--val-annotations", type=Path, metavar="FILE", help="choose the best checkpoint by these"
    )
    data.add_argument("--val-images", type=Path, metavar="DIR", help="of them (default: --images)")
    data.add_argument("--val-split", help="of them")
    return data


def add_run(
    parser: argparse.ArgumentParser, workers: int | None = None, checked: str = "once an epoch"
) -> argparse._ArgumentGroup:
    """Where a run leaves what it makes, what it runs on, when it saves, checks and stops.

    Args:
        parser: gets them.
        workers: the default of ``--workers``; None: one a core, four at most.
        checked: the default of ``--check-every``, in words.
    """
    run = parser.add_argument_group("run")
    run.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    run.add_argument(
        "--workers",
        type=not_negative,
        default=min(4, usable_cores()) if workers is None else workers,
        help="data loading processes, for each process",
    )
    add_threads(run)
    run.add_argument("--device", help="cpu or cuda; the best there is by default")
    run.add_argument("--save-every", type=positive, default=250, metavar="STEPS")
    run.add_argument("--check-every", type=positive, metavar="STEPS", help=f"(default: {checked})")
    run.add_argument(
        "--stop-after", type=positive_float, metavar="MINUTES", help="go on by the same command"
    )
    return run


def add_clock(parser: argparse._ArgumentGroup, usual: str = "ten epochs") -> None:
    """``--steps``, as many by default as ``usual`` says in words; ``--minutes``."""
    parser.add_argument(
        "--steps",
        type=positive,
        help=f"(default: {usual}, or as many as --minutes have room for)",
    )
    parser.add_argument(
        "--minutes",
        type=positive_float,
        help="of training at most: the learning rate has come down by then, or with the steps",
    )


def steps_of(args: argparse.Namespace, usual: int) -> int:
    """How many steps ``add_clock``'s options ask for: ``usual`` where they say nothing."""
    return int(args.steps or (usual if args.minutes is None else _NO_END))
