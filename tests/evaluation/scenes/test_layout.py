"""The scene graph: sizes, places, distractors, visibility."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.scenes import Scene, SceneObject, make_scene
from evaluation.scenes.catalogue import CATEGORIES, COLOURS, KINDS, kinds_in, phrase
from evaluation.scenes.scenery import lamp_rects, tree_rects

SEEDS = st.integers(min_value=0, max_value=2**31)


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_boxes_lie_in_the_frame_and_targets_are_small(seed: int) -> None:
    scene = make_scene(seed)
    w, h = scene.size_wh
    for i, item in enumerate(scene.objects):
        x1, y1, x2, y2 = item.xyxy
        assert item.id == i
        assert 0 <= x1 < x2 <= w
        assert 0 <= y1 < y2 <= h
        assert item.xyxy == tuple(float(round(v)) for v in item.xyxy)
        assert 700 <= item.area <= 2000 or 4000 <= item.area <= 30000
        assert item.targetable == (item.area <= 2000)
        assert item.category in CATEGORIES
        assert item.category == KINDS[item.kind].category
        assert item.colour in COLOURS
    assert 10 <= sum(o.targetable for o in scene.objects) <= 18


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_distractors_exist(seed: int) -> None:
    small = [o for o in make_scene(seed).objects if o.targetable]
    assert max(Counter(o.phrase for o in small).values()) >= 2
    assert any(a.kind == b.kind and a.colour != b.colour for a in small for b in small)


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_boxes_keep_a_gap(seed: int) -> None:
    objects = make_scene(seed).objects
    for a in objects:
        for b in objects[: a.id]:
            apart_x = max(a.xyxy[0] - b.xyxy[2], b.xyxy[0] - a.xyxy[2])
            apart_y = max(a.xyxy[1] - b.xyxy[3], b.xyxy[1] - a.xyxy[3])
            assert max(apart_x, apart_y) >= 6


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_targets_are_visible(seed: int) -> None:
    scene = make_scene(seed)
    for item in scene.objects:
        if item.targetable:
            assert _hidden_share(scene, item) <= 0.15


def _hidden_share(scene: Scene, item: SceneObject) -> float:
    """Share of a box that nearer objects, poles, trees and lamps may cover."""
    nearer = [r for o in scene.objects if o.depth_m < item.depth_m for r in (o.xyxy, *o.supports)]
    for tree in scene.trees:
        if tree.z_m < item.depth_m:
            nearer += tree_rects(tree, scene.camera)
    for lamp in scene.lamps:
        if lamp.z_m < item.depth_m:
            nearer += lamp_rects(lamp, scene.camera)
    w, h = item.size_wh
    covered = np.zeros((h, w), bool)
    for x1, y1, x2, y2 in nearer:
        left, top = max(0, int(x1 - item.xyxy[0])), max(0, int(y1 - item.xyxy[1]))
        right, bottom = int(np.ceil(x2 - item.xyxy[0])), int(np.ceil(y2 - item.xyxy[1]))
        covered[top : max(bottom, 0), left : max(right, 0)] = True
    return float(covered.mean())


def test_nearer_things_stand_lower_in_the_frame() -> None:
    scene = make_scene(3)
    standing = sorted((o for o in scene.objects if o.on_ground), key=lambda o: o.depth_m)
    feet = [o.foot_xy[1] for o in standing]
    assert feet == sorted(feet, reverse=True)
    for item in standing:
        assert abs(item.xyxy[3] - item.foot_xy[1]) <= 1


def test_same_seed_same_scene() -> None:
    assert make_scene(11) == make_scene(11)
    assert make_scene(11) != make_scene(12)


def test_other_frame_sizes() -> None:
    scene = make_scene(5, (1280, 720))
    assert all(o.xyxy[2] <= 1280 and o.xyxy[3] <= 720 for o in scene.objects)


@pytest.mark.parametrize(
    ("seed", "size_wh", "message"),
    [(-1, (1920, 1080), "seed >= 0"), (0, (640, 360), "at least")],
)
def test_bad_arguments(seed: int, size_wh: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_scene(seed, size_wh)


def test_all_kinds_and_weathers_occur() -> None:
    scenes = [make_scene(seed) for seed in range(80)]
    assert {o.kind for s in scenes for o in s.objects} == set(kinds_in("plain"))
    assert {s.weather.name for s in scenes} == {"clear", "overcast", "rain", "dusk", "fog"}


def test_phrases() -> None:
    assert phrase("car", "red") == "red car"
    assert phrase("round sign", "blue") == "blue round sign"
    assert phrase("person", "orange") == "person in an orange jacket"
    assert phrase("cyclist", "red") == "cyclist in a red jacket"
