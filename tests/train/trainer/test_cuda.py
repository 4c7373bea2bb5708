"""Training on a GPU, where there is one: frames kept and cut there, steps that learn, resumed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sdk.preprocess import network_input
from train.data.batches import Plan, SceneSamples
from train.data.crops import crop
from train.data.frames import Frames, room_on
from train.data.loader import loader
from train.models.grounding_dino.grounder import PizaGrounder
from train.trainer.grounding_task import GroundingTask, all_but_history, from_scratch
from train.trainer.loop import Trainer
from train.trainer.recipe import scratch

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")

SEEDS, STEPS = range(900, 904), 3


@pytest.fixture
def cuda() -> torch.device:
    return torch.device("cuda")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in SEEDS:
        picture = np.random.default_rng(seed).integers(0, 256, (1080, 1920, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"{seed:08d}.jpg"), cv2.blur(picture, (9, 9)))
    return tmp_path


def test_crops_are_those_of_the_cpu(cuda) -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (3, 1080, 1920, 3), np.uint8)
    windows = np.array([[0.0, 0, 1920, 1080], [1500.3, 700.7, 1871.9, 1001.2], [5, 6, 45.5, 41]])
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    found = crop(torch.from_numpy(frames).to(cuda), windows, (352, 640), mean, std).cpu().numpy()
    for frame, window, pixels in zip(frames, windows, found, strict=True):
        expected = network_input(frame, window, (352, 640), mean, std)[0]
        np.testing.assert_allclose(pixels, expected, atol=0.25 / min(std))


def test_training_and_resuming(cuda, config, tokenizer_file, folder, tmp_path) -> None:
    plan = Plan(scenes=4, phrase_steps=1)
    data = SceneSamples(folder, SEEDS, config, tokenizer_file, plan, STEPS, 0, unseen=True)
    recipe = replace(scratch(STEPS, precision="bfloat16"), warmup=1)

    def trainer() -> Trainer:
        torch.manual_seed(0)
        model = PizaGrounder(config)
        from_scratch(model)
        return Trainer(GroundingTask(model), recipe, cuda, all_but_history(model))

    assert room_on(cuda) > 4
    first, reported = trainer(), []
    seen = Frames(folder, config, cuda, 4).seen(loader(data, range(STEPS), 4, 2))
    first.run(seen, lambda terms: bool(reported.append(terms)))
    assert first.step == STEPS == len(reported)
    assert all(np.isfinite(terms["norm"]) for terms in reported)
    first.save(tmp_path / "state.pt")
    resumed = trainer()
    resumed.load(tmp_path / "state.pt")
    for a, b in zip(first.average.parameters(), resumed.average.parameters(), strict=True):
        assert torch.equal(a, b)
    resumed.step = STEPS - 1
    seen = Frames(folder, config, cuda, 4).seen(loader(data, range(1), 4, 0))
    terms = resumed.train_step([next(seen)])
    assert np.isfinite(terms["loss"])
