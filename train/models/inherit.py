"""Starting from a checkpoint of nearly the same model: every tensor that fits is taken over.

A wider layer goes on as the narrower one (Chen et al. 2016, Net2Net): its first channels are the
given ones, which hear nothing of the new channels yet.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from sdk.errors import CheckpointError
from train.checkpoint import TOKENIZER, load_checkpoint
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.piza.methods import is_added

WORDS = "base.model.text_backbone.embeddings.word_embeddings.weight"


def inherit(model: PizaGrounder, tokenizer_file: Path, folder: Path) -> str:
    """Gives ``model`` what it shares with the checkpoint in ``folder``; says what it does not.

    Embeddings go by the word, so that the vocabularies may differ. Layers may be wider than the
    checkpoint's. What the model's method adds to the base stays fresh, unless the checkpoint is of
    the same method.

    Raises:
        CheckpointError: the checkpoint cannot be read, or was adapted by another method: its base
            alone is not what was trained.
    """
    other, _ = load_checkpoint(folder)
    own, theirs = model.state_dict(), other.state_dict()
    if other.config.method != model.config.method and any(map(is_added, theirs)):
        raise CheckpointError(
            f"the checkpoint {folder} was adapted by {other.config.method}: expected one of"
            f" {model.config.method}, full or zero-shot"
        )
    ours, known = (_ids(file) for file in (tokenizer_file, folder / TOKENIZER))
    shared = sorted(ours.keys() & known.keys())
    fresh = []
    with torch.no_grad():
        for name, tensor in own.items():
            given = theirs.get(name)
            if given is None or not _fits_into(given if name != WORDS else given[:0], tensor):
                fresh.append(name)
            elif name == WORDS:
                rows, width = [ours[w] for w in shared], given.shape[1]
                tensor[rows, :width] = given[[known[w] for w in shared]].to(tensor)
            else:
                _take(tensor, given.to(tensor))
    said = f"taken from {folder}: {len(own) - len(fresh)} of {len(own)} tensors"
    if fresh:
        said += f" (not {', '.join(fresh[:3])}{' and more' if fresh[3:] else ''})"
    return f"{said}, {len(shared)} of {len(ours)} words"


def _fits_into(given: Tensor, tensor: Tensor) -> bool:
    """Whether a tensor is another's, or that of a wider layer: more channels, nothing else."""
    alike = given.ndim == tensor.ndim and given.shape[2:] == tensor.shape[2:]
    return alike and all(a <= b for a, b in zip(given.shape[:2], tensor.shape[:2], strict=True))


def _take(tensor: Tensor, given: Tensor) -> None:
    """Makes the first channels of ``tensor`` the given ones, which read no others."""
    tensor[tuple(slice(size) for size in given.shape[:2])] = given
    if given.ndim > 1:
        tensor[: len(given), given.shape[1] :] = 0.0


def _ids(tokenizer_file: Path) -> dict[str, int]:
    return dict(Tokenizer.from_file(str(tokenizer_file)).get_vocab(with_added_tokens=True))
