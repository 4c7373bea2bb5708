"""``python -m train calibrate-detector CHECKPOINT``: what a few-shot detector says is worth."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from sdk.options import add_threads, not_negative, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("checkpoint", type=Path, help="of piza train risf")
    parser.add_argument(
        "--annotations",
        type=Path,
        required=True,
        metavar="FILE",
        help="boxes in images that training has not seen, every object labelled",
    )
    parser.add_argument("--images", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--count", type=positive, default=500, help="images, at most (default: %(default)s)"
    )
    parser.add_argument("--seed", type=not_negative, default=0, help="of the choice among them")
    add_threads(parser)


def run(args: argparse.Namespace) -> int:
    """Looks at the images, and writes the calibration into the checkpoint."""
    from tqdm import tqdm

    from sdk.frame import read_image
    from train.data.boxes import of_categories, read_usable_boxes, some_images
    from train.data.detection import as_arrays
    from train.evaluation.asking import open_detector
    from train.evaluation.calibrate_detector import calibrate_detector, judged
    from train.evaluation.detection import Truth
    from train.families.few_shot import FAMILY
    from train.models.few_shot.checkpoint import CONFIG
    from train.models.few_shot.config import UNCALIBRATED
    from train.storage import room_for
    from train.threads import limit_threads

    limit_threads(args.threads)
    trained = FAMILY.load(args.checkpoint)
    config = dataclasses.replace(trained.model.config, calibration=dict(UNCALIBRATED))
    trained.model.config = config
    known = read_usable_boxes(args.annotations, args.images)
    chosen = some_images(known.images, args.count, args.seed)
    kept, _ = of_categories(chosen, config.labels)
    truths = [Truth(*as_arrays(kept.get(name, ()), config.labels)) for name in chosen]
    with open_detector(trained, 0.0) as detector:
        found = [
            detector.detect(read_image(args.images / name)) for name in tqdm(chosen, unit="image")
        ]
    source = f"{len(chosen)} images of {args.annotations.name}"
    result = calibrate_detector(judged(found, truths), source)
    config = dataclasses.replace(config, calibration=result.calibration)
    with room_for(args.checkpoint / CONFIG):
        text = json.dumps(config.to_dict(), indent=1)
        (args.checkpoint / CONFIG).write_text(text + "\n", encoding="utf-8")
    print(
        f"expected calibration error {result.error_before:.3f} before, {result.error:.3f} now, of"
        f" {result.boxes} boxes that nothing was fitted on; {result.right_among_sure:.1%} of what"
        " counts as found is right"
    )
    return 0
