"""Regions pooled by attention: what CLIP says of a picture, said of its regions."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch.testing import assert_close

from export.check.checking import check_model
from export.clip import open_clip
from sdk.regions.region_attention import BLOCKED, REGION_FEATURES, REGION_MASKS, SCENE
from train.models.clip.networks import crop_features
from train.models.clip.public import open_public_clip
from train.models.clip.region_attention import (
    REGIONS,
    RegionPooling,
    region_attention_of,
)

SIDE, PATCHES = 24, 9  # as tests/fakes/public_clip.py has them


@pytest.fixture
def scene() -> torch.Tensor:
    return torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def masks_of(*regions: Any) -> torch.Tensor:
    """(1, R, patches): nothing is kept from a region but what is not in its list."""
    masks = torch.full((1, len(regions), PATCHES), BLOCKED)
    for row, patches in enumerate(regions):
        masks[0, row, patches] = 0.0
    return masks


@torch.inference_mode()
def test_a_region_of_all_patches_is_the_picture(public_clip, scene) -> None:
    model = public_clip("clip")[1]
    whole = list(range(PATCHES))
    found = RegionPooling(model, 3, SIDE)(scene, masks_of(whole, [4], whole))
    [picture] = crop_features(model, scene)
    assert_close(found[0, 0], picture, atol=1e-4, rtol=0)
    assert_close(found[0, 2], picture, atol=1e-4, rtol=0)
    assert (found[0, 1] - picture).abs().max() > 1e-3


@torch.inference_mode()
def test_larger_scenes_have_the_positions_that_transformers_gives_them(public_clip) -> None:
    model = public_clip("clip")[1]
    scene = torch.randn(1, 3, 40, 40, generator=torch.Generator().manual_seed(1))
    picture = model.get_image_features(scene, interpolate_pos_encoding=True).pooler_output[0]
    found = RegionPooling(model, 1, 40)(scene, torch.zeros(1, 1, 25))[0, 0]
    assert_close(found, picture, atol=1e-4, rtol=0)


@torch.inference_mode()
def test_regions_know_nothing_of_each_other(public_clip, scene) -> None:
    """Whatever the others are, in whatever place, and however many there are."""
    model = public_clip("clip")[1]
    alone = RegionPooling(model, 1, SIDE)(scene, masks_of([0, 1, 3]))[0, 0]
    among = RegionPooling(model, 4, SIDE)(scene, masks_of([5], [8, 7], [0, 1, 3], []))
    assert_close(among[0, 2], alone, atol=1e-6, rtol=1e-5)
    assert among.isfinite().all()  # also that of no patch at all, which has itself


@torch.inference_mode()
def test_a_region_sees_its_patches_alone_in_the_first_layer(public_clip, scene) -> None:
    """The model has one layer: what is outside of a region cannot reach it."""
    pooling = RegionPooling(public_clip("clip")[1], 1, SIDE)
    other = scene.clone()
    other[..., 8:] += 1.0  # all but the first column of patches
    column, second = masks_of([0, 3, 6]), masks_of([1])
    assert_close(pooling(other, column), pooling(scene, column))
    assert (pooling(other, second) - pooling(scene, second)).abs().max() > 1e-3


def test_the_graph_says_the_same(public_clip) -> None:
    found = open_clip(str(public_clip("clip")[0]))
    graph = found.networks([REGIONS])[REGIONS]
    assert check_model(graph, REGIONS) == []
    rng, scenes = np.random.default_rng(0), found.regions.signature.inputs
    masks = np.where(rng.random(scenes[REGION_MASKS]) < 0.5, 0.0, BLOCKED).astype(np.float32)
    feeds = {SCENE: rng.normal(0, 1, scenes[SCENE]).astype(np.float32), REGION_MASKS: masks}
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    shapes = {each.name: tuple(each.shape) for each in session.get_inputs()}
    outputs = [each.name for each in session.get_outputs()]
    found.regions.signature.check(REGIONS, shapes, outputs)
    [said] = session.run(None, feeds)
    np.testing.assert_allclose(said, found.original(REGIONS, feeds)[REGION_FEATURES], atol=1e-4)


@pytest.mark.parametrize("kind", ["siglip", "siglip2"])
def test_without_a_class_token(public_clip, kind) -> None:
    folder = str(public_clip(kind)[0])
    assert region_attention_of(open_public_clip(folder)) is None
    assert open_clip(folder).regions is None
