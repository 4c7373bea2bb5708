"""``python -m train detector KIND``: a small detector from scratch, on images with boxes."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING, Any

from sdk.errors import InputError
from sdk.options import not_negative, positive, positive_float
from train.models.detector.config import KINDS, check_size
from train.options import add_annotations, add_clock, add_run, steps_of

if TYPE_CHECKING:
    from train.data.boxes import BoxSet
    from train.evaluation.detection import DetectorCheck
    from train.trainer.recipe import Recipe

EPOCHS = 10
CLIP = 10.0  # norm of the gradient: losses are sums over all that answers for an object


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    data = add_annotations(parser)
    data.add_argument(
        "--input-hw",
        type=positive,
        nargs=2,
        default=(224, 384),
        metavar=("H", "W"),
        help="network input in px, multiples of 32 (default: 224 384)",
    )
    recipe = parser.add_argument_group("recipe")
    add_clock(recipe)
    recipe.add_argument("--batch", type=positive, default=8, help="images, in each process")
    recipe.add_argument("--lr", type=positive_float, default=1e-3)
    recipe.add_argument("--seed", type=not_negative, default=0)
    recipe.add_argument("--bfloat16", action="store_true", help="mixed precision by autocast")
    run = add_run(parser, workers=1)
    run.add_argument("--checks", type=positive, default=100, help="images looked at at each check")


def run(args: argparse.Namespace) -> int:
    """Train to the end, a wish to stop, or an error."""
    from train.device import pick_device

    device = pick_device(args.device)  # what can be said at once, before the imports that take long
    input_hw = (args.input_hw[0], args.input_hw[1])
    check_size(input_hw)

    from train.data.boxes import read_usable_boxes

    known = read_usable_boxes(args.annotations, args.images, args.split)

    import torch

    from train.data.detection import BoxSamples, stacked
    from train.data.loader import loader
    from train.models.detector.checkpoint import make_detector, save_detector
    from train.models.detector.config import DetectorConfig
    from train.models.detector.detr import SmallDetr
    from train.storage import STATE
    from train.threads import limit_threads
    from train.trainer.detector_task import DetectorTask
    from train.trainer.distributed import join, leave
    from train.trainer.journal import aloud, journal, percent
    from train.trainer.loop import Trainer, flush_denormals
    from train.trainer.running import hurry, run_to_the_end

    crew = join(device)
    limit_threads()
    flush_denormals()
    hurry(device)
    torch.manual_seed(args.seed)
    labels, check = known.categories, _check(args, known)
    model = make_detector(DetectorConfig(args.kind, labels, input_hw))
    learned, items = list(model.parameters()), args.batch * crew.size
    an_epoch = math.ceil(len(known.images) / items)
    recipe = _recipe(args, EPOCHS * an_epoch)
    made_of = _made_of(args, known, items)
    trainer = Trainer(DetectorTask(model), recipe, device, learned, made_of, crew)
    args.out.mkdir(parents=True, exist_ok=True)
    if (state := args.out / STATE).is_file():
        trainer.load(state)
    most = max(map(len, known.images.values()))
    if isinstance(model, SmallDetr):
        most = model.model.config.num_queries
    if crew.leads:
        print(
            f"{args.kind}: {sum(p.numel() for p in learned) / 1e6:.2f} M parameters, {known.count}"
            f" objects of {len(labels)} categories in {len(known.images)} images;"
            f" from step {trainer.step} on"
        )
        if crowded := sum(len(boxes) > most for boxes in known.images.values()):
            print(
                f"note: {crowded} images have more boxes than the {most} queries: the smallest of"
                " them are not learned where a window shows them all"
            )
    data = BoxSamples(known.images, args.images, labels, model.config, args.seed, most)

    write_down = journal(
        args, trainer, save_detector, aloud(check, trainer, percent), "ap50", an_epoch
    )

    steps = range(trainer.step, recipe.steps)
    batches = loader(data, steps, items, args.workers, crew.rank, crew.size, stack=stacked)
    code = run_to_the_end(trainer, batches, write_down)
    leave(crew)
    return code


def _recipe(args: argparse.Namespace, usual_steps: int) -> Recipe:
    from train.trainer.recipe import scratch

    steps = steps_of(args, usual_steps)
    return scratch(
        steps,
        lr=args.lr,
        clip=CLIP,
        warmup=min(100, steps // 10),
        precision="bfloat16" if args.bfloat16 else "float32",
        seed=args.seed,
        minutes=args.minutes,
    )


def _check(args: argparse.Namespace, known: BoxSet) -> DetectorCheck | None:
    """The checks, on some of the images; objects of other categories are left out, and counted."""
    from train.data.boxes import of_categories, read_usable_boxes, some_images
    from train.data.overlap import warn_of_shared
    from train.evaluation.detection import DetectorCheck

    if args.val_annotations is None:
        return None
    images = args.val_images or args.images
    fresh = read_usable_boxes(args.val_annotations, images, args.val_split)
    warn_of_shared((args.images, known), (images, fresh), args.val_annotations)
    looked_at = some_images(fresh.images, args.checks, args.seed)
    chosen, strange = of_categories(looked_at, known.categories)
    if strange:
        print(
            f"{args.val_annotations}: {strange} objects are of categories that"
            f" {args.annotations} does not have; they are left out",
            file=sys.stderr,
        )
    if not chosen:
        raise InputError(
            f"expected objects of {', '.join(known.categories)} in {args.val_annotations}, found"
            " none"
        )
    return DetectorCheck(chosen, images, known.categories)


def _made_of(args: argparse.Namespace, known: BoxSet, items: int) -> dict[str, Any]:
    """What the batches depend on, besides the recipe."""
    from sdk.engine.folder import file_sha256

    return {
        "kind": args.kind,
        "annotations": file_sha256(args.annotations)[:16],
        "split": str(args.split),
        "images": len(known.images),
        "objects": known.count,
        "batch": items,
        "input": "x".join(map(str, args.input_hw)),
    }
