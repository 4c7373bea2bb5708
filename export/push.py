"""An engine or a checkpoint to a repository of the Hugging Face hub, with a card that says what it
is: all in one commit, so that nobody ever fetches half of it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.model_card import checkpoint_card, engine_card
from sdk.engine.folder import MANIFEST_FILE, read_manifest, verify_files
from sdk.engine.proof import require_proof
from sdk.errors import CheckpointError, EngineError, InputError, first_line
from sdk.hub import SIGN_IN, unreachable

CARD = "README.md"
_CONFIG, _WEIGHTS = "config.json", "model.safetensors"
# What checkpoints are made of, beside what training leaves near them. That of a few-shot detector
# has a CLIP in a folder.
_CHECKPOINT = (_CONFIG, _WEIGHTS, "tokenizer.json", "preprocessor_config.json", "clip/*")
_NOT_ALLOWED = (401, 403)


@dataclass(frozen=True)
class Parcel:
    """What goes to the hub.

    Attributes:
        folder: the engine or the checkpoint.
        files: of the folder, by their names in it, which they keep.
        card: the model card.
    """

    folder: Path
    files: tuple[str, ...]
    card: str


def packed(folder: Path, repo: str, licence: str | None, allow_unproven: bool) -> Parcel:
    """Makes a parcel of an engine or a checkpoint, after a look at whether it is whole.

    Args:
        folder: the engine or the checkpoint.
        repo: the id that it gets on the hub, for the card.
        licence: the hub's identifier of a licence; without one the card names none.
        allow_unproven: take an engine without a passing certificate.

    Raises:
        InputError: the folder is neither.
        EngineError: the engine is damaged, altered or not proven.
        CheckpointError: a file of the checkpoint is missing or damaged.
    """
    if (folder / MANIFEST_FILE).is_file():
        manifest = read_manifest(folder)
        verify_files(folder, manifest)
        if not allow_unproven:
            require_proof(folder, manifest)
        card = engine_card(manifest, folder, repo, licence)
        return Parcel(folder, (MANIFEST_FILE, *manifest.files), card)
    if not (folder / _CONFIG).is_file():
        raise InputError(
            f"expected an engine ({MANIFEST_FILE}) or a checkpoint ({_CONFIG}), found neither at"
            f" {folder}"
        )
    card = checkpoint_card(_config(folder), _parameters(folder), repo, licence)
    found = [path for pattern in _CHECKPOINT for path in sorted(folder.glob(pattern))]
    names = [path.relative_to(folder).as_posix() for path in found if path.is_file()]
    return Parcel(folder, tuple(names), card)


def push(parcel: Parcel, repo: str, private: bool) -> str:
    """Commits a parcel to a repository, which is made if it is not there yet.

    Args:
        parcel: what ``packed`` made.
        repo: the repository's id, "owner/name".
        private: make a new repository one that only its owner sees.

    Returns:
        The address of the commit.

    Raises:
        InputError: ``repo`` is no id.
        EngineError: the hub cannot be reached, does not let this user write there, or refuses.
    """
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    refused = unreachable()
    if refused:
        raise EngineError(f"the hub cannot be reached ({refused}): nothing was pushed to {repo}")
    added = [CommitOperationAdd(name, parcel.folder / name) for name in parcel.files]
    card = CommitOperationAdd(CARD, parcel.card.encode())
    api = HfApi()
    try:
        api.create_repo(repo, private=private, exist_ok=True)
        done = api.create_commit(repo, [*added, card], commit_message="Push by piza-edge")
    except HFValidationError as error:
        raise InputError(f"{repo} is no id of the hub: expected owner/name") from error
    except HfHubHTTPError as error:
        if error.response.status_code in _NOT_ALLOWED:
            raise EngineError(
                f"the hub does not let you write to {repo}: {SIGN_IN}, of an account and with a"
                " token that may"
            ) from error
        raise EngineError(_refusal(repo, error)) from error
    except Exception as error:  # of the network, of the disk, of a card: they share no base
        raise EngineError(_refusal(repo, error)) from error
    return str(done.commit_url)


def _refusal(repo: str, error: Exception) -> str:
    return f"cannot push to {repo} on the hub: {first_line(error)}"


def _config(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {folder / _CONFIG}: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        raise CheckpointError(f"{folder / _CONFIG} is of no checkpoint of ours: it has no name")
    return found


def _parameters(folder: Path) -> int:
    """How many numbers the weights are; their file's header tells, no weight is read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / _WEIGHTS, framework="numpy") as weights:
            names = weights.keys()  # it is no mapping
            return sum(math.prod(weights.get_slice(name).get_shape()) for name in names)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"cannot read {folder / _WEIGHTS}: {error}") from error
