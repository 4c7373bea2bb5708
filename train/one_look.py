"""``python -m train mdetr`` and ``transvg``: from annotated photographs to a checkpoint.

Without ``--init`` a small model is trained by a recipe of ours, from scratch or from what a
detector sees; with it the one that is named goes on, at the published rates.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sdk.errors import InputError
from sdk.options import not_negative, positive, positive_float
from train.options import add_annotations, add_clock, add_run, steps_of

if TYPE_CHECKING:
    from train.data.entries import AnnotationSet
    from train.evaluation.referring import ReferringCheck
    from train.models.mdetr.config import MdetrConfig
    from train.models.one_look import Model
    from train.models.transvg.config import TransvgConfig
    from train.trainer.recipe import Recipe

EPOCHS = 10
GRAMMAR = "rich"  # whose tokenizer a model from scratch has: any word can be spelt with it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what both methods have."""
    parser.add_argument(
        "--init",
        type=Path,
        metavar="CHECKPOINT",
        help="one of the same method to start from (default: a small model at random)",
    )
    parser.add_argument(
        "--detector",
        type=Path,
        metavar="FOLDER",
        help="a YOLO or SSD of `train detector`, with whose pyramid and input a small model begins",
    )
    add_annotations(parser)
    recipe = parser.add_argument_group("recipe")
    add_clock(recipe)
    recipe.add_argument("--batch", type=positive, default=8, help="photographs, in each process")
    recipe.add_argument(
        "--sentences", type=positive, default=4, help="of a photograph at most (default: 4)"
    )
    recipe.add_argument(
        "--lr", type=positive_float, help="(default: 7e-4, and 1e-4 from --init, as published)"
    )
    recipe.add_argument("--weight-decay", type=positive_float, default=1e-4)
    recipe.add_argument(
        "--published",
        action="store_true",
        help="the loss of the published code, faults and all, and nothing beside it",
    )
    recipe.add_argument("--seed", type=not_negative, default=0)
    recipe.add_argument("--bfloat16", action="store_true", help="mixed precision by autocast")
    run = add_run(parser, workers=1)
    run.add_argument("--checks", type=positive, default=200, help="sentences asked at each check")


def run(args: argparse.Namespace, method: str, foreign: float = 0.0) -> int:
    """Trains to the end, a wish to stop, or an error.

    foreign: share of photographs that are also asked for what is in another one.
    """
    from train.device import pick_device

    device = pick_device(args.device)  # what can be said at once, before the imports that take long
    from train.data.annotations import read_usable

    known = read_usable(args.annotations, args.images, args.split)

    import torch

    from sdk.families.one_stage import METHODS
    from sdk.sentences import SentenceTokenizer
    from train.checkpoint import save_checkpoint
    from train.data.loader import loader
    from train.data.referring import Reading, Referring, stacked
    from train.evaluation.referring import BEST_BY
    from train.losses.mdetr import PAPER, PUBLISHED
    from train.storage import STATE
    from train.threads import limit_threads
    from train.trainer.distributed import join, leave
    from train.trainer.journal import aloud, journal
    from train.trainer.loop import Trainer, flush_denormals
    from train.trainer.one_look_task import OneLookTask, learned
    from train.trainer.running import hurry, run_to_the_end

    crew = join(device)
    limit_threads()
    flush_denormals()
    hurry(device)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    model, tokenizer_file = _start(args, method)
    tokenizer = SentenceTokenizer.from_file(tokenizer_file, model.config.max_tokens)
    reading = Reading(model.config, METHODS[method].of_content, args.sentences, foreign)
    data = Referring(known.items, args.images, tokenizer, reading, args.seed)
    check = None if args.val_annotations is None else _check(args, known, tokenizer_file)
    items = args.batch * crew.size
    an_epoch = math.ceil(len(data.photographs) / items)
    recipe = _recipe(args, EPOCHS * an_epoch)
    trained = learned(model, recipe.pretrained)
    task = OneLookTask(
        model,
        None if args.published else len(data.categories),
        PUBLISHED if args.published else PAPER,
    )
    made_of = _made_of(args, len(known.items), items, foreign)
    trainer = Trainer(task, recipe, device, trained, made_of, crew)
    if (state := args.out / STATE).is_file():
        trainer.load(state)
    if crew.leads:
        print(
            f"{method}: {sum(p.numel() for p in trained) / 1e6:.2f} M parameters,"
            f" {len(known.items)} sentences about {len(data.photographs)} photographs; from step"
            f" {trainer.step} on"
        )
        if data.too_long:
            print(
                f"note: {data.too_long} of {len(data.refs)} sentences fill all"
                f" {tokenizer.max_tokens} places for tokens: what is beyond them is not heard"
            )

    write_down = journal(
        args,
        trainer,
        partial(save_checkpoint, tokenizer_file=tokenizer_file),
        aloud(check, trainer),
        BEST_BY,
        an_epoch,
    )

    steps = range(trainer.step, recipe.steps)
    batches = loader(data, steps, items, args.workers, crew.rank, crew.size, stack=stacked)
    code = run_to_the_end(trainer, batches, write_down)
    leave(crew)
    return code


