"""``python -m train near-misses``: ask an engine about training scenes, and keep what it misses."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdk.options import (
    GRAMMARS,
    add_allow_unproven,
    add_threads,
    not_negative,
    positive,
    share,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sdk.grounder import Grounder
    from sdk.results.grounding import Grounding
    from train.data.near_misses import Asked, NearMisses


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("engine", type=Path, help="engine folder of the model that is to learn")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE", help="run again to resume"
    )
    parser.add_argument("--scenes", type=positive, default=2000, help="to ask about (2000)")
    parser.add_argument("--scenes-dir", type=Path, default=Path("build/scenes"))
    parser.add_argument(
        "--road-share",
        type=share,
        default=0.0,
        help='share of scenes of the setting "road", as training will have it (0)',
    )
    parser.add_argument(
        "--grammar", choices=GRAMMARS, default="rich", help="of the sentences (rich)"
    )
    parser.add_argument(
        "--rounds", type=positive, default=2, help="of about nine sentences on each scene (2)"
    )
    parser.add_argument(
        "--least-error",
        type=share,
        default=0.25,
        help="of what is kept: the score of a sentence that is true of nothing, what a right answer"
        " lacks to a score of 1, 1 for a wrong one (0.25)",
    )
    parser.add_argument("--seed", type=not_negative, default=0, help="of the sentences")
    add_threads(parser)
    add_allow_unproven(parser)


def run(args: argparse.Namespace) -> int:
    """Ask about scene after scene, and write its line."""
    from sdk.grounder import Grounder
    from train.data import rendered
    from train.progress import Progress
    from train.trainer.running import EXIT_INTERRUPTED, wish_to_stop

    rendered.check_count(args.scenes)
    options = {"threads": args.threads, "allow_unproven": args.allow_unproven}
    with Grounder(args.engine, **options) as grounder, wish_to_stop() as interrupted:
        asked = {"grammar": args.grammar, "rounds": args.rounds, "seed": args.seed}
        asked |= {"road_share": args.road_share, "least_error": args.least_error}
        done = _begun(args.out, {"engine": grounder.manifest.label, **asked})
        with (
            Progress("near misses", args.scenes, done) as bar,
            args.out.open("a", buffering=1) as file,
        ):
            for number in range(done, args.scenes):
                file.write(_ask(grounder, args, number).to_line())
                bar.step()
                if interrupted():
                    return EXIT_INTERRUPTED
    from train.data.near_misses import read_near_misses

    print("\n".join(_lines(read_near_misses(args.out), args.out)))
    return 0


def _begun(path: Path, about: dict[str, Any]) -> int:
    """How many scenes ``path`` has already; it ends with a whole line then.

    Raises InputError where it is something else, or of something else.
    """
    from train.data.near_misses import read_near_misses
    from train.storage import whole_file
    from train.trainer.loop import check_settings

    asked: tuple[Asked, ...] = ()
    if path.is_file():
        known = read_near_misses(path)
        check_settings(path, known.about, about)
        asked = known.asked
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.write_text(json.dumps(about) + "\n" + "".join(each.to_line() for each in asked))
    return len(asked)


def _ask(grounder: Grounder, args: argparse.Namespace, number: int) -> Asked:
    """Every sentence about one scene, each once."""
    import warnings

    import numpy as np

    from train.data import rendered
    from train.data.batches import labelled
    from train.data.near_misses import Asked, NearMiss
    from train.data.samples import Ask

    setting = rendered.setting_of(number, args.road_share)
    asks: dict[str, Ask] = {}
    for seed in np.random.default_rng((args.seed, number)).integers(2**31, size=args.rounds):
        scene = labelled(number, int(seed), args.grammar, setting=setting)
        said = [*scene.expressions, *(Ask(ref, None) for ref in scene.absent)]
        asks |= {ask.ref: ask for ask in said}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # unknown words
        answers = grounder.locate(rendered.frame(args.scenes_dir, number, setting), list(asks))
    misses = []
    for ask, answer in zip(asks.values(), answers, strict=True):
        error = error_of(answer, None if ask.target is None else scene.boxes[ask.target])
        if error >= args.least_error and answer.zooms:
            last = answer.zooms[-1]
            window = tuple(map(float, last.window_xyxy))
            misses.append(NearMiss(ask, window, last.progress or 0.0, error))
    return Asked(number, len(asks), tuple(misses))


def error_of(answer: Grounding, target_xyxy: ArrayLike | None) -> float:
    """How far an answer is from a sure and right one, 0..1.

    target_xyxy: (4,) frame pixels; None: the sentence is true of nothing.
    """
    from evaluation.metrics import RIGHT_IOU
    from sdk.geometry import iou

    if target_xyxy is None:
        return answer.score
    right = answer.xyxy is not None and float(iou(answer.xyxy, target_xyxy)) >= RIGHT_IOU
    return 1.0 - answer.score if right else 1.0


def _lines(known: NearMisses, path: Path) -> list[str]:
    misses = [miss for each in known.asked for miss in each.misses]
    absent = sum(miss.ask.target is None for miss in misses)
    wrong = sum(miss.ask.target is not None and miss.error == 1.0 for miss in misses)
    sentences = sum(each.sentences for each in known.asked)
    return [
        f"{len(misses)} near misses of {sentences} sentences about {len(known.asked)} scenes in"
        f" {path}:",
        f"{absent} true of nothing, {wrong} with a wrong answer, {len(misses) - absent - wrong}"
        " with a right one that is not sure",
    ]
