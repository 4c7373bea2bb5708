"""Starting from a checkpoint of nearly the same model: every tensor that fits is taken over."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer

from sdk.errors import CheckpointError
from train.checkpoint import TOKENIZER, load_checkpoint
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.piza.methods import is_added

WORDS = "base.model.text_backbone.embeddings.word_embeddings.weight"


def inherit(model: PizaGrounder, tokenizer_file: Path, folder: Path) -> str:
    """Gives ``model`` what it shares with the checkpoint in ``folder``; says what it does not.

    Embeddings go by the word, so that the vocabularies may differ. What the model's method adds to
    the base stays fresh, unless the checkpoint is of the same method.

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
            if name == WORDS and given is not None and given.shape[1:] == tensor.shape[1:]:
                tensor[[ours[w] for w in shared]] = given[[known[w] for w in shared]].to(tensor)
            elif given is not None and given.shape == tensor.shape:
                tensor.copy_(given)
            else:
                fresh.append(name)
    said = f"taken from {folder}: {len(own) - len(fresh)} of {len(own)} tensors"
    if fresh:
        said += f" (not {', '.join(fresh[:3])}{' and more' if fresh[3:] else ''})"
    return f"{said}, {len(shared)} of {len(ours)} words"


def _ids(tokenizer_file: Path) -> dict[str, int]:
    return dict(Tokenizer.from_file(str(tokenizer_file)).get_vocab(with_added_tokens=True))
