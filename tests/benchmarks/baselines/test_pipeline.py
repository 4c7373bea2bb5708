"""transformers' pipeline over very small weights."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.baselines.baseline import UnavailableError
from benchmarks.baselines.pipeline import pipeline_peer
from train.checkpoint import load_checkpoint


@pytest.mark.parametrize("method", ["piza-adapter+", "piza-lora", "full"])
def test_one_pass(make_checkpoint, method: str) -> None:
    folder = make_checkpoint(method=method)
    model, _ = load_checkpoint(folder)
    peer = pipeline_peer(folder, model, "w")
    frame = np.random.default_rng(0).integers(0, 256, (90, 160, 3)).astype(np.uint8)
    reply = peer.ask(frame, "The red car.")
    assert reply.looks == 1
    assert reply.xyxy is not None
    assert reply.xyxy.shape == (4,)
    assert not peer.judged
    assert "place features" in peer.note


def test_an_older_transformers(checkpoint: Path, monkeypatch) -> None:
    name = "transformers.models.grounding_dino.image_processing_pil_grounding_dino"
    monkeypatch.setitem(sys.modules, name, None)
    model, _ = load_checkpoint(checkpoint)
    with pytest.raises(UnavailableError, match="cannot run the pipeline"):
        pipeline_peer(checkpoint, model, "w")
