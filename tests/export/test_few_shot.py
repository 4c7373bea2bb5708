"""A few-shot checkpoint becomes an engine that finds what PyTorch finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from export.__main__ import main as export
from sdk import Detector
from sdk.engine.folder import read_manifest
from sdk.families.few_shot import read_block
from sdk.geometry import iou
from train.evaluation.asking import open_detector
from train.families import load
from train.models.clip.public import TOKENIZER, open_public_clip
from train.models.few_shot.checkpoint import save_few_shot
from train.models.few_shot.config import SMALL_BACKBONE, FewShotConfig
from train.models.few_shot.detector import FewShotDetector

LABELS = ("car", "van", "scooter")
TINY = {"embedding_size": 4, "hidden_sizes": [4, 6, 8, 10], "depths": [1] * 4}


@pytest.fixture(scope="module")
def checkpoint(
    public_clip: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[bool], Path]:
    """``checkpoint(clip)``: a detector that is sure of something everywhere, with CLIP or not."""

    def make(clip: bool) -> Path:
        torch.manual_seed(0)
        config = FewShotConfig(
            LABELS,
            (64, 96),
            ("scooter",),
            SMALL_BACKBONE | TINY,
            channels=8,
            proposals=12,
            pooled=4,
        )
        opened = open_public_clip(str(public_clip("clip")[0])) if clip else None
        if opened is not None:
            config = replace(config, clip=opened.folder.provenance((TOKENIZER,)))
        model = FewShotDetector(config).eval()
        with torch.no_grad():  # random, and not the same of all classes
            model.classes.weight.normal_(0, 2)
            model.moves.weight.normal_(0, 0.5)
            model.offsets.weight.normal_(0, 0.5)
            model.objectness.weight.normal_(0, 0.5)
        folder = tmp_path_factory.mktemp("few") / ("with" if clip else "without")
        save_few_shot(folder, model, opened)
        return folder

    return make


@pytest.mark.filterwarnings("ignore:.*longer than the 12 tokens")  # of the small text network
@pytest.mark.parametrize("clip", [True, False])
def test_the_engine_finds_what_the_checkpoint_finds(checkpoint, clip, tmp_path) -> None:
    folder, engine = checkpoint(clip), tmp_path / "few.engine"
    options = ["--searches", "4", "-o", str(engine)]
    assert export(["build-engine", str(folder), *options]) == 0
    manifest = read_manifest(engine)
    assert manifest.proven
    assert (manifest.family, manifest.name) == ("few-shot", "few-shot")
    assert set(manifest.certificate["networks"]) == set(manifest.networks)
    block = read_block(manifest)
    assert block.labels == LABELS
    assert (block.bank is not None) == clip
    if clip:
        assert dict(block.bank.texts) == {"scooter": "a photo of scooter"}
    rng = np.random.default_rng(0)
    same = []
    with Detector(engine, threshold=0.05) as ours, open_detector(load(folder), 0.05) as theirs:
        for _ in range(6):
            frame = np.kron(rng.integers(0, 256, (6, 9, 3)), np.ones((20, 20, 1))).astype(np.uint8)
            found, wanted = ours.detect(frame), theirs.detect(frame)
            assert len(wanted)
            same.append(
                len(found) == len(wanted)
                and (found.labels == wanted.labels).all()
                and iou(found.xyxy, wanted.xyxy).min() >= 0.99
                and np.abs(found.scores - wanted.scores).max() <= 1e-3
            )
    assert all(same)
