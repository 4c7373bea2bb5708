"""``python -m train calibrate CHECKPOINT``: what its scores mean, and when an object is found."""

from __future__ import annotations

import argparse
import dataclasses
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sdk.options import GRAMMARS, SETTINGS, add_threads, not_negative, positive, share

if TYPE_CHECKING:
    from evaluation.questions import Question
    from train.evaluation.calibrate import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path)
    add_threads(parser)
    parser.add_argument(
        "--scenes",
        type=positive,
        default=2000,
        help="rendered scenes (or photographs, at most) searched, the object absent in half (2000)",
    )
    parser.add_argument(
        "--risk", type=share, default=0.05, help="how often that may happen on new ones (0.05)"
    )
    parser.add_argument(
        "--guard",
        choices=("absent", "wrong"),
        default="absent",
        help="what --risk is the risk of: that an expression which is true of nothing is found, or"
        " that any question gets a wrong answer that counts as found (default: absent)",
    )
    parser.add_argument(
        "--grammar",
        choices=(*GRAMMARS, "both"),
        default="both",
        help="of the sentences about rendered scenes (both: in turns)",
    )
    parser.add_argument(
        "--setting",
        choices=(*SETTINGS, "both"),
        default="plain",
        help="of the rendered scenes (default: plain; both: in turns)",
    )
    parser.add_argument(
        "--annotations",
        type=Path,
        metavar="FILE",
        help="SOREC, COCO or RefCOCO: calibrate on photographs that training has not seen",
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="of --annotations")
    parser.add_argument("--split", help="of a RefCOCO file: train, val, testA, ...")
    parser.add_argument(
        "--seed", type=not_negative, default=0, help="of the choice among photographs"
    )


def run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from evaluation.risk import tolerated
    from train.checkpoint import CONFIG, TOKENIZER, load_checkpoint
    from train.evaluation.asking import Searcher
    from train.evaluation.calibrate import CONFIDENCE, calibrate, for_fitting, run_trials
    from train.families.piza import in_memory
    from train.threads import limit_threads

    limit_threads()
    model, _ = load_checkpoint(args.checkpoint)
    questions, total, source = _questions(args)
    left = total - for_fitting(total)
    tolerated(left // 2 if args.guard == "absent" else left, args.risk, CONFIDENCE)  # in vain?
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # unknown words
        asked = tqdm(questions, total=total, unit="search")
        searcher = Searcher(in_memory(model, args.checkpoint / TOKENIZER))
        trials = run_trials(searcher, asked)
    ended = model.config.stop_threshold
    result = calibrate(trials, args.risk, args.guard, ended, source)
    config = dataclasses.replace(model.config, calibration=result.calibration)
    config.save(args.checkpoint / CONFIG)
    print("\n".join(_lines(result)))
    return 0


def _questions(args: argparse.Namespace) -> tuple[Iterable[Question], int, str]:
    """What is asked, how much of it there is, and what it is taken from."""
    from sdk.errors import InputError

    if (args.annotations is None) != (args.images is None):
        raise InputError("expected --annotations and --images together, got one of them")
    if args.annotations is None:
        from evaluation.questions import questions
        from evaluation.seeds import THRESHOLD

        seed = THRESHOLD.first
        spoken = " and ".join(GRAMMARS) if args.grammar == "both" else args.grammar
        drawn = {"plain": "", "road": "road ", "both": "plain and road "}[args.setting]
        source = f"{args.scenes} rendered {drawn}scenes from seed {seed}, {spoken} sentences"
        asked = questions(seed, args.scenes, 2, args.grammar, args.setting)
        return asked, args.scenes, source

    from train.data.annotations import read_usable
    from train.evaluation.photo_questions import ask_once, photo_questions

    known = read_usable(args.annotations, args.images, args.split)
    chosen = ask_once(known.items, args.scenes, args.seed)
    source = f"{len(chosen)} photographs of {args.annotations.name}"
    return photo_questions(chosen, args.images), len(chosen), source


def _lines(result: Outcome) -> list[str]:
    calibration = result.calibration
    risk, whole = calibration["risk"], calibration["evidence"]["whole"]
    promise = {
        "absent": "an expression that is true of nothing is found",
        "wrong": "a question gets a wrong answer that counts as found",
    }[risk["guard"]]
    return [
        f"score: logit = {whole['bias']:.2f} + {whole['first']:.2f} x logit of the first step's"
        f" + {whole['last']:.2f} x logit of the last step's score",
        f"threshold {calibration['threshold']:.4f}: with a confidence of {risk['confidence']:g}"
        f" {promise} with a probability of at most {risk['stated']:g}, on questions like these"
        f" ({calibration['source']})",
        f"of those that chose it, {result.right_kept:.1%} of the right answers are found,"
        f" {result.absent_found:.1%} of the absent objects, and {result.wrong_among_found:.1%} of"
        " what is found is wrong",
        f"a rival is reported within {calibration['tie_margin']:.2f} logits",
    ]
