"""``python -m train risf STAGE``: a detector of base classes, and what a few shots teach it."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdk.errors import InputError
from sdk.options import not_negative, positive, positive_float
from train.models.detector.config import check_size
from train.options import add_clock, add_run, steps_of

if TYPE_CHECKING:
    from train.data.class_splits import ClassSplit
    from train.data.shots import Shots
    from train.evaluation.few_shot import FewShotCheck
    from train.models.clip.public import PublicClip
    from train.models.few_shot.detector import FewShotDetector
    from train.trainer.recipe import Recipe

BASE, SHOTS = "base", "shots"
EPOCHS = 10
SHOT_STEPS = 500
LOSSES = ("bnrl", "cross-entropy", "focal")
RATE = 1e-3
CLIP = 10.0
INPUT_HW = (224, 384)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "stage",
        choices=(BASE, SHOTS),
        metavar="STAGE",
        help="base: learn the base classes; shots: be taught the novel ones by K objects each",
    )
    data = parser.add_argument_group("data")
    data.add_argument(
        "--annotations",
        type=Path,
        required=True,
        metavar="FILE",
        help="in COCO's layout, or VOC's list ImageSets/Main/trainval.txt",
    )
    data.add_argument("--images", type=Path, required=True, metavar="DIR")
    data.add_argument(
        "--split",
        required=True,
        metavar="SPLIT",
        help='of the classes: coco, voc1, voc2, voc3, or a JSON file {"novel": [...]}',
    )
    data.add_argument("--k", type=positive, help="shots of each class")
    data.add_argument(
        "--shot-files",
        type=Path,
        metavar="DIR",
        help="full_box_KshotS_CLASS_trainval.json of one published seed, instead of drawing shots",
    )
    data.add_argument(
        "--val-annotations", type=Path, metavar="FILE", help="choose the best checkpoint by these"
    )
    data.add_argument("--val-images", type=Path, metavar="DIR", help="of them (default: --images)")
    model = parser.add_argument_group("model")
    model.add_argument("--base", type=Path, metavar="DIR", help="a checkpoint of the stage base")
    model.add_argument(
        "--backbone",
        metavar="FOLDER_OR_ID",
        help="a ResNet in transformers' format for the stage base (default: a small one, from"
        " scratch)",
    )
    model.add_argument(
        "--input-hw",
        type=positive,
        nargs=2,
        metavar=("H", "W"),
        help=f"network input of the stage base in px, multiples of 32 (default: {INPUT_HW[0]}"
        f" {INPUT_HW[1]})",
    )
    model.add_argument(
        "--clip",
        metavar="FOLDER_OR_ID",
        help="a CLIP that corrects the scores of the novel classes, kept beside the detector",
    )
    recipe = parser.add_argument_group("recipe")
    recipe.add_argument(
        "--loss",
        choices=LOSSES,
        help="of classes (default: cross-entropy for base, bnrl for shots)",
    )
    add_clock(recipe)
    recipe.add_argument("--batch", type=positive, default=8, help="images, in each process")
    recipe.add_argument("--lr", type=positive_float, default=RATE, help=f"(default: {RATE:g})")
    recipe.add_argument("--seed", type=not_negative, default=0)
    recipe.add_argument("--bfloat16", action="store_true", help="mixed precision by autocast")
    run = add_run(parser, workers=1)
    run.add_argument("--checks", type=positive, default=100, help="images looked at at each check")


def run(args: argparse.Namespace) -> int:
    """Train to the end, a wish to stop, or an error."""
    from train.device import pick_device

    device = pick_device(args.device)  # what can be said at once, before the imports that take long
    _check_options(args)
    lesson = _lesson(args)

    import torch

    from train.data.detection import BoxSamples, stacked
    from train.data.loader import loader
    from train.losses.bnrl import CLASS_LOSSES
    from train.losses.two_stage import Asked
    from train.models.few_shot.checkpoint import save_few_shot
    from train.storage import STATE
    from train.threads import limit_threads
    from train.trainer.distributed import join, leave
    from train.trainer.few_shot_task import FewShotTask
    from train.trainer.journal import journal
    from train.trainer.loop import Trainer, flush_denormals
    from train.trainer.running import hurry, run_to_the_end

    crew = join(device)
    limit_threads()
    flush_denormals()
    hurry(device)
    torch.manual_seed(args.seed)
    beside = _clip(args)
    check = _check(args, lesson, beside)
    model = _model(args, lesson.split, beside)
    learned, items = model.learned(), args.batch * crew.size
    an_epoch = math.ceil(len(lesson.images) / items)
    recipe = _recipe(args, EPOCHS * an_epoch if args.stage == BASE else SHOT_STEPS)
    task = FewShotTask(model, CLASS_LOSSES[_loss(args)], Asked())
    made_of = _made_of(args, lesson, items) | {"clip": (model.config.clip or {}).get("sha256", "")}
    trainer = Trainer(task, recipe, device, learned, made_of, crew)
    args.out.mkdir(parents=True, exist_ok=True)
    if (state := args.out / STATE).is_file():
        trainer.load(state)
    if crew.leads:
        print(
            f"{args.stage}: {sum(p.numel() for p in learned) / 1e6:.2f} M parameters,"
            f" {lesson.count} objects of {len(model.config.labels)} classes in"
            f" {len(lesson.images)} images ({lesson.unlabelled} other objects in them are not"
            f" labelled); from step {trainer.step} on"
        )
    often = an_epoch if args.stage == BASE else max(1, recipe.steps // 5)
    most, labels = max(map(len, lesson.images.values())), model.config.labels
    data = BoxSamples(lesson.images, args.images, labels, model.config, args.seed, most)

    write_down = journal(
        args,
        trainer,
        partial(save_few_shot, beside=beside),
        check,
        "novel_ap" if args.stage == SHOTS else "base_ap",
        often,
    )

    steps = range(trainer.step, recipe.steps)
    batches = loader(data, steps, items, args.workers, crew.rank, crew.size, stack=stacked)
    code = run_to_the_end(trainer, batches, write_down)
    leave(crew)
    return code


def _check_options(args: argparse.Namespace) -> None:
    """Raises InputError where options belong to the other stage, or are missing."""
    of_shots = {"--k": args.k, "--base": args.base}
    may = {"--shot-files": args.shot_files, "--clip": args.clip}
    of_base = {"--backbone": args.backbone, "--input-hw": args.input_hw}
    if args.stage == SHOTS:
        missing = [name for name, value in of_shots.items() if value is None]
        if missing:
            raise InputError(f"expected {' and '.join(missing)} with the stage {SHOTS}")
    strange = of_base if args.stage == SHOTS else of_shots | may
    if given := [name for name, value in strange.items() if value is not None]:
        raise InputError(f"expected no {' and '.join(given)} with the stage {args.stage}")
    if args.input_hw is not None:
        check_size((args.input_hw[0], args.input_hw[1]))


@dataclass(frozen=True)
class Lesson:
    """What is learned from.

    Attributes:
        split: of the classes.
        images: the labelled objects of each image.
        unlabelled: how many other objects these images have, as far as is known.
    """

    split: ClassSplit
    images: Shots
    unlabelled: int

    @property
    def count(self) -> int:
        """How many labelled objects there are."""
        return sum(map(len, self.images.values()))


def _lesson(args: argparse.Namespace) -> Lesson:
    """Of base classes everything, or a few shots of all."""
    from train.data.boxes import of_categories, read_usable_boxes
    from train.data.class_splits import read_split
    from train.data.shots import draw_shots, published_shots

    known = read_usable_boxes(args.annotations, args.images)
    split = read_split(args.split, known.categories)
    if args.stage == BASE:
        shown, _ = of_categories(known.images, split.base)
        if not shown:
            raise InputError(f"expected objects of {', '.join(split.base)}, found none")
    elif args.shot_files is not None:
        shown = published_shots(args.shot_files, args.images, split.classes, args.k)
    else:
        shown = draw_shots(known.images, split.classes, args.k, args.seed)
    others = sum(max(0, len(known.of(image)) - len(boxes)) for image, boxes in shown.items())
    return Lesson(split, shown, others)


def _clip(args: argparse.Namespace) -> PublicClip | None:
    from train.models.clip.public import open_public_clip

    return None if args.clip is None else open_public_clip(args.clip)


def _model(
    args: argparse.Namespace, split: ClassSplit, beside: PublicClip | None
) -> FewShotDetector:
    from train.models.clip.public import TOKENIZER
    from train.models.few_shot.checkpoint import load_few_shot
    from train.models.few_shot.config import SHOT_DECOUPLING, FewShotConfig
    from train.models.few_shot.detector import FewShotDetector, over_public_backbone, taught

    if args.stage == BASE:
        input_hw = INPUT_HW if args.input_hw is None else (args.input_hw[0], args.input_hw[1])
        config = FewShotConfig(split.base, input_hw)
        if args.backbone is None:
            return FewShotDetector(config)
        return over_public_backbone(config, args.backbone)
    base = load_few_shot(args.base)
    if set(base.config.labels) != set(split.base):
        raise InputError(
            f"expected a base detector of the split's base classes {', '.join(split.base)}, found"
            f" one of {', '.join(base.config.labels)} in {args.base}"
        )
    config = base.config.teaching(split.novel, SHOT_DECOUPLING)
    if beside is not None:
        config = replace(config, clip=beside.folder.provenance((TOKENIZER,)))
    return taught(base, config, args.seed)


def _loss(args: argparse.Namespace) -> str:
    return args.loss or ("cross-entropy" if args.stage == BASE else "bnrl")


def _recipe(args: argparse.Namespace, usual_steps: int) -> Recipe:
    from train.trainer.recipe import scratch

    steps = steps_of(args, usual_steps)
    return scratch(
        steps,
        lr=args.lr,
        clip=CLIP,
        warmup=min(100, steps // 10),
        precision="bfloat16" if args.bfloat16 else "float32",
        pretrained=args.stage == SHOTS or args.backbone is not None,
        seed=args.seed,
        minutes=args.minutes,
    )


def _check(
    args: argparse.Namespace, lesson: Lesson, beside: PublicClip | None
) -> FewShotCheck | None:
    """COCO's scores on some images, printed; objects of classes that are not learned are left out,
    and counted."""
    from train.data.boxes import of_categories, read_usable_boxes, some_images
    from train.evaluation.few_shot import FewShotCheck

    if args.val_annotations is None:
        return None
    images, split = args.val_images or args.images, lesson.split
    labels = split.base if args.stage == BASE else split.classes
    fresh = read_usable_boxes(args.val_annotations, images)
    chosen, strange = of_categories(some_images(fresh.images, args.checks, args.seed), labels)
    if strange:
        print(
            f"{args.val_annotations}: {strange} objects are of classes that are not learned here;"
            " they are left out",
            file=sys.stderr,
        )
    wanted = split.base if args.stage == BASE else split.novel
    if not any(box.category in wanted for boxes in chosen.values() for box in boxes):
        raise InputError(
            f"expected objects of {', '.join(wanted)} in {args.val_annotations}, found none"
        )
    return FewShotCheck(chosen, images, split.novel, beside)


def _made_of(args: argparse.Namespace, lesson: Lesson, items: int) -> dict[str, Any]:
    """What the batches depend on, besides the recipe."""
    from sdk.engine.folder import file_sha256
    from train.models.few_shot.checkpoint import WEIGHTS

    return {
        "stage": args.stage,
        "annotations": file_sha256(args.annotations)[:16],
        "base": "" if args.base is None else file_sha256(args.base / WEIGHTS)[:16],
        "split": " ".join(lesson.split.novel),
        "k": args.k or 0,
        "images": len(lesson.images),
        "objects": lesson.count,
        "loss": _loss(args),
        "batch": items,
    }
