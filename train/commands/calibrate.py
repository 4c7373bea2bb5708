"""``python -m train calibrate CHECKPOINT``: the score from which an object counts as found."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from train.options import positive, share

HELP = "choose the threshold of a checkpoint on fresh scenes and write it into its config"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument(
        "--scenes", type=positive, default=600, help="scenes searched, the object absent in half"
    )
    parser.add_argument(
        "--risk",
        type=share,
        default=0.04,
        help="how often an absent object may be accepted (default: 0.04)",
    )


def run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from train.checkpoint import CONFIG, load_checkpoint
    from train.evaluation.calibrate import SEED, calibrate
    from train.evaluation.questions import questions
    from train.evaluation.searcher import Searcher

    model, tokenizer = load_checkpoint(args.checkpoint)
    asked = tqdm(questions(SEED, args.scenes, absent_every=2), total=args.scenes, unit="search")
    result = calibrate(Searcher(model, tokenizer), asked, args.risk)
    dataclasses.replace(model.config, threshold=result.threshold).save(args.checkpoint / CONFIG)
    print(
        f"threshold {result.threshold:.3f} keeps {result.right_kept:.1%} of the right answers and"
        f" accepts {result.absent_accepted:.1%} of the absent objects ({args.scenes} scenes from"
        f" seed {SEED})"
    )
    return 0
