"""``python -m benchmarks calibration``: does it know when not to answer?"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import options
from train.options import not_negative, positive

_SEED = 970_000  # scenes of no other measurement


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument(
        "--scenes", type=positive, default=1200, help="how many, the object absent in half (1200)"
    )
    parser.add_argument("--seed", type=not_negative, default=_SEED, help="of the first scene")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw reliability and risk-coverage (.png, .svg)"
    )
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Ask, print tables, write the JSON and the plot."""
    from tqdm import tqdm

    from benchmarks.calibration import ask, figures, lines
    from benchmarks.plots import check_plot
    from train.evaluation.questions import questions

    if args.plot is not None:
        check_plot(args.plot)
    with options.measurement(args) as measurement:
        asked = questions(args.seed, args.scenes, absent_every=2)
        rows = ask(
            measurement.grounder.locate,
            tqdm(asked, total=args.scenes, unit="scene", desc="calibration"),
        )
        measured = figures(rows, measurement.grounder.manifest.calibration)
    last = args.seed + args.scenes - 1
    about = (
        f"scenes    {args.scenes}, seeds {args.seed} to {last}, one sentence each, every second"
        " one true of nothing"
    )
    print("\n".join([measurement.engine_line, about, "", *lines(measured)]))
    measurement.write(
        {
            **measured,
            "scenes": args.scenes,
            "seed": args.seed,
            "rows": [vars(row) for row in rows],
        }
    )
    if args.plot is not None:
        from benchmarks.calibration_plot import calibration_plot

        calibration_plot(rows, measured, args.plot)
        print(f"plot      {args.plot}")
    return 0
