"""``python -m train piza``: piza-tiny from scratch, on rendered scenes."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from train.options import not_negative, positive, positive_float, share

if TYPE_CHECKING:
    import torch

HELP = "train piza-tiny from scratch on rendered scenes; run again to resume"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("build/train/piza-tiny"))
    parser.add_argument(
        "--init", type=Path, default=None, help="checkpoint to start from, instead of at random"
    )
    parser.add_argument("--scenes-dir", type=Path, default=Path("build/scenes"))
    parser.add_argument("--scenes", type=positive, default=4000, help="scenes to train on")
    parser.add_argument("--steps", type=positive, default=4000)
    parser.add_argument(
        "--phrase-steps", type=not_negative, default=2300, help="steps of phrases only"
    )
    parser.add_argument(
        "--phrase-share", type=share, default=0.3, help="share of phrases after those steps"
    )
    parser.add_argument(
        "--batch-scenes", type=positive, default=6, help="frames a batch, 3 samples each"
    )
    parser.add_argument("--lr", type=positive_float, default=6e-4)
    parser.add_argument("--seed", type=not_negative, default=0)
    parser.add_argument("--workers", type=not_negative, default=1, help="data loading processes")
    parser.add_argument("--threads", type=positive, default=os.cpu_count() or 2)
    parser.add_argument("--bfloat16", action="store_true", help="mixed precision by autocast")
    parser.add_argument("--device", default=None, help="cpu or cuda; the best there is by default")
    parser.add_argument("--save-every", type=positive, default=250)
    parser.add_argument("--check-every", type=positive, default=500)
    parser.add_argument(
        "--checks", type=not_negative, default=60, help="scenes searched at each check"
    )
    parser.add_argument(
        "--stop-after", type=positive_float, default=None, help="minutes; resume later"
    )


def run(args: argparse.Namespace) -> int:
    import torch

    from sdk.errors import InputError
    from sdk.text import Tokenizer
    from train.calibrate import SEED as RESERVED
    from train.checkpoint import TOKENIZER, save_checkpoint, start_from
    from train.data.batches import Plan, SceneSamples, loader
    from train.data.scenes import vocabulary
    from train.data.vocabulary import write_tokenizer
    from train.distributed import join, leave
    from train.fit_history import fit_history
    from train.journal import Journal
    from train.loop import Recipe, Trainer, flush_denormals, from_scratch
    from train.models.config import piza_tiny
    from train.models.grounder import PizaGrounder

    device = _device(args.device)
    if args.scenes > RESERVED:
        raise InputError(
            f"expected at most {RESERVED} scenes, got {args.scenes}: the seeds after them are for"
            " calibration, certificates and checks"
        )
    crew = join()
    if args.batch_scenes % crew.size:
        raise InputError(
            f"expected --batch-scenes to be a multiple of the {crew.size} processes, got"
            f" {args.batch_scenes}"
        )
    torch.set_num_threads(args.threads)
    flush_denormals()
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)

    seeds = range(args.seed * 1_000_000, args.seed * 1_000_000 + args.scenes)
    tokenizer_file = args.out / TOKENIZER
    write_tokenizer(vocabulary(), tokenizer_file)
    vocabulary_size = Tokenizer.from_file(tokenizer_file, 64).vocabulary_size
    model = PizaGrounder(piza_tiny(vocabulary_size))
    from_scratch(model)
    if args.init is not None:
        start_from(model, args.init)
    recipe = Recipe(args.steps, args.lr, bfloat16=args.bfloat16)
    trainer, state = Trainer(model, recipe, device, crew), args.out / "state.pt"
    if state.is_file():
        trainer.load(state)
        print(f"resuming {state} at step {trainer.step}")
    elif args.init is None:
        accuracy = fit_history(model.history, args.seed)
        trainer.average.history.load_state_dict(model.history.state_dict())
        if crew.leads:
            print(f"history encoder: {accuracy:.3f} of fresh histories ended or continued rightly")

    plan = Plan(args.batch_scenes, args.phrase_steps, args.phrase_share)
    data = SceneSamples(
        args.scenes_dir, seeds, model.config, tokenizer_file, plan, args.steps, args.seed
    )
    journal = Journal(
        trainer,
        args.out,
        tokenizer_file,
        save_every=args.save_every,
        check_every=args.check_every,
        checks=args.checks,
        stop_after_minutes=args.stop_after,
    )
    batches = loader(data, trainer.step, args.workers, crew.rank, crew.size)
    trainer.run(batches, journal if crew.leads else lambda _: False)
    if crew.leads:
        trainer.save(state)
        save_checkpoint(args.out, trainer.average, tokenizer_file)
        print(f"checkpoint in {args.out} after {trainer.step} of {args.steps} steps")
    leave(crew)
    return 0


def _device(name: str | None) -> torch.device:
    import torch

    from sdk.errors import InputError

    cuda = torch.cuda.is_available()
    try:
        device = torch.device(name or ("cuda" if cuda else "cpu"))
    except RuntimeError as error:
        raise InputError(f"expected a device such as cpu or cuda, got {name!r}") from error
    if device.type == "cuda" and not cuda:
        raise InputError(f"expected a CUDA device for {name!r}, found none")
    return device
