"""Which patches belong to a region, and what the network that pools them is given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.engine.manifest import ImageInput
from sdk.errors import EngineError
from sdk.json_reader import JsonReader
from sdk.letterbox import Letterbox
from sdk.regions.heatmap import Regions, numbered
from sdk.regions.region_attention import (
    BLOCKED,
    REGION_MASKS,
    SCENE,
    RegionAttention,
    patches_of,
    read_region_attention,
)

IMAGE = ImageInput((8, 8), (0.0,) * 3, (255.0,) * 3)


def regions_of(*labels: np.ndarray) -> Regions:
    """Divisions of one picture, whose pixels are the frame's."""
    maps, boxes = [], []
    for each in labels:
        rows, around = numbered(each)
        maps.append(rows + sum(map(len, boxes)))
        boxes.append(around)
    return Regions(tuple(maps), np.concatenate([np.empty((0, 4)), *boxes]), (1.0, 1.0))


def test_halves_of_a_wide_frame() -> None:
    """A frame of 2:1 fills the middle rows of patches; those around it belong to nobody."""
    labels = np.zeros((16, 32), np.int64)
    labels[:, 16:] = 1
    left, right = patches_of(regions_of(labels), Letterbox((0, 0, 32, 16), (32, 32)), 4)
    wanted = np.zeros((4, 4), bool)
    wanted[1:3, :2] = True
    np.testing.assert_array_equal(left.reshape(4, 4), wanted)
    np.testing.assert_array_equal(right.reshape(4, 4), wanted[:, ::-1])


def test_a_region_has_the_patches_that_it_covers_most_of() -> None:
    """All of one column, half of the next, less of the one after that; a pixel has its patch."""
    labels = np.zeros((8, 32), np.int64)
    labels[:, :12] = 1
    labels[:3, 12:20] = 1
    labels[7, 31] = 2
    _, region, pixel = patches_of(regions_of(labels), Letterbox((0, 0, 32, 8), (32, 32)), 4)
    assert np.flatnonzero(region).tolist() == [4, 5, 8, 9]  # in the second and third row
    assert np.flatnonzero(pixel).tolist() == [11]


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 40), st.integers(1, 9))
def test_every_region_has_a_patch(seed: int, height: int, width: int, grid: int) -> None:
    """Also in frames of fewer pixels than patches."""
    labels = np.random.default_rng(seed).integers(0, 5, (2, height, width))
    regions = regions_of(*labels)
    fit = Letterbox((0.0, 0.0, float(width), float(height)), (32, 32))
    assert patches_of(regions, fit, grid).any(axis=1).all()


def test_more_regions_than_a_run_takes() -> None:
    frame = np.full((8, 8, 3), 255, np.uint8)
    labels = np.arange(5).repeat(13)[:64].reshape(8, 8)
    attention = RegionAttention("r", 3, 4, 32)
    runs = attention.feeds(frame, "bgr", regions_of(labels), IMAGE)
    assert len(runs) == 2
    signature = attention.signature
    for feeds in runs:
        assert {name: each.shape for name, each in feeds.items()} == signature.inputs
        assert (feeds[SCENE] == 1.0).all()
    masks = np.concatenate([feeds[REGION_MASKS][0] for feeds in runs])
    assert set(np.unique(masks)) == {np.float32(BLOCKED), np.float32(0.0)}
    assert (masks[:5] == BLOCKED).any(axis=1).all()
    assert (masks[5] == 0.0).all()


def test_blocks() -> None:
    attention = RegionAttention("r", 3, 4, 32)
    said = attention.to_mapping()
    assert read_region_attention(JsonReader(said, "x"), ["r"]) == attention
    for key, value in (("network", "other"), ("count", 0), ("grid", 1.5), ("side", 0)):
        with pytest.raises(EngineError, match=key):
            read_region_attention(JsonReader({**said, key: value}, "x"), ["r"])
