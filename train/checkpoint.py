"""A checkpoint folder: ``config.json``, ``model.safetensors``, ``tokenizer.json``."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from sdk.engine.folder import file_sha256
from sdk.errors import CheckpointError, EngineError
from sdk.text import Tokenizer
from train.models.grounding_dino.config import PizaConfig
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.piza.lora import plain_name
from train.models.piza.methods import is_added
from train.storage import room_for, size_of, whole_file

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"


class Kept(Protocol):
    """A module whose configuration says how it is built again."""

    config: Any

    def state_dict(self, *, keep_vars: bool) -> dict[str, torch.Tensor]: ...


def save_checkpoint(folder: Path, model: Kept, tokenizer_file: Path) -> None:
    """Writes a model and its configuration; weights in half precision, which halves the file.

    Raises InputError when it cannot be written; weights that are there stay whole.
    """
    weights = {}
    for name, tensor in _own_tensors(model).items():
        weights[name] = (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / WEIGHTS, size_of(weights)) as partial:
        save_file(weights, partial)
        partial.chmod(0o644)  # safetensors makes files that only their owner can read
    with room_for(folder / CONFIG):
        model.config.save(folder / CONFIG)
        if tokenizer_file.resolve() != (folder / TOKENIZER).resolve():
            shutil.copyfile(tokenizer_file, folder / TOKENIZER)


def load_checkpoint(folder: Path) -> tuple[PizaGrounder, Tokenizer]:
    """The model in eval mode, float32, and its tokenizer; every tensor must be accounted for.

    Raises CheckpointError when a file is missing or damaged, or a name or shape does not fit.
    """
    check_complete(folder)
    model = PizaGrounder(PizaConfig.load(folder / CONFIG))
    load_weights(model, stored_weights(folder))
    try:
        tokenizer = Tokenizer.from_file(folder / TOKENIZER, model.config.max_tokens)
    except EngineError as error:
        raise CheckpointError(str(error)) from error
    return model.eval(), tokenizer


def check_complete(folder: Path) -> None:
    """Raises CheckpointError where a file of a checkpoint is missing."""
    missing = [name for name in (CONFIG, WEIGHTS, TOKENIZER) if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(f"expected a checkpoint in {folder}: no {', '.join(missing)}")


def stored_weights(folder: Path) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint by name, in float32; raises CheckpointError for a bad file."""
    try:
        stored = load_file(folder / WEIGHTS)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"cannot read {folder / WEIGHTS}: {error}") from error
    return {name: _single(tensor) for name, tensor in stored.items()}


def checkpoint_sha256(folder: Path) -> str:
    """One hash over everything that a checkpoint says: config, weights, tokenizer if it has one."""
    names = [CONFIG, WEIGHTS, *([TOKENIZER] if (folder / TOKENIZER).is_file() else [])]
    together = "".join(file_sha256(folder / name) for name in names)
    return hashlib.sha256(together.encode()).hexdigest()


def load_weights(model: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Loads a dict of ``_own_tensors``; shared tensors are stored once."""
    expected = _own_tensors(model)
    if expected.keys() != weights.keys():
        gone = sorted(expected.keys() - weights.keys())[:5]
        extra = sorted(weights.keys() - expected.keys())[:5]
        raise CheckpointError(f"the weights do not fit the model: missing {gone}, unknown {extra}")
    try:
        model.load_state_dict(weights, strict=False)  # names were compared above
    except RuntimeError as error:
        raise CheckpointError(f"the weights do not fit the model: {error}") from error


def start_from(model: PizaGrounder, folder: Path) -> None:
    """Gives ``model`` the weights of a checkpoint of the same architecture.

    What the model's method adds to the base stays fresh, unless the checkpoint is of the same
    method. Raises CheckpointError when the checkpoint cannot be read or does not fit, or was
    adapted by another method: its base alone is not what was trained.
    """
    other, _ = load_checkpoint(folder)
    if other.config.base != model.config.base:
        raise CheckpointError(f"the checkpoint {folder} is of another architecture than this run's")
    own, theirs = _own_tensors(model), _own_tensors(other)
    if other.config.method != model.config.method and any(map(is_added, theirs)):
        raise CheckpointError(
            f"the checkpoint {folder} was adapted by {other.config.method}: expected one of"
            f" {model.config.method}, full or zero-shot"
        )
    names = {plain_name(name): name for name in own}
    fresh = {name: tensor for name, tensor in own.items() if is_added(name)}
    load_weights(model, fresh | {names.get(plain_name(n), n): t for n, t in theirs.items()})


def _own_tensors(model: Kept | nn.Module) -> dict[str, torch.Tensor]:
    """The state, each tensor under its first name only (the box heads are shared)."""
    seen: set[int] = set()
    own = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            own[name] = tensor.detach()
    return own


def _single(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
