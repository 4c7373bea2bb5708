"""Weights of others as a model of ours: every one of their tensors has a place or a reason, every
one of ours has come.

The names are those of DETR's code, which MDETR's and TransVG's took over.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn

from sdk.errors import CheckpointError, InputError
from train.checkpoint import load_weights
from train.mmdet.convert import HALF_MAX
from train.mmdet.files import read_weights
from train.mmdet.names import Rule, as_is, in_three, regex, translate
from train.models.detr.config import OneLookConfig

# What a file has around its weights. MDETR's averaged ones are those that it was evaluated with.
WRAPPERS = ("model_ema", "model")
HEAD_WIDTH = 64  # of text encoders; shapes do not show it
_COUNTER = "num_batches_tracked"  # of batch norms, which frozen ones have none of
_LISTED = 20  # names in a message

Shapes = Mapping[str, Tensor]
C = TypeVar("C", bound=OneLookConfig)


@dataclass(frozen=True)
class Imported:
    """How many tensors the file had, and which of them were left out on purpose."""

    tensors: int
    dropped: tuple[str, ...]


def read_published(path: Path) -> dict[str, Tensor]:
    """The tensors of a published file by name.

    Raises InputError for a file that is not there, CheckpointError for one without weights.
    """
    return read_weights(path, WRAPPERS)


def fill(model: nn.Module, state: Shapes, table: Iterable[Rule]) -> Imported:
    """Gives ``model`` the tensors of ``state`` by the rules of ``table``, and leaves it in eval
    mode.

    Raises CheckpointError for tensors that are unknown, missing, misshapen.
    """
    found = translate(state, table)
    expected = {k: v for k, v in model.state_dict().items() if not k.endswith(_COUNTER)}
    problems = {
        "unknown": list(found.unknown),
        "missing (by our names)": [name for name in expected if name not in found.tensors],
        "without a place in the model": [
            found.sources[name] for name in found.tensors if name not in expected
        ],
        "misshapen": [
            f"{found.sources[name]}: expected {tuple(expected[name].shape)}, got"
            f" {tuple(tensor.shape)}"
            for name, tensor in found.tensors.items()
            if name in expected and tensor.shape != expected[name].shape
        ],
    }
    problems["not finite in half precision"] = [
        found.sources[name]
        for name, tensor in found.tensors.items()
        if tensor.is_floating_point() and not (tensor.float().abs() <= HALF_MAX).all()
    ]
    said = [f"{len(names)} {what}: {_listed(names)}" for what, names in problems.items() if names]
    if said:
        raise CheckpointError(f"the tensors do not make this model: {'; '.join(said)}")
    counters = {k: v for k, v in model.state_dict().items() if k.endswith(_COUNTER)}
    load_weights(model, {k: v.float() for k, v in found.tensors.items()} | counters)
    model.eval()
    return Imported(len(state), found.dropped)


def backbone_of(state: Shapes, prefix: str) -> dict[str, Any]:
    """The image backbone whose tensors begin with ``prefix``, as ``make_backbone`` takes it."""
    if f"{prefix}conv_stem.weight" in state:
        return _efficientnet(state, prefix)
    stages = count(state, f"{prefix}layer")
    first = [size(state, f"{prefix}layer{k + 1}.0.conv1.weight", 0) for k in range(stages)]
    return {
        "kind": "resnet",
        "stem": size(state, f"{prefix}conv1.weight", 0),
        "planes": first,
        "blocks": [count(state, f"{prefix}layer{k + 1}.") for k in range(stages)],
    }


def text_of(state: Shapes, prefix: str, **known: Any) -> dict[str, Any]:
    """The text encoder whose tensors begin with ``prefix``, as ``TextEncoder`` takes it."""
    table, layer = f"{prefix}embeddings", f"{prefix}encoder.layer."
    words = f"{table}.word_embeddings.weight"
    width = size(state, words, 1)
    return {
        "vocab_size": size(state, words, 0),
        "hidden_size": width,
        "num_hidden_layers": count(state, layer),
        "num_attention_heads": max(width // HEAD_WIDTH, 1),
        "intermediate_size": size(state, f"{layer}0.intermediate.dense.weight", 0),
        "max_position_embeddings": size(state, f"{table}.position_embeddings.weight", 0),
        "type_vocab_size": size(state, f"{table}.token_type_embeddings.weight", 0),
        **known,
    }


def encoder_rules(theirs: str, ours: str) -> list[Rule]:
    """The encoder layers ``theirs`` (``transformer.encoder.layers``) as ``ours``."""
    layer = rf"{ours}.\1"
    plain = {
        f"{theirs}.#.linear1.*": rf"{layer}.forward_part.linear1.\2",
        f"{theirs}.#.linear2.*": rf"{layer}.forward_part.linear2.\2",
        f"{theirs}.#.norm1.*": rf"{layer}.norm1.\2",
        f"{theirs}.#.norm2.*": rf"{layer}.norm2.\2",
    }
    return [*attention_rules(f"{theirs}.#.self_attn", f"{layer}.attention"), *plain_rules(plain)]


def attention_rules(theirs: str, ours: str) -> list[Rule]:
    """PyTorch's attention, whose query, key and value are one tensor, as ours."""
    parts = tuple(rf"{ours}.{name}.\2" for name in ("query", "key", "value"))
    stacked = Rule(regex(f"{theirs}.in_proj_*"), parts, in_three)
    return [stacked, *plain_rules({f"{theirs}.out_proj.*": rf"{ours}.out.\2"})]


