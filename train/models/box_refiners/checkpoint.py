"""A checkpoint of the family ``clip-box``: ``config.json``, ``model.safetensors``, and ``clip``, a
folder in transformers' format that the head was trained over."""

from __future__ import annotations

import shutil
from pathlib import Path

from safetensors.torch import save_file

from sdk.errors import CheckpointError
from train.checkpoint import CONFIG, WEIGHTS, load_weights, stored_weights
from train.models.box_refiners.config import BoxConfig
from train.models.box_refiners.heads import Head, make_head
from train.models.clip.public import TOKENIZER, TOKENIZER_CONFIG, PublicClip, open_public_clip
from train.public_folder import PROCESSOR
from train.public_folder import WEIGHTS as CLIP_WEIGHTS
from train.storage import room_for, size_of, whole_file

CLIP = "clip"


def hash_of(opened: PublicClip) -> str:
    """One hash over the files of a CLIP that decide what it says."""
    return opened.folder.provenance((TOKENIZER,))["sha256"]


def save_box(folder: Path, head: Head, opened: PublicClip) -> None:
    """Writes a head and the CLIP that it was trained over; the same CLIP is not written again.

    Raises InputError when it cannot be written; weights that are there stay whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _copy(opened, folder / CLIP)
    weights = {name: each.detach().contiguous() for name, each in head.state_dict().items()}
    with whole_file(folder / WEIGHTS, size_of(weights)) as partial:
        save_file(weights, partial)
        partial.chmod(0o644)  # safetensors makes files that only their owner can read
    with room_for(folder / CONFIG):
        head.config.save(folder / CONFIG)


def load_box(folder: Path) -> tuple[Head, PublicClip]:
    """The head, in eval mode, and its CLIP; every tensor must be accounted for.

    Raises CheckpointError when a file is missing or damaged, or the CLIP is not the one that the
    head was trained over.
    """
    missing = [name for name in (CONFIG, WEIGHTS, CLIP) if not (folder / name).exists()]
    if missing:
        raise CheckpointError(f"expected a checkpoint in {folder}: no {', '.join(missing)}")
    config = BoxConfig.load(folder / CONFIG)
    head = make_head(config)
    load_weights(head, stored_weights(folder))
    opened = open_public_clip(str(folder / CLIP))
    if hash_of(opened) != config.clip["sha256"]:
        raise CheckpointError(
            f"{folder / CLIP} is not the CLIP that {folder / WEIGHTS} was trained over: restore it,"
            " or train again"
        )
    return head.eval(), opened


def _copy(opened: PublicClip, folder: Path) -> None:
    """Copies what a CLIP is made of, unless it is there."""
    source = opened.folder.path
    weights = sorted(source.glob(CLIP_WEIGHTS))
    named = [source / name for name in (CONFIG, TOKENIZER, TOKENIZER_CONFIG, PROCESSOR)]
    index = sorted(source.glob("*.safetensors.index.json"))
    folder.mkdir(exist_ok=True)
    for path in [*weights, *index, *filter(Path.is_file, named)]:
        copy = folder / path.name
        if path.resolve() == copy.resolve() or (
            copy.is_file() and copy.stat().st_size == path.stat().st_size
        ):
            continue
        with whole_file(copy, path.stat().st_size) as partial:
            shutil.copyfile(path, partial)
