"""Start from MM-Grounding-DINO weights: a hub id or a folder in transformers' format."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from transformers import MMGroundingDinoForObjectDetection

from sdk.errors import EngineError
from train.methods import is_added
from train.models.config import PizaConfig
from train.models.grounder import PizaGrounder
from train.models.lora import plain_name

# The base model of the published experiments.
PUBLISHED_BASE = "openmmlab-community/mm_grounding_dino_tiny_o365v1_goldg_grit_v3det"


def from_pretrained(source: str | Path, config: PizaConfig) -> PizaGrounder:
    """A model with the weights of ``source`` and fresh adapters.

    ``config`` says everything but the architecture, which is that of the weights. Raises
    EngineError when ``source`` cannot be loaded or when a tensor is missing or has no place.
    """
    try:
        base = MMGroundingDinoForObjectDetection.from_pretrained(source)
    except (OSError, ValueError) as error:
        raise EngineError(f"cannot load the base model {source}: {error}") from error
    architecture = base.config.to_diff_dict()
    model = PizaGrounder(dataclasses.replace(config, base=architecture))
    names = {plain_name(name): name for name in model.base.state_dict()}
    weights = {names.get(name, name): tensor for name, tensor in base.state_dict().items()}
    outcome = model.base.load_state_dict(weights, strict=False)
    # Real batch norms count their batches, transformers' frozen ones do not.
    missing = [
        name
        for name in outcome.missing_keys
        if not name.endswith("num_batches_tracked") and not is_added(name)
    ]
    if missing or outcome.unexpected_keys:
        raise EngineError(
            f"{source} does not fit: missing {missing[:5]}, unknown {outcome.unexpected_keys[:5]}"
        )
    return model