def plain_rules(table: Mapping[str, str | None]) -> list[Rule]:
    """Pattern -> template, or None for what is known and left out; the tensor stays as it is."""
    return [
        Rule(regex(pattern), () if template is None else (template,), as_is)
        for pattern, template in table.items()
    ]


def changed(config: C, overrides: Mapping[str, Any]) -> C:
    """A configuration with some of its values replaced, those of ``text`` and ``backbone`` one by
    one; raises InputError for a value that it does not have."""
    known = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    strange = sorted(set(overrides) - set(known))
    if strange:
        raise InputError(f"a configuration has no {strange}; it has {sorted(known)}")
    values: dict[str, Any] = {}
    for name, value in overrides.items():
        old = known[name]
        if isinstance(old, Mapping) != isinstance(value, Mapping):
            raise InputError(f"expected {name!r} to be something like {old}, got {value!r}")
        merged = {**old, **value} if isinstance(old, Mapping) else value
        values[name] = tuple(merged) if isinstance(merged, list) else merged
    return dataclasses.replace(config, **values)


def size(state: Shapes, name: str, axis: int) -> int:
    """A side of a tensor; raises CheckpointError where it is missing or has no such side."""
    if name not in state:
        raise CheckpointError(f"found no {name}: expected it among the tensors of the checkpoint")
    shape = state[name].shape
    if len(shape) <= axis:
        raise CheckpointError(f"{name} has an unexpected shape {tuple(shape)}")
    return shape[axis]


def count(state: Shapes, prefix: str) -> int:
    """How many different numbers come behind ``prefix``."""
    number = re.compile(re.escape(prefix) + r"(\d+)\.")
    return len({match[1] for name in state if (match := number.match(name))})


def _efficientnet(state: Shapes, prefix: str) -> dict[str, Any]:
    """Strides and expansions leave no trace in what is stored but the published ones' do not vary:
    halved before stages 1, 2, 3 and 5."""
    stages, channels = [], size(state, f"{prefix}conv_stem.weight", 0)
    stem = channels
    for stage in range(count(state, f"{prefix}blocks.")):
        first = f"{prefix}blocks.{stage}.0"
        last = "conv_pwl" if f"{first}.conv_pwl.weight" in state else "conv_pw"
        inside = size(state, f"{first}.conv_dw.weight", 0)
        out = size(state, f"{first}.{last}.weight", 0)
        blocks = count(state, f"{prefix}blocks.{stage}.")
        kernel = size(state, f"{first}.conv_dw.weight", 2)
        stages.append([inside // channels, out, blocks, kernel, 2 if stage in (1, 2, 3, 5) else 1])
        channels = out
    return {"kind": "efficientnet", "stem": stem, "stages": stages}


def _listed(names: list[str]) -> str:
    rest = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")
