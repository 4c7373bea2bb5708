"""Models that nobody has trained, to try out a size: does it export, fit, agree, how fast is it?"""

from __future__ import annotations

import torch

from train.models.config import PizaConfig
from train.models.grounder import PizaGrounder


def untrained(config: PizaConfig, seed: int) -> PizaGrounder:
    """Random weights also where a fresh model has zeros, so that every path counts.

    Matrices keep the size of what goes through them (LeCun et al. 1998: standard deviation
    1 / sqrt(fan-in)); the rest is drawn with 0.3, our own choice, which sets the candidates' scores
    apart: where all are alike, the best one hangs on the last bit.
    """
    model = PizaGrounder(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            plain = "norm" not in name.lower() and parameter.ndim > 1
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 1
            parameter.normal_(0, fan_in**-0.5 if plain else 0.3, generator=generator)
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.add_(1)
        if not config.zooms:  # nobody asks its history encoder: zeros say that it has none
            for parameter in model.history.parameters():
                parameter.zero_()
    return model