def _start(args: argparse.Namespace, method: str) -> tuple[Model, Path]:
    """The model before its first step, and its tokenizer."""
    from sdk.sentences import SentenceTokenizer
    from train.checkpoint import TOKENIZER
    from train.data.vocabulary import write_grammar_tokenizer
    from train.families.one_stage import load_model
    from train.models.detr.config import UNCALIBRATED
    from train.models.mdetr.config import mdetr_tiny
    from train.models.transvg.config import transvg_tiny

    tokenizer_file: Path = args.out / TOKENIZER
    if args.init is None:
        write_grammar_tokenizer(GRAMMAR, tokenizer_file)
        words = SentenceTokenizer.from_file(tokenizer_file, 64).vocabulary_size
        config = {"mdetr": mdetr_tiny, "transvg": transvg_tiny}[method](words)
        return _small(config, args.detector), tokenizer_file
    if args.detector is not None:
        raise InputError("expected --init or --detector, got both")
    model = load_model(args.init)
    if method != model.config.METHOD:
        raise InputError(f"expected a checkpoint of {method}, {args.init} is {model.config.METHOD}")
    model.config = replace(model.config, calibration=dict(UNCALIBRATED))  # of other weights
    return model, args.init / TOKENIZER


def _small(config: MdetrConfig | TransvgConfig, detector: Path | None) -> Model:
    """A model at random, or with a detector's pyramid, and then for its input."""
    from train.families.one_stage import make_model
    from train.models.detector.checkpoint import load_detector

    if detector is None:
        return make_model(config)
    known = load_detector(detector)
    backbone = {**config.backbone, "width": known.config.width}
    seen = {name: getattr(known.config, name) for name in ("input_hw", "mean", "std")}
    model = make_model(replace(config, backbone=backbone, **seen))
    model.backbone.pyramid.load_state_dict(known.pyramid.state_dict())
    return model


def _check(args: argparse.Namespace, known: AnnotationSet, tokenizer: Path) -> ReferringCheck:
    """The checks; warns when they are about photographs that are trained on."""
    from train.data.annotations import read_usable
    from train.data.overlap import warn_of_shared
    from train.evaluation.referring import ReferringCheck
    from train.evaluation.validation import some
    from train.families.one_stage import OneLookModel

    images = args.val_images or args.images
    fresh = read_usable(args.val_annotations, images, args.val_split)
    warn_of_shared((args.images, known), (images, fresh), args.val_annotations)
    asked = partial(OneLookModel, tokenizer_file=tokenizer)
    return ReferringCheck(some(fresh.items, args.checks, args.seed), images, asked)


def _recipe(args: argparse.Namespace, usual_steps: int) -> Recipe:
    """From scratch our own; from a checkpoint the published rates: the backbones at a tenth."""
    from train.trainer.recipe import scratch

    steps = steps_of(args, usual_steps)
    begins = args.init is None
    return scratch(
        steps,
        lr=args.lr or (7e-4 if begins else 1e-4),
        backbones=1.0 if begins else 0.1,
        weight_decay=args.weight_decay,
        clip=1.0 if begins else 0.1,
        warmup=min(200, steps // 10),
        average=0.998 if begins else 0.9998,
        precision="bfloat16" if args.bfloat16 else "float32",
        pretrained=not begins,
        seed=args.seed,
        minutes=args.minutes,
    )


def _made_of(
    args: argparse.Namespace, usable: int, items: int, foreign: float
) -> Mapping[str, int | float | str]:
    """What the batches depend on, besides the recipe."""
    from sdk.engine.folder import file_sha256
    from train.checkpoint import checkpoint_sha256
    from train.models.detector.checkpoint import WEIGHTS

    return {
        "annotations": file_sha256(args.annotations)[:16],
        "split": str(args.split),
        "usable annotations": usable,
        "photographs a step": items,
        "sentences": args.sentences,
        "foreign": foreign,
        "published": int(args.published),
        "init": "nothing" if args.init is None else checkpoint_sha256(args.init)[:16],
        "detector": "none" if args.detector is None else file_sha256(args.detector / WEIGHTS)[:16],
    }
