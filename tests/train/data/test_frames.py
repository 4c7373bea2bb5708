"""Frames kept on a device: the pixels that the workers would have made, from files read once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from evaluation.scenes import make_scene
from train.data import rendered
from train.data.batches import Plan, SceneSamples, Unseen
from train.data.frames import CHUNK, Frames
from train.data.loader import loader

CPU = torch.device("cpu")
PLAN = Plan(scenes=2, phrase_steps=1, rounds=2)
SEEDS, STEPS = range(900, 906), 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise in place of scenes, which would take long to render."""
    folder = tmp_path_factory.mktemp("frames")
    for seed in SEEDS:
        for setting, suffix in (("plain", ""), ("road", "-road")):
            width, height = make_scene(seed, setting=setting).size_wh
            picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
            cv2.imwrite(str(folder / f"{seed:08d}{suffix}.jpg"), cv2.blur(picture, (9, 9)))
    return folder


@pytest.fixture
def samples(config, tokenizer_file, folder):
    """``samples(unseen)``: the same samples, with or without their pixels."""

    def make(unseen: bool, road_share: float = 0.0) -> SceneSamples:
        plan = replace(PLAN, road_share=road_share)
        return SceneSamples(folder, SEEDS, config, tokenizer_file, plan, STEPS, 3, unseen)

    return make


@pytest.mark.parametrize(("room", "road_share"), [(2, 0.0), (6, 0.6)])
def test_batches_are_those_that_workers_make(samples, config, folder, room, road_share) -> None:
    """But for noise, which is drawn for many samples at once; whatever has to make room."""
    whole = list(loader(samples(False, road_share), range(STEPS), 2, 0))
    unseen = list(loader(samples(True, road_share), range(STEPS), 2, 0))
    frames = Frames(folder, config, CPU, room, road_share)
    made = list(frames.seen(iter(unseen)))
    assert len(made) == len(whole) == STEPS
    quiet = 0
    for expected, views, found in zip(whole, unseen, made, strict=True):
        assert isinstance(views, Unseen)
        for name, tensor in vars(expected).items():
            if name != "pixels":
                assert torch.equal(getattr(found, name), tensor), name
        assert found.pixels.shape == expected.pixels.shape
        for row, view in enumerate(views.views):
            tolerance = 5 * view.noise * 2 + 2e-3
            difference = (found.pixels[row] - expected.pixels[row]).abs()
            assert difference.max() < tolerance
            quiet += view.noise == 0
    assert quiet > 10
    assert len(frames.kept) <= room
    sizes = {frame.shape for frame in frames.kept.values()}
    assert (len(sizes) > 1) == (road_share > 0)


def test_files_are_read_once(samples, config, folder, monkeypatch) -> None:
    read: list[int] = []
    frame = rendered.frame
    monkeypatch.setattr(
        rendered,
        "frame",
        lambda folder, seed, setting: read.append(seed) or frame(folder, seed, setting),
    )
    frames = Frames(folder, config, CPU, len(SEEDS))
    assert len(list(frames.seen(loader(samples(True), range(STEPS), 2, 0)))) == STEPS
    assert len(read) == len(set(read))
    assert set(read) == set(frames.kept)
    assert not frames.coming


def test_chunks_make_no_difference(samples, config, folder, monkeypatch) -> None:
    (batch,) = loader(samples(True), range(1), 2, 0)
    views = len(batch.views)
    assert views == 12 < CHUNK
    monkeypatch.setattr("train.data.views._OFTEN", 0.0)  # noise goes by the chunk
    (batch,) = loader(samples(True), range(1), 2, 0)
    whole = Frames(folder, config, CPU, 2).made(batch)
    monkeypatch.setattr("train.data.frames.CHUNK", 5)
    parts = Frames(folder, config, CPU, 2).made(batch)
    torch.testing.assert_close(whole.pixels, parts.pixels)


def test_too_little_room_for_a_batch(samples, config, folder) -> None:
    batches = list(loader(samples(True), range(STEPS), 2, 0))
    with pytest.raises(ValueError, match="expected room for 2 frames, got 1"):
        list(Frames(folder, config, CPU, 1).seen(iter(batches)))


def test_batches_with_pixels_go_through(samples, config, folder) -> None:
    (batch,) = loader(samples(False), range(1), 2, 0)
    assert next(Frames(folder, config, CPU, 1).seen([batch])) is batch


def test_closing_ends_the_readers(samples, config, folder) -> None:
    frames = Frames(folder, config, CPU, 6)
    batches = frames.seen(loader(samples(True), range(STEPS), 2, 0))
    next(batches)
    batches.close()
    with pytest.raises(RuntimeError, match="after shutdown"):
        frames.readers.submit(print)
