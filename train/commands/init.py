"""``python -m train init``: a checkpoint with random weights."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from sdk.options import not_negative, positive
from train.models.grounding_dino.config import PizaConfig
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.piza.methods import METHODS

SIZES = ("swin-t", "piza-tiny")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="piza-adapter+",
        help="what is added to the base; zero-shot: nothing, which makes it a base for 'tune'"
        " (default: piza-adapter+)",
    )
    parser.add_argument("--base-config", choices=SIZES, default=SIZES[0])
    parser.add_argument(
        "--input-hw",
        type=positive,
        nargs=2,
        metavar=("H", "W"),
        help="network input in pixels, multiples of 32 (default: the published size)",
    )
    parser.add_argument("--seed", type=not_negative, default=0)


def run(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from evaluation.scenes import vocabulary
    from sdk.errors import InputError
    from sdk.text import Tokenizer
    from train.base import STRIDE
    from train.checkpoint import TOKENIZER, save_checkpoint
    from train.commands.init import untrained
    from train.data.vocabulary import write_tokenizer
    from train.models.grounding_dino.config import piza_tiny, swin_t

    if args.input_hw is not None and any(side % STRIDE for side in args.input_hw):
        raise InputError(f"expected an input size in multiples of {STRIDE} px, got {args.input_hw}")
    if args.out.is_dir() and any(args.out.iterdir()):
        raise InputError(f"{args.out} is there already and not empty: name another folder")
    write_tokenizer(vocabulary(), args.out / TOKENIZER)
    words = Tokenizer.from_file(args.out / TOKENIZER, 64).vocabulary_size
    config = swin_t() if args.base_config == "swin-t" else piza_tiny(words)
    if args.input_hw is not None:
        config = replace(config, input_hw=tuple(args.input_hw))
    model = untrained(replace(config, name=f"{config.name}-random", method=args.method), args.seed)
    save_checkpoint(args.out, model, args.out / TOKENIZER)
    count = sum(parameter.numel() for parameter in model.parameters())
    print(
        f"{args.out}: {count / 1e6:.1f} M random parameters, {args.method}, input {config.input_hw}"
    )
    return 0


def untrained(config: PizaConfig, seed: int) -> PizaGrounder:
    """Random weights also where a fresh model has zeros, so that every path counts.

    Matrices keep the size of what goes through them (LeCun et al. 1998: standard deviation
    1 / sqrt(fan-in)); the rest is drawn with 0.3, our own choice, which sets the candidates' scores
    apart: where all are alike, the best one hangs on the last bit.
    """
    model = PizaGrounder(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            plain = "norm" not in name.lower() and parameter.ndim > 1
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 1
            parameter.normal_(0, fan_in**-0.5 if plain else 0.3, generator=generator)
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.add_(1)
        if not config.zooms:  # nobody asks its history encoder: zeros say that it has none
            for parameter in model.history.parameters():
                parameter.zero_()
    return model
