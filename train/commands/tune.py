"""``python -m train tune METHOD``: fine-tunes a base on annotated photographs, as published."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sdk.errors import InputError
from sdk.options import not_negative, positive, positive_float, share
from sdk.text import Tokenizer
from train.models.piza.methods import METHODS, trainable
from train.options import add_annotations, add_run

if TYPE_CHECKING:
    from train.data.entries import AnnotationSet
    from train.evaluation.validation import Validation
    from train.trainer.checkpointing import Checkpointing
    from train.trainer.recipe import Recipe

TRAINED = tuple(name for name, method in METHODS.items() if method.family != "zero-shot")
LAST = "last"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("method", choices=TRAINED, metavar="METHOD", help=", ".join(TRAINED))
    parser.add_argument(
        "--base",
        default=None,
        metavar="BASE",
        help="a checkpoint, a folder in transformers' format, or a hub id (default: the published"
        " MM-Grounding-DINO Swin-T)",
    )
    data = add_annotations(parser)
    data.add_argument(
        "--skip-unreadable",
        action="store_true",
        help="go on with other photographs where one cannot be read, and count them",
    )
    data.add_argument(
        "--crops", type=positive, default=1, help="samples of a photograph that is read (default 1)"
    )
    data.add_argument(
        "--input-hw",
        type=positive,
        nargs=2,
        metavar=("H", "W"),
        help="network input in px (default: the checkpoint's, or 800 1344)",
    )
    recipe = parser.add_argument_group("recipe (defaults: as published)")
    recipe.add_argument("--epochs", type=positive, default=5)
    recipe.add_argument("--batch", type=positive, default=4, help="photographs, in each process")
    recipe.add_argument(
        "--accumulate", type=positive, default=1, help="batches that make up one step"
    )
    recipe.add_argument("--lr", type=positive_float, default=2e-4)
    recipe.add_argument("--weight-decay", type=positive_float, default=1e-4)
    recipe.add_argument("--clip", type=positive_float, default=0.1, help="norm of the gradient")
    recipe.add_argument(
        "--average",
        type=share,
        default=0.0,
        help="decay of the moving average of the weights that is kept (default 0: none)",
    )
    recipe.add_argument("--seed", type=not_negative, default=0)
    precision = recipe.add_mutually_exclusive_group()
    for name in ("bfloat16", "float16"):
        precision.add_argument(
            f"--{name}",
            dest="precision",
            action="store_const",
            const=name,
            default="float32",
            help="mixed precision by autocast",
        )
    run = add_run(parser)
    run.add_argument(
        "--resume", action="store_true", help="fail unless there is a run in DIR to go on with"
    )
    run.add_argument("--checks", type=positive, default=200, help="annotations asked at each check")


def run(args: argparse.Namespace) -> int:
    from train.data.left_out import write_left_out
    from train.device import pick_device

    device = pick_device(args.device)  # what can be said at once, before the imports that take long
    known = _annotations(args)

    import torch

    from train.base import open_base
    from train.checkpoint import save_checkpoint
    from train.data.loader import loader
    from train.data.photographs import PhotoSamples
    from train.models.grounding_dino.pretrained import PUBLISHED_BASE
    from train.models.piza.kept_history import fitted_history
    from train.storage import STATE
    from train.threads import limit_threads
    from train.trainer.checkpointing import Checkpointing
    from train.trainer.distributed import join, leave
    from train.trainer.gradients import never_reached
    from train.trainer.grounding_task import GroundingTask
    from train.trainer.loop import Trainer, flush_denormals
    from train.trainer.running import run_to_the_end

    state = args.out / STATE
    crew = join(device)
    limit_threads()
    flush_denormals()
    torch.manual_seed(args.seed)
    input_hw = None if args.input_hw is None else (args.input_hw[0], args.input_hw[1])
    base = open_base(args.base or PUBLISHED_BASE, args.method, input_hw)
    model, tokenizer_file = base.model, base.tokenizer_file
    data = PhotoSamples(
        known,
        args.images,
        model.config,
        tokenizer_file,
        args.seed,
        args.epochs,
        args.crops,
        args.skip_unreadable,
    )
    tokenizer = Tokenizer.from_file(tokenizer_file, model.config.max_tokens)
    check = None if args.val_annotations is None else _validation(args, known, tokenizer_file)
    items = args.batch * args.accumulate * crew.size
    recipe = _recipe(args, len(data), items)
    args.out.mkdir(parents=True, exist_ok=True)
    if crew.leads and not state.is_file():
        write_left_out(args.out, known.problems)
    if not base.knows_histories and not state.is_file():
        model.history, accuracy = fitted_history(args.seed, data.sizes())
        if crew.leads:
            print(f"history encoder: {accuracy:.3f} of fresh histories ended or continued rightly")
    learned = trainable(model)
    made_of = _made_of(args, items, len(data.items), model.config.input_hw)
    trainer = Trainer(GroundingTask(model), recipe, device, learned, made_of, crew, args.accumulate)
    if state.is_file():
        trainer.load(state)
    if crew.leads:
        print(
            f"{args.method}: {sum(p.numel() for p in learned) / 1e6:.2f} M parameters,"
            f" {len(data.items)} annotations ({len(data.left_out)} more are too long),"
            f" {recipe.steps} steps of {items}; from step {trainer.step} on"
        )
        print("".join(f"note: {line}\n" for line in _doubts(known, tokenizer)), end="")

    def journal(interrupted: Callable[[], bool]) -> Checkpointing:
        return Checkpointing(
            trainer,
            args.out,
            args.out / LAST,
            partial(save_checkpoint, tokenizer_file=tokenizer_file),
            check,
            save_every=args.save_every,
            check_every=args.check_every or max(1, recipe.steps // args.epochs),
            stop_after_minutes=args.stop_after,
            interrupted=interrupted,
        )

    left = range(trainer.step, recipe.steps)
    batches = loader(data, left, items, args.workers, crew.rank, crew.size, args.accumulate)
    code = run_to_the_end(trainer, batches, journal)
    if skipped := data.skipped():
        print(
            f"note: {len(skipped)} photographs could not be read, others took their place:"
            f" {_listed(skipped)}"
        )
    still = never_reached(model.named_parameters(), trainer.optimiser)
    if crew.leads and trainer.step and still:
        print(
            f"note: no gradient has reached {len(still)} of {len(learned)} trained tensors:"
            f" {_listed(still)}"
        )
    leave(crew)
    return code


def _annotations(args: argparse.Namespace) -> AnnotationSet:
    """What is trained on: the same entries as when the run began."""
    from train.data.annotations import read_usable
    from train.data.left_out import read_left_out
    from train.storage import STATE

    begun = (args.out / STATE).is_file()
    if args.resume and not begun:
        raise InputError(f"expected a run to resume in {args.out}, found no {STATE}")
    left_out = read_left_out(args.out) if begun else None
    known = read_usable(args.annotations, args.images, args.split, left_out)
    if known.lost and not args.skip_unreadable:
        raise InputError(
            f"{len(known.lost)} photographs that this run began with cannot be read any more:"
            f" {next(iter(known.lost.values()))}; --skip-unreadable goes on without them"
        )
    return known


def _validation(args: argparse.Namespace, known: AnnotationSet, tokenizer: Path) -> Validation:
    """The checks; warns when they are about photographs that are trained on."""
    from train.data.annotations import read_usable
    from train.data.overlap import warn_of_shared
    from train.evaluation.validation import Validation, readable, some

    images = args.val_images or args.images
    fresh = read_usable(args.val_annotations, images, args.val_split)
    warn_of_shared((args.images, known), (images, fresh), args.val_annotations)
    chosen = some(fresh.items, args.checks, args.seed)
    return Validation(readable(chosen, images, args.skip_unreadable), images, tokenizer)


def _doubts(known: AnnotationSet, tokenizer: Tokenizer) -> list[str]:
    """What may be wrong with annotations that can be used."""
    from train.data.statistics import doubt_lines, doubts, unknown_shares

    return doubt_lines({**doubts(known.items), **unknown_shares(known.items, tokenizer)})


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}"


def _recipe(args: argparse.Namespace, count: int, items: int) -> Recipe:
    """The published recipe with what the options say; ``count`` photographs, ``items`` a step."""
    from train.trainer.recipe import published

    if count < items:
        raise InputError(
            f"expected annotations for at least one step of {items}, got {count} in {args.epochs}"
            " epochs: choose a smaller --batch, or more --epochs"
        )
    names = ("lr", "weight_decay", "clip", "average", "precision", "seed")
    return published(count // items, **{name: getattr(args, name) for name in names})


def _made_of(
    args: argparse.Namespace, items: int, usable: int, input_hw: tuple[int, int]
) -> dict[str, int | str]:
    """What the batches depend on, besides the recipe."""
    from sdk.engine.folder import file_sha256
    from train.base import fingerprint
    from train.models.grounding_dino.pretrained import PUBLISHED_BASE

    return {
        "method": args.method,
        "annotations": file_sha256(args.annotations)[:16],
        "split": str(args.split),
        "usable annotations": usable,
        "base": fingerprint(args.base or PUBLISHED_BASE),
        "epochs": args.epochs,
        "crops": args.crops,
        "batch": items,
        "input": "x".join(map(str, input_hw)),
    }
