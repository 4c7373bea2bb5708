"""Families in training: which one a checkpoint belongs to, and how it is loaded. One module each,
of the name that the family has in ``sdk.families``."""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any, cast

from sdk.errors import CheckpointError
from train.families.family import TorchNetwork, TrainedModel, TrainFamily
from train.models.piza.methods import METHODS

__all__ = ["TorchNetwork", "TrainedModel", "load", "name_of"]

CONFIG = "config.json"


def load(folder: Path) -> TrainedModel:
    """The model in a checkpoint folder, on the CPU, in eval mode.

    Raises:
        CheckpointError: it is no checkpoint, of a family that is not known, or damaged.
    """
    family = _family_of(_read(folder), folder)
    module = importlib.import_module(f"{__name__}.{family.replace('-', '_')}")
    return cast(TrainFamily, module.FAMILY).load(folder)


def name_of(folder: Path) -> str:
    """The name of the model in a checkpoint folder, which is not loaded for it.

    Raises:
        CheckpointError: the folder is no checkpoint.
    """
    name = _read(folder).get("name")
    if not isinstance(name, str) or not name:
        raise CheckpointError(f"{folder / CONFIG}: expected a model's name, got {name!r}")
    return name


def _read(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{folder / CONFIG} is not the configuration of a model: {error!r}"
        ) from error
    if not isinstance(record, dict):
        raise CheckpointError(f"{folder / CONFIG} is not the configuration of a model: no object")
    return record


def _family_of(record: dict[str, Any], folder: Path) -> str:
    """``family``; the two first ones tell themselves apart by their method."""
    method = METHODS.get(str(record.get("method")))
    implied = None if method is None else "piza" if method.zooms else "grounding-dino"
    family = record.get("family", implied)
    known = {module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)}
    known.discard("family")
    if family not in known:
        raise CheckpointError(
            f"{folder / CONFIG}: expected a checkpoint of {', '.join(sorted(known))}, found the"
            f" family {family!r}, method {record.get('method')!r}"
        )
    return str(family)
