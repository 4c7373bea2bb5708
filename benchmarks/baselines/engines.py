"""Engines for peers: a checkpoint exported at an input size of one's choice, into a folder that is
thrown away afterwards."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from train.checkpoint import CONFIG, TOKENIZER, WEIGHTS
from train.models.grounding_dino.config import PizaConfig


def export_at(checkpoint: Path, input_hw: tuple[int, int], folder: Path) -> Path:
    """An engine without a certificate in ``folder``, of the weights of ``checkpoint``.

    What depends on the input size (positions, proposals) is computed, not learned, so that the
    weights run at any size; how well they do at one that they were not trained at is measured.

    Raises:
        EngineError: the checkpoint cannot be read or exported.
    """
    from export.portable import export_checkpoint

    resized = folder / "checkpoint"
    resized.mkdir(parents=True)
    config = PizaConfig.load(checkpoint / CONFIG)
    dataclasses.replace(config, input_hw=input_hw).save(resized / CONFIG)
    for name in (WEIGHTS, TOKENIZER):
        shutil.copyfile(checkpoint / name, resized / name)
    engine = folder / "engine"
    export_checkpoint(resized, engine)
    return engine
