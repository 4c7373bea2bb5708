"""``python -m train import``: weights of others as a checkpoint of ours."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--base", type=Path, help="MM-Grounding-DINO: .pth or .safetensors")
    source.add_argument("--mdetr", type=Path, metavar="FILE", help="MDETR's .pth")
    source.add_argument("--transvg", type=Path, metavar="FILE", help="TransVG's .pth")
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
        "--tokenizer",
        type=Path,
        default=None,
        help="RoBERTa's tokenizer.json, for --mdetr; the hub's by default",
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=None,
        help="JSON, part of a checkpoint's config.json: what the tensors do not show (such as"
        " BERT's number of heads) or what shall be different (such as input_hw)",
    )


def run(args: argparse.Namespace) -> int:
    overrides = {} if args.config is None else _read_object(args.config)
    if args.base is None:
        return _one_look(args, overrides)
    from train.mmdet.convert import import_checkpoint

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


def _one_look(args: argparse.Namespace, overrides: dict[str, Any]) -> int:
    """MDETR or TransVG; nothing is written when anything is wrong."""
    from tempfile import TemporaryDirectory

    from train.checkpoint import TOKENIZER, save_checkpoint
    from train.families.one_stage import check_tokenizer
    from train.mmdet.vocabulary import from_vocab
    from train.models.mdetr.published import copy_tokenizer, import_mdetr
    from train.models.transvg.published import import_transvg

    name = args.out.resolve().name
    if args.mdetr is not None:
        model, report = import_mdetr(args.mdetr, name, overrides)
    else:
        model, report = import_transvg(args.transvg, name, overrides)
    with TemporaryDirectory() as scratch:
        tokenizer_file = Path(scratch, TOKENIZER)
        if args.mdetr is not None:
            copy_tokenizer(args.tokenizer, tokenizer_file)
        else:
            from_vocab(args.vocab, tokenizer_file)
        check_tokenizer(model, tokenizer_file)
        save_checkpoint(args.out, model, tokenizer_file)
    config = model.config
    height, width = config.input_hw
    print(
        f"{report.tensors} tensors, {len(report.dropped)} of them not needed\n"
        f"{config.METHOD} with {config.backbone['kind']} {config.backbone.get('blocks', '')},"
        f" {config.layers} layers of width {config.width}; input {height}x{width}\n"
        f"checkpoint in {args.out}; its threshold is not calibrated"
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
