"""``python -m train clip``: CLIP and its like on crops of annotated objects and their sentences."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from sdk.errors import InputError
from sdk.options import not_negative, positive, positive_float, share
from sdk.regions.views import KINDS, usual_view
from train.options import add_annotations, add_clock, add_run, steps_of

if TYPE_CHECKING:
    from train.data.entries import AnnotationSet
    from train.data.pairs import Spoken
    from train.evaluation.retrieval import Retrieval
    from train.models.clip.public import PublicClip
    from train.trainer.recipe import Recipe

START = "start"
EPOCHS = 10  # as published
# Options that batches depend on: a run goes on with its own.
MADE_OF = ("split", "train", "objects", "shift")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--init",
        metavar="CLIP",
        help="CLIP, SigLIP or SigLIP 2 to start from: a folder in transformers' format, or a hub id"
        " (default: a small CLIP at random, whose words are those of the sentences)",
    )
    parser.add_argument(
        "--train",
        default="all",
        metavar="BLOCK",
        help="all weights, or one block: vision.N or text.N (a layer), projection; and the"
        " temperature (default: all)",
    )
    data = add_annotations(parser)
    data.add_argument(
        "--view",
        nargs="+",
        choices=KINDS,
        default=["tight"],
        help="how crops are shown, one of several at random; checks use the first (default: tight)",
    )
    data.add_argument(
        "--shift",
        type=share,
        default=0.1,
        help="share of a box's sides by which they are moved at most, as those of proposals are"
        " (default: 0.1)",
    )
    recipe = parser.add_argument_group("recipe")
    add_clock(recipe)
    recipe.add_argument("--batch", type=positive, default=16, help="photographs, in each process")
    recipe.add_argument(
        "--objects", type=positive, default=8, help="of a photograph at most (default: 8)"
    )
    recipe.add_argument(
        "--lr", type=positive_float, help="(default: 1e-3, and 5e-5 from --init, as published)"
    )
    recipe.add_argument("--weight-decay", type=positive_float, default=0.2, help="(default: 0.2)")
    recipe.add_argument("--seed", type=not_negative, default=0)
    recipe.add_argument("--bfloat16", action="store_true", help="mixed precision by autocast")
    run = add_run(parser, workers=1)
    run.add_argument("--checks", type=positive, default=500, help="sentences asked at each check")


def run(args: argparse.Namespace) -> int:
    from train.device import pick_device

    device = pick_device(args.device)  # what can be said at once, before the imports that take long
    from train.data.annotations import read_usable
    from train.data.pairs import spoken_of
    from train.storage import STATE

    known = read_usable(args.annotations, args.images, args.split)
    photographs = spoken_of(known.items)
    _check_batch(args, photographs)

    import torch

    from train.data.loader import loader
    from train.data.pairs import CropPairs, stack
    from train.models.clip.public import open_public_clip, save_public_clip
    from train.models.clip.small import write_small_clip
    from train.threads import limit_threads
    from train.trainer.clip_task import ClipTask, learned
    from train.trainer.distributed import agree, join, leave
    from train.trainer.journal import aloud, journal, percent
    from train.trainer.loop import Trainer, flush_denormals
    from train.trainer.running import hurry, run_to_the_end

    crew = join(device)
    limit_threads()
    flush_denormals()
    hurry(device)
    torch.manual_seed(args.seed)
    state = args.out / STATE
    if args.init is None and crew.leads and not state.is_file():
        refs = [ref for objects in photographs.values() for each in objects for ref in each.refs]
        write_small_clip(args.out / START, refs, args.seed)
    agree(True, crew)  # the others wait for it
    opened = open_public_clip(args.init or str(args.out / START), attention="sdpa")
    trained = learned(opened.model, args.train)
    views = [usual_view(kind) for kind in args.view]
    data = CropPairs(
        photographs,
        args.images,
        opened.text_ids,
        opened.image,
        views,
        args.seed,
        args.objects,
        args.shift,
    )
    check = None
    if args.val_annotations is not None and crew.leads:
        check = _retrieval(args, known, opened)
    items = args.batch * crew.size
    an_epoch = math.ceil(len(photographs) / items)
    recipe = _recipe(args, EPOCHS * an_epoch)
    made_of = _made_of(args, opened, len(known.items), items)
    trainer = Trainer(ClipTask(opened.model), recipe, device, trained, made_of, crew)
    args.out.mkdir(parents=True, exist_ok=True)
    if state.is_file():
        trainer.load(state)
    if crew.leads:
        print(
            f"{sum(p.numel() for p in trained) / 1e6:.2f} M parameters,"
            f" {len(known.items)} sentences of {sum(map(len, photographs.values()))} objects in"
            f" {len(photographs)} photographs; from step {trainer.step} on"
        )
        if data.too_long:
            print(
                f"note: {data.too_long} of {data.sentences} sentences are longer than the"
                f" {opened.max_tokens} tokens of the model: what is beyond them is cut"
            )

    write_down = journal(
        args,
        trainer,
        partial(save_public_clip, opened=opened),
        aloud(check, trainer, percent),
        "retrieval",
        an_epoch,
    )

    # CLIP's text network looks back only: what fills texts up behind them changes nothing.
    filler = opened.pad_id if opened.kind == "clip" and not opened.pad_left else None
    batches = loader(
        data,
        range(trainer.step, recipe.steps),
        items,
        args.workers,
        crew.rank,
        crew.size,
        stack=partial(stack, filler=filler),
    )
    code = run_to_the_end(trainer, batches, write_down)
    leave(crew)
    return code


def _check_batch(args: argparse.Namespace, photographs: Mapping[str, tuple[Spoken, ...]]) -> None:
    """Raises InputError where a step would have a single pair: nothing to tell it from."""
    most = min(args.objects, max(map(len, photographs.values())))
    if args.batch * most < 2:
        raise InputError(
            f"expected several crops a step, to tell them apart, got {args.batch} photograph with"
            f" {most} object: choose a larger --batch"
        )


def _retrieval(args: argparse.Namespace, known: AnnotationSet, opened: PublicClip) -> Retrieval:
    """The checks; warns when they are about photographs that are trained on."""
    from train.data.annotations import PICKLES, read_usable
    from train.data.boxes import read_boxes
    from train.data.overlap import warn_of_shared
    from train.data.pairs import spoken_of
    from train.evaluation.retrieval import Retrieval, among_all, to_be_told_apart

    images = args.val_images or args.images
    fresh = read_usable(args.val_annotations, images, args.val_split)
    warn_of_shared((args.images, known), (images, fresh), args.val_annotations)
    photographs = spoken_of(fresh.items)
    if args.val_annotations.suffix in PICKLES:  # with the boxes of all objects beside it
        everything = read_boxes(args.val_annotations, images, args.val_split)
        photographs = among_all(photographs, everything.images)
    chosen = to_be_told_apart(photographs, args.checks, args.seed)
    return Retrieval(chosen, images, usual_view(args.view[0]), opened)


def _recipe(args: argparse.Namespace, usual_steps: int) -> Recipe:
    """As published where there is something to start from; our own from scratch."""
    from train.trainer.recipe import scratch

    steps = steps_of(args, usual_steps)
    begins = args.init is None
    return scratch(
        steps,
        lr=args.lr or (1e-3 if begins else 5e-5),
        weight_decay=args.weight_decay,
        warmup=min(100, steps // 10),
        average=0.99 if begins else 0.0,
        precision="bfloat16" if args.bfloat16 else "float32",
        pretrained=not begins,
        seed=args.seed,
        minutes=args.minutes,
    )


def _made_of(
    args: argparse.Namespace, opened: PublicClip, usable: int, items: int
) -> dict[str, int | float | str]:
    """What the batches depend on, besides the recipe."""
    from sdk.engine.folder import file_sha256
    from train.models.clip.public import TOKENIZER

    return {name: str(getattr(args, name)) for name in MADE_OF} | {
        "annotations": file_sha256(args.annotations)[:16],
        "usable annotations": usable,
        "views": " ".join(args.view),
        "photographs a step": items,
        "init": opened.folder.provenance((TOKENIZER,))["sha256"][:16],
    }
