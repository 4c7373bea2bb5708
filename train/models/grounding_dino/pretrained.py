"""Start from public weights: a folder in transformers' format, of either of its two classes.

Grounding DINO is MM-Grounding-DINO but for the similarity of features and tokens, which it neither
divides by the root of their width nor shifts: our model knows both, in MM-Grounding-DINO's modules.
"""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import GroundingDinoForObjectDetection, MMGroundingDinoForObjectDetection
from transformers.utils import logging

from sdk.errors import CheckpointError, first_line
from train.models.grounding_dino.config import PizaConfig
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.piza.lora import plain_name
from train.models.piza.methods import is_added

# The base model of the published experiments.
PUBLISHED_BASE = "openmmlab-community/mm_grounding_dino_tiny_o365v1_goldg_grit_v3det"


PLAIN = "grounding-dino"  # whose similarity is the dot product as it is
CLASSES = {  # by the model_type of transformers' format
    "mm-grounding-dino": MMGroundingDinoForObjectDetection,
    PLAIN: GroundingDinoForObjectDetection,
}
REFINE_EPS = 1e-5  # what transformers runs these weights with
# Of the configuration: what tells the classes apart, and is said by ours elsewhere.
_OF_ITS_CLASS = ("architectures", "model_type", "two_stage", "two_stage_bbox_embed_share")
# Counters and tables that follow from the architecture: some versions store them.
_NOT_LEARNED = ("num_batches_tracked", "position_ids", "relative_position_index")
LISTED = 5


def from_pretrained(folder: str | Path, config: PizaConfig) -> PizaGrounder:
    """A model with the weights of ``folder`` and fresh adapters.

    ``config`` says everything but the architecture, which is that of the weights. Raises
    CheckpointError when ``folder`` cannot be loaded, is of another type of model, or when a tensor
    is missing, misshapen or has no place: a layer at random would train without a word.
    """
    base = _load(Path(folder))
    plain = base.config.model_type == PLAIN
    known = base.config.to_diff_dict()
    architecture = {key: value for key, value in known.items() if key not in _OF_ITS_CLASS}
    model = PizaGrounder(
        dataclasses.replace(
            config, base=architecture, scaled_similarity=not plain, refine_eps=REFINE_EPS
        )
    )
    names = {plain_name(name): name for name in model.base.state_dict()}
    weights = {names.get(name, name): tensor for name, tensor in base.state_dict().items()}
    if plain:  # nothing is added to its dot products: its heads have no tensors
        heads = (name for name in model.base.state_dict() if "class_embed." in name)
        weights |= {name: torch.zeros(()) for name in heads}
    outcome = model.base.load_state_dict(weights, strict=False)
    missing = [name for name in outcome.missing_keys if not is_added(name)]
    _check_names(folder, missing, outcome.unexpected_keys)
    return model


def _load(folder: Path) -> Any:
    """The folder's model, of one of ``CLASSES``."""
    known = CLASSES[_type_of(folder)]
    try:
        with quiet():
            base, found = known.from_pretrained(
                folder, output_loading_info=True, ignore_mismatched_sizes=True
            )
    except Exception as error:  # transformers' checks share no base of their own
        reason = first_line(error)
        raise CheckpointError(f"cannot load the base model {folder}: {reason}") from error
    misshapen = [name for name, *_ in found["mismatched_keys"]]
    _check_names(folder, found["missing_keys"], found["unexpected_keys"], misshapen)
    if (positions := base.config.position_embedding_type) != "sine":
        raise CheckpointError(
            f"cannot load the base model {folder}: expected the position_embedding_type sine, as"
            f" all published weights have it, found {positions}"
        )
    return base


def _type_of(folder: Path) -> str:
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"cannot load the base model {folder}: expected a config.json with a model_type"
            f" ({error!r:.100})"
        ) from error
    if not isinstance(found, str) or found not in CLASSES:
        raise CheckpointError(
            f"expected a base of the model type {' or '.join(CLASSES)} in {folder}, found {found!r}"
        )
    return found


def _check_names(
    folder: str | Path,
    missing: Iterable[str],
    unexpected: Iterable[str],
    misshapen: Iterable[str] = (),
) -> None:
    kinds = {"missing": missing, "without a place": unexpected, "of another shape": misshapen}
    problems = []
    for what, names in kinds.items():
        learned = sorted(name for name in names if not name.endswith(_NOT_LEARNED))
        if learned:
            more = f" and {len(learned) - LISTED} more" if len(learned) > LISTED else ""
            listed = ", ".join(learned[:LISTED])
            problems.append(f"{len(learned)} tensors {what}: {listed}{more}")
    if problems:
        raise CheckpointError(f"the base model {folder} is incomplete: {'; '.join(problems)}")


@contextmanager
def quiet() -> Iterator[None]:
    """transformers' own report is hundreds of lines; what counts is said in an error."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
