"""``python -m train box``: boxes over CLIP's features, by regressing, acting or denoising."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sdk.options import not_negative, positive, positive_float, share
from sdk.regions.views import KINDS, usual_view
from train.options import add_annotations, add_clock, add_run, steps_of

if TYPE_CHECKING:
    from train.data.box_questions import BoxQuestions
    from train.data.entries import AnnotationSet
    from train.evaluation.referring import ReferringCheck
    from train.models.box_refiners.config import BoxConfig
    from train.models.clip.public import PublicClip
    from train.trainer.recipe import Recipe

METHODS = ("projection", "projection-iou", "dqn", "diffusion")
BATCH = 256  # as published of the one that acts
STEPS = {"projection": 5000, "projection-iou": 5000, "dqn": 100_000, "diffusion": 20_000}
CHECKS = {"projection": 1000, "projection-iou": 1000, "dqn": 10_000, "diffusion": 4000}  # steps
# Options that what is learned from depends on: a run goes on with its own.
MADE_OF = ("method", "view", "split", "windows", "max_steps", "near")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--method",
        choices=METHODS,
        required=True,
        help="a projection to pixels or, with a loss by IoU, to shares of the frame; a Q network"
        " that acts; a diffusion of the box",
    )
    parser.add_argument(
        "--clip",
        required=True,
        metavar="FOLDER_OR_ID",
        help="CLIP, SigLIP or SigLIP 2, in transformers' format, whose features it reads",
    )
    data = add_annotations(parser)
    data.add_argument(
        "--view",
        choices=KINDS,
        default="padded",
        help="how CLIP is shown the frame, or what is acted on (default: padded, all of it)",
    )
    data.add_argument(
        "--windows",
        type=not_negative,
        help="of each photograph, seen besides all of it (default: 3 where boxes are shares of"
        " what is seen, else 0)",
    )
    recipe = parser.add_argument_group("recipe")
    add_clock(recipe, "5000; 20000 of the diffusion, 100000 of the one that acts")
    recipe.add_argument("--lr", type=positive_float, default=1e-3)
    recipe.add_argument("--weight-decay", type=positive_float, default=1e-2)
    recipe.add_argument(
        "--max-steps", type=positive, default=10, help="of the one that acts (default: 10)"
    )
    recipe.add_argument(
        "--near",
        type=share,
        default=0.3,
        help="share of its games that begin near the object, as the next frame of a video does"
        " (default: 0.3; published: 0)",
    )
    recipe.add_argument("--seed", type=not_negative, default=0)
    recipe.add_argument("--bfloat16", action="store_true", help="mixed precision by autocast")
    run = add_run(parser, workers=0, checked="1000; 4000 and 10000")
    run.add_argument("--checks", type=positive, default=200, help="sentences asked at each check")


def run(args: argparse.Namespace) -> int:
    """Train to the end, a wish to stop, or an error."""
    from train.device import pick_device

    device = pick_device(args.device)  # what can be said at once, before the imports that take long
    from train.data.annotations import read_usable

    known = read_usable(args.annotations, args.images, args.split)

    import torch

    from train.data.box_questions import VECTORS, BoxQuestions, make_vectors
    from train.models.box_refiners.checkpoint import save_box
    from train.models.clip.public import open_public_clip
    from train.storage import STATE
    from train.threads import limit_threads
    from train.trainer.journal import aloud, journal
    from train.trainer.loop import flush_denormals
    from train.trainer.running import hurry, run_to_the_end

    limit_threads()
    flush_denormals()
    hurry(device)
    torch.manual_seed(args.seed)
    if args.windows is None:
        args.windows = 3 if args.method in ("projection-iou", "diffusion") else 0
    opened = open_public_clip(args.clip)
    opened.model.requires_grad_(False).to(device)
    check = None if args.val_annotations is None else _check(args, known, opened)
    args.out.mkdir(parents=True, exist_ok=True)
    vectors = make_vectors(
        known.items,
        args.images,
        opened,
        usual_view(args.view),
        args.windows,
        args.seed,
        args.out / VECTORS,
    )
    questions = BoxQuestions(known.items, vectors, BATCH, args.seed)
    config = _config(args, opened, questions)
    trainer, batches = _trainer(args, config, questions, opened, device)
    if (state := args.out / STATE).is_file():
        trainer.load(state)
    head = trainer.average
    print(
        f"{args.method}: {sum(p.numel() for p in head.parameters()) / 1e6:.2f} M parameters,"
        f" {len(known.items)} sentences about {len(vectors.names)} photographs; from step"
        f" {trainer.step} on"
    )

    # hits are few where a single vector says what is in a frame
    write_down = journal(
        args,
        trainer,
        partial(save_box, opened=opened),
        aloud(check, trainer),
        "mean_iou",
        CHECKS[args.method],
    )

    return run_to_the_end(trainer, batches(trainer.step), write_down)


def _trainer(
    args: argparse.Namespace,
    config: BoxConfig,
    questions: BoxQuestions,
    opened: PublicClip,
    device: Any,
) -> tuple[Any, Callable[[int], Any]]:
    """What trains the head, and what makes its batches from a step on."""
    import torch

    from train.data.box_questions import whole_batch
    from train.data.loader import loader
    from train.models.box_refiners.heads import Projection, QNetwork, make_head
    from train.trainer.box_task import BoxTask
    from train.trainer.loop import Trainer

    head, recipe = make_head(config), _recipe(args)
    made_of = _made_of(args, config, len(questions.boxes))
    if isinstance(head, QNetwork):
        from train.trainer.box_agent import BoxAgent
        from train.trainer.box_environment import BoxEnvironment, Looks

        looks = Looks(questions.vectors.names, args.images, opened, usual_view(args.view))
        game = BoxEnvironment(questions, looks, config, args.near)
        return BoxAgent(head, game, recipe, device, made_of), lambda _: (_ for _ in ())
    if isinstance(head, Projection):
        pixels = questions.mean_pixels() if args.method == "projection" else config.centre
        head.begin_at(torch.tensor(pixels, dtype=torch.float32))
    trainer = Trainer(BoxTask(head), recipe, device, list(head.parameters()), made_of)

    def batches(step: int) -> Any:
        steps = range(step, recipe.steps)
        return loader(questions, steps, 1, args.workers, stack=whole_batch)

    return trainer, batches


def _config(args: argparse.Namespace, opened: PublicClip, questions: BoxQuestions) -> BoxConfig:
    from train.models.box_refiners.config import BoxConfig
    from train.models.clip.public import TOKENIZER

    return BoxConfig(
        name=f"clip-{args.method}",
        method=args.method,
        features=questions.vectors.said.shape[1],
        clip=opened.folder.provenance((TOKENIZER,)),
        view=args.view,
        most_steps=args.max_steps,
        seed=args.seed,
        **questions.frames(),
    )


def _check(args: argparse.Namespace, known: AnnotationSet, opened: PublicClip) -> ReferringCheck:
    """The checks; warns when they are about photographs that are trained on."""
    from train.data.annotations import read_usable
    from train.data.overlap import warn_of_shared
    from train.evaluation.referring import ReferringCheck
    from train.evaluation.validation import some
    from train.families.clip_box import ClipBoxModel

    images = args.val_images or args.images
    fresh = read_usable(args.val_annotations, images, args.val_split)
    warn_of_shared((args.images, known), (images, fresh), args.val_annotations)
    asked = partial(ClipBoxModel, opened=opened)
    return ReferringCheck(some(fresh.items, args.checks, args.seed), images, asked)


def _recipe(args: argparse.Namespace) -> Recipe:
    """Our own, but for what is published of the one that acts: its rate stays as it is."""
    from train.trainer.recipe import scratch

    steps = steps_of(args, STEPS[args.method])
    return scratch(
        steps,
        lr=args.lr,
        weight_decay=args.weight_decay,
        clip=10.0 if args.method == "dqn" else 1.0,
        warmup=min(100, steps // 10),
        average=0.99,
        precision="bfloat16" if args.bfloat16 else "float32",
        seed=args.seed,
        minutes=args.minutes,
    )


def _made_of(
    args: argparse.Namespace, config: BoxConfig, usable: int
) -> Mapping[str, int | float | str]:
    """What is learned from, besides the recipe."""
    from sdk.engine.folder import file_sha256

    return {name: str(getattr(args, name)) for name in MADE_OF} | {
        "annotations": file_sha256(args.annotations)[:16],
        "usable annotations": usable,
        "clip": config.clip["sha256"][:16],
    }
