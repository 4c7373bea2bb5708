"""``python -m train import``: the authors' weights as a checkpoint of ours."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--base", type=Path, required=True, help="MM-Grounding-DINO: .pth or .safetensors"
    )
    parser.add_argument(
        "--piza",
        type=Path,
        default=None,
        help="adapters, norms, history encoder, over the base",
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument(
        "--vocab", type=Path, default=None, help="BERT's vocab.txt; the hub's by default"
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=None,
        help="JSON, part of a checkpoint's config.json: what the tensors do not show (such as"
        " BERT's number of heads) or what shall be different (such as input_hw)",
    )


def run(args: argparse.Namespace) -> int:
    from train.mmdet.convert import import_checkpoint

    overrides = {} if args.config is None else _read_object(args.config)
    report = import_checkpoint(args.base, args.piza, args.out, args.vocab, overrides)
    config, base = report.config, report.config.base
    print(
        f"{report.base} tensors of the base, {report.overridden} of them replaced by the"
        f" {report.piza} of the PIZA file; {report.dropped} not needed\n"
        f"Swin {base['backbone_config']['embed_dim']}, {base['encoder_layers']} encoder and"
        f" {base['decoder_layers']} decoder layers, {base['num_queries']} queries; {config.method}"
        + (f" of width {config.bottleneck}" if config.zooms else "")
        + f"\ncheckpoint in {args.out}; its threshold is not calibrated"
    )
    return 0


def _read_object(path: Path) -> dict[str, Any]:
    from sdk.errors import InputError

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the configuration {path}: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"expected an object in {path}, got {type(content).__name__}")
    return content
