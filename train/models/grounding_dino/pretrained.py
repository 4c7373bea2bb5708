"""Start from MM-Grounding-DINO weights: a folder in transformers' format."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from transformers import MMGroundingDinoForObjectDetection
from transformers.utils import logging

from sdk.errors import CheckpointError
from train.models.grounding_dino.config import PizaConfig
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.piza.lora import plain_name
from train.models.piza.methods import is_added

# The base model of the published experiments.
PUBLISHED_BASE = "openmmlab-community/mm_grounding_dino_tiny_o365v1_goldg_grit_v3det"


MODEL_TYPE = "mm-grounding-dino"  # in the configuration of transformers' format
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
    architecture = base.config.to_diff_dict()
    model = PizaGrounder(dataclasses.replace(config, base=architecture))
    names = {plain_name(name): name for name in model.base.state_dict()}
    weights = {names.get(name, name): tensor for name, tensor in base.state_dict().items()}
    outcome = model.base.load_state_dict(weights, strict=False)
    missing = [name for name in outcome.missing_keys if not is_added(name)]
    _check_names(folder, missing, outcome.unexpected_keys)
    return model


def _load(folder: Path) -> MMGroundingDinoForObjectDetection:
    _check_type(folder)
    try:
        with _quiet():
            base, found = MMGroundingDinoForObjectDetection.from_pretrained(
                folder, output_loading_info=True, ignore_mismatched_sizes=True
            )
    except Exception as error:  # transformers' checks share no base of their own
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"cannot load the base model {folder}: {reason}") from error
    misshapen = [name for name, *_ in found["mismatched_keys"]]
    _check_names(folder, found["missing_keys"], found["unexpected_keys"], misshapen)
    return base


def _check_type(folder: Path) -> None:
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"cannot load the base model {folder}: expected a config.json with a model_type"
            f" ({error!r:.100})"
        ) from error
    if found != MODEL_TYPE:
        raise CheckpointError(
            f"expected a base of the model type {MODEL_TYPE} in {folder}, found {found!r}"
        )


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
def _quiet() -> Iterator[None]:
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
