"""mmdetection's base checkpoint and a PIZA file over it -> a checkpoint folder of ours."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdk.errors import CheckpointError, InputError
from sdk.text import Tokenizer
from train.checkpoint import TOKENIZER, load_weights, save_checkpoint
from train.mmdet.architecture import read_config
from train.mmdet.files import read_weights
from train.mmdet.names import SWIN, belongs_to_piza, rules, translate
from train.mmdet.vocabulary import from_vocab
from train.models.grounding_dino.config import PizaConfig
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.piza.history import BoxHistoryEncoder

LISTED = 40  # names in a message
HALF_MAX = torch.finfo(torch.float16).max  # checkpoints are stored in half precision

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Converted:
    """``weights`` by our names, ``sources`` says what the files call them; ``dropped`` tensors are
    known and not needed."""

    config: PizaConfig
    weights: dict[str, Tensor]
    sources: dict[str, str]
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """Numbers of tensors: in the base file, in the PIZA file, of the latter those that override
    one of the base's, and those that were left out."""

    config: PizaConfig
    base: int
    piza: int
    overridden: int
    dropped: int


def import_checkpoint(
    base: Path,
    piza: Path | None,
    folder: Path,
    vocab: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Report:
    """Converts the files and writes ``folder``; nothing is written when anything is wrong.

    base: MM-Grounding-DINO by mmdetection's names. piza: adapters, zoom embedding, history
    encoder, and the norms trained with them, which override the base's; None when the base file
    has them too, or for the base alone, whose method is ``zero-shot`` then. vocab: BERT's
    ``vocab.txt``; that of bert-base-uncased from the hub by default. overrides: see
    ``read_config``. Raises CheckpointError for files that cannot be read and for unknown, missing
    or misshapen tensors, InputError for files that are not there.
    """
    states = [read_weights(path) for path in (base, piza) if path is not None]
    if piza is not None and not any(map(belongs_to_piza, states[1])):
        raise CheckpointError(f"found neither adapters nor a history encoder in {piza}")
    converted = convert(states, folder.resolve().name, overrides or {})
    model = build(converted)
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer_file = Path(scratch) / TOKENIZER
        from_vocab(vocab, tokenizer_file)
        _check_vocabulary(converted.config, tokenizer_file)
        save_checkpoint(folder, model, tokenizer_file)
    return Report(
        converted.config,
        base=len(states[0]),
        piza=sum(map(len, states[1:])),
        overridden=sum(name in states[0] for state in states[1:] for name in state),
        dropped=len(converted.dropped),
    )


def convert(states: Sequence[State], name: str, overrides: Mapping[str, Any]) -> Converted:
    """Renames and rearranges the tensors of ``states``, of which later ones override earlier ones.

    Raises CheckpointError for a tensor whose name is unknown; ``build`` looks for missing ones.
    """
    config = read_config({k: v for state in states for k, v in state.items()}, name, overrides)
    table = rules(
        config.base["decoder_layers"],
        len(config.base["backbone_config"]["out_indices"]),
        config.base["num_feature_levels"],
    )
    translations = [translate(state, table) for state in states]
    unknown = [name for each in translations for name in each.unknown]
    if unknown:
        raise CheckpointError(f"unknown tensors: {_listed(unknown)}")
    weights = {k: v for each in translations for k, v in each.tensors.items()}
    sources = {k: v for each in translations for k, v in each.sources.items()}
    dropped = tuple(name for each in translations for name in each.dropped)
    told = any(".emb_proj." in name for name in weights)
    return Converted(config, _unpublished(config, told) | weights, sources, dropped)


def build(converted: Converted) -> PizaGrounder:
    """The model with exactly these weights, in eval mode; raises CheckpointError when they do not
    fit it, or do not fit half precision, in which checkpoints are stored."""
    try:
        model = PizaGrounder(converted.config)
    except Exception as error:  # transformers' checks share no base of their own
        raise CheckpointError(f"there is no model of this configuration: {error}") from error
    check_fit(model, converted)
    large = [
        converted.sources[name]
        for name, tensor in converted.weights.items()
        if name in converted.sources and not (tensor.float().abs() <= HALF_MAX).all()
    ]
    if large:
        raise CheckpointError(f"not finite in half precision: {_listed(large)}")
    load_weights(model, converted.weights)
    return model.eval()


def check_fit(model: PizaGrounder, converted: Converted) -> None:
    """Raises CheckpointError unless names and shapes are those of ``model``, all of them."""
    expected = {name: tensor.shape for name, tensor in model.named_parameters()}
    missing = [name for name in expected if name not in converted.weights]
    problems = {
        "missing from the base (by our names)": [n for n in missing if n.startswith("base.")],
        "missing from the PIZA file (by our names)": [
            name for name in missing if not name.startswith("base.")
        ],
        "without a place in the model": [
            converted.sources.get(name, name) for name in converted.weights if name not in expected
        ],
        "misshapen": [
            f"{converted.sources.get(name, name)}: expected {tuple(expected[name])}, got"
            f" {tuple(tensor.shape)}"
            for name, tensor in converted.weights.items()
            if name in expected and tensor.shape != expected[name]
        ],
    }
    found = [f"{len(names)} {what}: {_listed(names)}" for what, names in problems.items() if names]
    if found:
        raise CheckpointError(f"the tensors do not make a model: {'; '.join(found)}")


def _unpublished(config: PizaConfig, told: bool) -> dict[str, Tensor]:
    """What our model has and the files lack, as values that change no result.

    transformers' Swin ends in a norm that no feature map passes. The authors' demo has image
    adapters that are not ``told`` the progress: none projects the zoom embedding. The base alone
    answers in one step and never asks its history encoder.
    """
    swin, width = config.base["backbone_config"], config.base["d_model"]
    channels = swin["embed_dim"] * 2 ** (len(swin["depths"]) - 1)
    made = {
        f"{SWIN}.swin.layernorm.weight": torch.ones(channels),
        f"{SWIN}.swin.layernorm.bias": torch.zeros(channels),
    }
    if not config.zooms:
        encoder = BoxHistoryEncoder().state_dict()
        return made | {f"history.{k}": torch.zeros_like(v) for k, v in encoder.items()}
    for layer in range(0 if told else config.base["encoder_layers"]):
        for adapter in ("adapter1", "adapter2"):
            projection = f"adapters.{layer}.{adapter}.emb_proj"
            made[f"{projection}.weight"] = torch.zeros(width, config.zoom_dim)
            made[f"{projection}.bias"] = torch.zeros(width)
    return made


def _check_vocabulary(config: PizaConfig, tokenizer_file: Path) -> None:
    words = Tokenizer.from_file(tokenizer_file, config.max_tokens).vocabulary_size
    rows = config.base["text_config"]["vocab_size"]
    if words != rows:
        raise InputError(
            f"expected a vocabulary of {rows} words, as the checkpoint's BERT has, got {words}:"
            " name its vocab.txt"
        )


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {rest} more" if rest > 0 else "")
