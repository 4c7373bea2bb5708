"""``python -m train init``: a checkpoint with random weights."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

from sdk.options import not_negative, positive
from train.models.grounding_dino.config import PizaConfig
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.piza.methods import METHODS

if TYPE_CHECKING:
    from train.models.mdetr.config import MdetrConfig
    from train.models.one_look import Model
    from train.models.transvg.config import TransvgConfig

PIZA_SIZES = ("swin-t", "piza-tiny")
ONE_LOOK_SIZES = (
    "mdetr-resnet101", "mdetr-efficientnet-b3", "transvg-resnet50", "transvg-resnet101",
)  # fmt: skip
Module = TypeVar("Module", bound=nn.Module)
FRAME_HW = (1080, 1920)  # whose input MDETR has where none is named


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="piza-adapter+",
        help="what is added to the base; zero-shot: nothing, which makes it a base for 'tune'"
        " (default: piza-adapter+)",
    )
    parser.add_argument(
        "--base-config",
        choices=(*PIZA_SIZES, *ONE_LOOK_SIZES),
        default=PIZA_SIZES[0],
        help="size (default: swin-t); MDETR and TransVG take no method",
    )
    parser.add_argument(
        "--input-hw",
        type=positive,
        nargs=2,
        metavar=("H", "W"),
        help="network input in pixels, multiples of 32 (default: the published size)",
    )
    parser.add_argument("--seed", type=not_negative, default=0)


def run(args: argparse.Namespace) -> int:
    from evaluation.scenes import vocabulary
    from sdk.errors import InputError
    from train.base import STRIDE
    from train.checkpoint import TOKENIZER, save_checkpoint
    from train.data.vocabulary import write_tokenizer

    if args.input_hw is not None and any(side % STRIDE for side in args.input_hw):
        raise InputError(f"expected an input size in multiples of {STRIDE} px, got {args.input_hw}")
    if args.out.is_dir() and any(args.out.iterdir()):
        raise InputError(f"{args.out} is there already and not empty: name another folder")
    write_tokenizer(vocabulary(), args.out / TOKENIZER)
    make = _one_look if args.base_config in ONE_LOOK_SIZES else _piza
    model, what = make(args)
    save_checkpoint(args.out, model, args.out / TOKENIZER)
    count = sum(parameter.numel() for parameter in model.parameters())
    print(f"{args.out}: {count / 1e6:.1f} M random parameters, {what}")
    return 0


def _piza(args: argparse.Namespace) -> tuple[PizaGrounder, str]:
    from dataclasses import replace

    from sdk.text import Tokenizer
    from train.checkpoint import TOKENIZER
    from train.commands.init import untrained
    from train.models.grounding_dino.config import piza_tiny, swin_t

    words = Tokenizer.from_file(args.out / TOKENIZER, 64).vocabulary_size
    config = swin_t() if args.base_config == "swin-t" else piza_tiny(words)
    if args.input_hw is not None:
        config = replace(config, input_hw=tuple(args.input_hw))
    config = replace(config, name=f"{config.name}-random", method=args.method)
    return untrained(config, args.seed), f"{args.method}, input {config.input_hw}"


def _one_look(args: argparse.Namespace) -> tuple[Model, str]:
    from dataclasses import replace

    from train.families.one_stage import make_model

    config = _published(args.base_config)
    if args.input_hw is not None:
        config = replace(config, input_hw=tuple(args.input_hw))
    config = replace(config, name=f"{config.name}-random")
    model = randomise(make_model(config).eval(), args.seed)
    return model, f"{config.METHOD}, input {config.input_hw}"


def _published(size: str) -> MdetrConfig | TransvgConfig:
    """One of ``ONE_LOOK_SIZES``."""
    from train.models.mdetr import config as mdetr
    from train.models.transvg import config as transvg

    method, _, backbone = size.partition("-")
    if method == "transvg":
        return transvg.published(size, transvg.PUBLISHED[backbone])
    return mdetr.published(size, mdetr.PUBLISHED[backbone], mdetr.input_for(FRAME_HW))


def untrained(config: PizaConfig, seed: int) -> PizaGrounder:
    """A PIZA model with random weights; see ``randomise``."""
    model = randomise(PizaGrounder(config).eval(), seed)
    with torch.no_grad():
        if not config.zooms:  # nobody asks its history encoder: zeros say that it has none
            for parameter in model.history.parameters():
                parameter.zero_()
    return model


def randomise(model: Module, seed: int) -> Module:
    """Random weights also where a fresh model has zeros, so that every path counts.

    Matrices keep the size of what goes through them (LeCun et al. 1998: standard deviation
    1 / sqrt(fan-in)); the rest is drawn with 0.3, our own choice, which sets the candidates' scores
    apart: where all are alike, the best one hangs on the last bit. Batch norms halve what goes
    through, so that it does not grow from block to block of a deep ResNet.
    """
    generator = torch.Generator().manual_seed(seed)
    batch_norms = {
        f"{name}.weight" for name, each in model.named_modules() if isinstance(each, nn.BatchNorm2d)
    }
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            norm = "norm" in name.lower() or name in batch_norms
            plain = not norm and parameter.ndim > 1
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 1
            parameter.normal_(0, fan_in**-0.5 if plain else 0.3, generator=generator)
            if norm and name.endswith("weight"):
                parameter.mul_(0.3).add_(0.5) if name in batch_norms else parameter.add_(1)
    return model
