"""``python -m train piza``: piza-tiny from scratch, on rendered scenes."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from evaluation.seeds import CHECKS
from sdk.options import add_threads, not_negative, positive, positive_float, share
from train.models.piza.methods import METHODS

LITE0 = "efficientnet-lite0"
LEARNT = 0.1  # of the learning rate, for image and text backbones that have both learnt already
KEEP_S = 45.0  # between two checkpoints of a run that goes by the clock
# Options that batches depend on: a run goes on with its own.
MADE_OF = (
    "scenes",
    "scenes_at_start",
    "grammar",
    "slips",
    "plain_share",
    "road_share",
    "method",
    "backbone",
    "frozen_stages",
    "keep_image_network",
    "appearance",
    "phrase_steps",
    "phrase_share",
    "close_up",
    "batch_scenes",
    "rounds",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("build/train/piza-tiny"))
    parser.add_argument(
        "--init",
        type=Path,
        default=None,
        help="checkpoint to start from, instead of at random; words may be others",
    )
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="piza-adapter+",
        help="what is added to the base; everything is trained (zero-shot: the base alone)",
    )
    parser.add_argument(
        "--backbone",
        choices=("resnet", LITE0),
        default="resnet",
        help=f"of images: at random, or {LITE0}, which has seen photographs (extra backbone); its"
        " batch norms stay as they are",
    )
    parser.add_argument(
        "--frozen-stages",
        type=not_negative,
        default=0,
        help=f"of {LITE0} that stay as they are, of five: the first makes maps of stride 2",
    )
    parser.add_argument(
        "--keep-image-network",
        action="store_true",
        help="of --init as it is, its batch norms too: on a CPU a step takes 0.7 of the time",
    )
    parser.add_argument(
        "--appearance",
        choices=("plain", "heavy"),
        default="plain",
        help="heavy: other surroundings, colours, light, blur, noise, JPEG, all but other hues",
    )
    parser.add_argument("--scenes-dir", type=Path, default=Path("build/scenes"))
    parser.add_argument("--scenes", type=positive, default=4000, help="scenes to train on")
    parser.add_argument(
        "--scenes-at-start",
        type=positive,
        default=None,
        help="scenes that the first step draws from; they grow to all of them (default: all)",
    )
    parser.add_argument(
        "--renderers", type=not_negative, default=0, help="processes that render scenes ahead"
    )
    parser.add_argument(
        "--render-only", action="store_true", help="render the scenes by --renderers, and end"
    )
    parser.add_argument(
        "--grammar", choices=("plain", "rich"), default="plain", help="of the sentences"
    )
    parser.add_argument(
        "--slips", type=share, default=0.0, help="share of the words that are mistyped"
    )
    parser.add_argument(
        "--plain-share",
        type=share,
        default=0.0,
        help="share of scenes spoken of in plain sentences",
    )
    parser.add_argument(
        "--road-share",
        type=share,
        default=0.0,
        help='share of scenes of the setting "road": other sizes, night, rain, lenses, motion',
    )
    parser.add_argument(
        "--near-misses",
        type=Path,
        metavar="FILE",
        help="of the model that training starts from, by piza train near-misses",
    )
    parser.add_argument(
        "--near-miss-share", type=share, default=0.5, help="of the frames that are theirs (0.5)"
    )
    parser.add_argument("--steps", type=positive, default=4000)
    parser.add_argument(
        "--minutes",
        type=positive_float,
        default=None,
        help="of training at most: the learning rate has come down by then, or with the steps",
    )
    parser.add_argument(
        "--phrase-steps", type=not_negative, default=2300, help="steps of phrases only"
    )
    parser.add_argument(
        "--phrase-share", type=share, default=0.3, help="share of phrases after those steps"
    )
    parser.add_argument(
        "--close-up", action="store_true", help="zoomed windows alone, not whole frames"
    )
    parser.add_argument(
        "--batch-scenes", type=positive, default=6, help="frames a batch, 3 samples a round each"
    )
    parser.add_argument("--rounds", type=positive, default=1, help="of samples a frame")
    parser.add_argument("--lr", type=positive_float, default=6e-4)
    parser.add_argument("--seed", type=not_negative, default=0)
    parser.add_argument("--workers", type=not_negative, default=1, help="data loading processes")
    add_threads(parser)
    parser.add_argument("--bfloat16", action="store_true", help="mixed precision by autocast")
    parser.add_argument("--device", default=None, help="cpu or cuda; the best there is by default")
    parser.add_argument(
        "--keep-frames",
        type=positive,
        default=None,
        help="this many on the device, and cut them there (default: as many as fit into half of"
        " the free memory of a GPU; none elsewhere)",
    )
    parser.add_argument("--save-every", type=positive, default=250)
    parser.add_argument("--check-every", type=positive, default=500)
    parser.add_argument(
        "--checks", type=not_negative, default=60, help="scenes searched at each check"
    )
    parser.add_argument(
        "--stop-after", type=positive_float, default=None, help="minutes; resume later"
    )


def run(args: argparse.Namespace) -> int:
    from sdk.errors import InputError
    from train.data import rendered

    rendered.check_count(args.scenes)
    seeds = range(args.seed * 1_000_000, args.seed * 1_000_000 + args.scenes)
    if args.render_only:
        processes = max(1, args.renderers)
        rendered.wait_for(rendered.ahead(args.scenes_dir, seeds, processes, args.road_share))
        print(f"{len(seeds)} scenes in {args.scenes_dir}")
        return 0

    if args.frozen_stages and args.backbone != LITE0:
        raise InputError(
            f"expected --frozen-stages with --backbone {LITE0}: {args.backbone} has learnt nothing"
        )
    if args.appearance == "heavy" and args.keep_frames is not None:
        raise InputError("expected --appearance plain with --keep-frames: no device disguises")
    if args.keep_image_network and args.init is None:
        raise InputError("expected --init with --keep-image-network: there is none to keep")
    near_misses = None
    if args.near_misses is not None:
        from train.data.near_misses import read_near_misses

        near_misses = read_near_misses(args.near_misses)
        near_misses.check(args.near_misses, args.road_share)

    from train.device import pick_device

    device = pick_device(args.device)  # before the imports that take long

    import torch

    from evaluation.questions import questions
    from sdk.engine.folder import file_sha256
    from sdk.text import Tokenizer
    from train.checkpoint import TOKENIZER, checkpoint_sha256, load_weights, save_checkpoint
    from train.data.batches import Plan, SceneSamples
    from train.data.frames import Frames, room_on
    from train.data.loader import loader
    from train.data.vocabulary import write_grammar_tokenizer
    from train.evaluation.asking import Searcher
    from train.evaluation.quick_scores import quick_scores
    from train.families.piza import in_memory
    from train.models.backbones import lite0
    from train.models.grounding_dino.config import piza_tiny, with_lite0
    from train.models.grounding_dino.grounder import PizaGrounder
    from train.models.inherit import inherit
    from train.models.piza.kept_history import fitted_history
    from train.storage import STATE
    from train.threads import limit_threads
    from train.trainer.checkpointing import Checkpointing
    from train.trainer.distributed import join, leave
    from train.trainer.grounding_task import GroundingTask, all_but_history, from_scratch
    from train.trainer.loop import Trainer, flush_denormals
    from train.trainer.recipe import scratch
    from train.trainer.running import hurry, run_to_the_end

    crew = join(device)
    if args.minutes is not None and crew.size > 1:
        raise InputError("expected --steps for several processes, got --minutes: clocks differ")
    if args.batch_scenes % crew.size:
        raise InputError(
            f"expected --batch-scenes to be a multiple of the {crew.size} processes, got"
            f" {args.batch_scenes}"
        )
    limit_threads()
    flush_denormals()
    hurry(device)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)

    tokenizer_file = args.out / TOKENIZER
    write_grammar_tokenizer(args.grammar, tokenizer_file)
    vocabulary_size = Tokenizer.from_file(tokenizer_file, 64).vocabulary_size
    config = replace(piza_tiny(vocabulary_size), method=args.method)
    photographic = args.backbone == LITE0
    model = PizaGrounder(with_lite0(config) if photographic else config)
    from_scratch(model)
    state = args.out / STATE
    backbone = model.base.model.backbone.conv_encoder.model
    kept = backbone.first(args.frozen_stages) if photographic else []
    if args.keep_image_network:
        kept = model.image_network
    if photographic and not state.is_file():
        load_weights(backbone.body, lite0.pretrained(lite0.weights_file()))
    if args.init is not None:
        said = inherit(model, tokenizer_file, args.init)
        if crew.leads:
            print(said)
    elif not state.is_file():
        model.history, accuracy = fitted_history(args.seed)
        if crew.leads:
            print(f"history encoder: {accuracy:.3f} of fresh histories ended or continued rightly")
    precision = "bfloat16" if args.bfloat16 else "float32"
    recipe = scratch(
        args.steps,
        lr=args.lr,
        backbones=LEARNT if photographic and args.init is not None else 1.0,
        precision=precision,
        seed=args.seed,
        minutes=args.minutes,
    )
    made_of = {name: getattr(args, name) for name in MADE_OF}
    if near_misses is not None:
        made_of["near_misses"] = file_sha256(args.near_misses)[:16]
        made_of["near_miss_share"] = args.near_miss_share
    made_of["init"] = "nothing" if args.init is None else checkpoint_sha256(args.init)[:16]
    trained = all_but_history(model, kept)
    trainer = Trainer(GroundingTask(model, kept), recipe, device, trained, made_of, crew)
    if state.is_file():
        trainer.load(state)
        if crew.leads:
            print(f"resuming {state} at step {trainer.step}")

    plan = Plan(
        args.batch_scenes,
        args.phrase_steps,
        args.phrase_share,
        args.close_up,
        args.rounds,
        args.scenes_at_start,
        args.grammar,
        args.slips,
        args.plain_share,
        args.road_share,
        appearance=args.appearance,
        near_miss_share=args.near_miss_share,
    )
    keeps = device.type == "cuda" or args.keep_frames is not None
    keeps = keeps and args.appearance == "plain"
    data = SceneSamples(
        args.scenes_dir,
        seeds,
        model.config,
        tokenizer_file,
        plan,
        args.steps,
        args.seed,
        keeps,
        near_misses,
    )

    def check(average: PizaGrounder) -> dict[str, float]:
        searcher = Searcher(in_memory(average, tokenizer_file))
        return quick_scores(searcher, questions(CHECKS.first, args.checks))

    def journal(interrupted: Callable[[], bool]) -> Checkpointing:
        return Checkpointing(
            trainer,
            args.out,
            args.out,
            partial(save_checkpoint, tokenizer_file=tokenizer_file),
            check if args.checks else None,
            save_every=args.save_every,
            check_every=args.check_every,
            keep_s=math.inf if args.minutes is None else KEEP_S,
            stop_after_minutes=args.stop_after,
            interrupted=interrupted,
        )

    steps = range(trainer.step, args.steps)
    if crew.leads:
        rendered.ahead(args.scenes_dir, seeds, args.renderers, args.road_share)
    batches = loader(data, steps, args.batch_scenes, args.workers, crew.rank, crew.size)
    if keeps:
        room = min(len(seeds), args.keep_frames or room_on(device))
        room = max(room, args.batch_scenes // crew.size)
        batches = Frames(args.scenes_dir, model.config, device, room, args.road_share).seen(batches)
    code = run_to_the_end(trainer, batches, journal)
    leave(crew)
    return code
