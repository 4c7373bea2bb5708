"""Road scenes: what must occur in them, and boxes that are true behind any lens."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.questions import make_case, questions
from evaluation.scenes import Scene, SceneObject, expressions, make_scene, render
from evaluation.scenes.catalogue import CATEGORIES, KINDS, kinds_in
from evaluation.scenes.drawing import object_sprite
from evaluation.scenes.road.composition import MOST_HIDDEN
from evaluation.scenes.road.conditions import SIZES, WEATHERS
from evaluation.scenes.road.lens import Lens
from evaluation.scenes.road.lights import light_on
from evaluation.scenes.road.render import moved
from evaluation.scenes.scene import Conditions
from evaluation.scenes.scenery import lamp_rects, tree_rects

SEEDS = range(45)
TONES = [  # of sixteen parts of the picture of plain scene 3, row by row
    141.0, 136.4, 137.4, 135.7, 116.6, 123.5, 123.4, 125.0,
    121.4, 100.7, 109.0, 119.7, 94.9, 88.2, 87.0, 106.1,
]  # fmt: skip


@cache
def road(seed: int) -> Scene:
    return make_scene(seed, setting="road")


def conditions_of(scene: Scene) -> Conditions:
    assert scene.conditions is not None
    return scene.conditions


def test_plain_scenes_stay_what_they_were() -> None:
    scenes = [make_scene(seed) for seed in range(12)]
    said = [[(o.phrase, o.xyxy, o.depth_m, o.view) for o in s.objects] for s in scenes]
    refs = [e.ref for scene in scenes for e in expressions(scene, scene.seed)]
    digests = [hashlib.sha256(repr(each).encode()).hexdigest()[:12] for each in (said, refs)]
    assert digests == ["3cfd458672f0", "b66fc540fa49"]
    assert all(scene.conditions is None and scene.weather.ambient == 1.0 for scene in scenes)
    tones = render(scenes[3]).reshape(4, 270, 4, 480, 3).mean((1, 3, 4)).ravel()
    np.testing.assert_allclose(tones, TONES, atol=0.3)


def test_the_same_seed_is_the_same_picture() -> None:
    scene = next(s for s in map(road, SEEDS) if s.size_wh == (1280, 720))
    again = make_scene(scene.seed, setting="road")
    assert again == scene != make_scene(scene.seed + 1, setting="road")
    picture = render(scene)
    assert picture.shape == (720, 1280, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, render(again))


def test_every_condition_occurs() -> None:
    scenes = [road(seed) for seed in SEEDS]
    every = [conditions_of(scene) for scene in scenes]
    assert {scene.weather.name for scene in scenes} == set(WEATHERS)
    assert {scene.size_wh for scene in scenes} <= set(SIZES)
    assert len({scene.size_wh for scene in scenes}) >= 9
    assert {o.kind for scene in scenes for o in scene.objects} == set(KINDS)
    assert {o.category for scene in scenes for o in scene.objects} == set(CATEGORIES)
    for count in (
        sum(each.barrel > 0.05 for each in every),
        sum(each.zoom > 0 for each in every),
        sum(each.sun_xy is not None for each in every),
        sum(each.wet > 0 for each in every),
        sum(scene.weather.name == "night" and scene.weather.rain > 0 for scene in scenes),
        sum(hidden(scene, o) > 0.1 for scene in scenes for o in scene.objects),
    ):
        assert count >= 3
    assert sum(SIZES.values()) == pytest.approx(1.0)
    assert sum(WEATHERS.values()) == pytest.approx(1.0)


def test_frames_cost_less_than_plain_ones() -> None:
    mean = sum(w * h * share for (w, h), share in SIZES.items())
    assert mean < 1920 * 1080
    assert {(1280, 720), (3840, 2160)} <= set(SIZES)


@pytest.mark.parametrize("seed", SEEDS)
def test_boxes_lie_in_the_frame_and_targets_are_small(seed: int) -> None:
    scene = road(seed)
    w, h = scene.size_wh
    grown = (w * h / (1920 * 1080)) ** 0.6  # areas, with the frame
    for i, item in enumerate(scene.objects):
        x1, y1, x2, y2 = item.xyxy
        assert item.id == i
        assert 0 <= x1 < x2 <= w
        assert 0 <= y1 < y2 <= h
        assert item.category == KINDS[item.kind].category
        if item.targetable:
            assert 700 <= item.area / grown <= 2000.01
    small = [o for o in scene.objects if o.targetable]
    assert 10 <= len(small) <= 18
    assert max(Counter(o.phrase for o in small).values()) >= 2


def hidden(scene: Scene, item: SceneObject) -> float:
    """Share of an object's own pixels that boxes of nearer things cover, before the lens."""
    drawn = conditions_of(scene).pinhole
    item = drawn[item.id]
    before = [r for o in drawn if o.depth_m < item.depth_m for r in (o.xyxy, *o.supports)]
    before += [r for t in scene.trees if t.z_m < item.depth_m for r in tree_rects(t, scene.camera)]
    before += [r for p in scene.lamps if p.z_m < item.depth_m for r in lamp_rects(p, scene.camera)]
    free = object_sprite(scene, item).finish()[1][:, :, 0]
    whole = free.sum()
    for x1, y1, x2, y2 in before:
        left, right = (int(np.ceil(max(0.0, x - item.xyxy[0]))) for x in (x1, x2))
        top, bottom = (int(np.ceil(max(0.0, y - item.xyxy[1]))) for y in (y1, y2))
        free[top:bottom, left:right] = 0
    return float(1.0 - free.sum() / whole)


def test_most_of_every_object_is_seen() -> None:
    shares = [hidden(road(seed), o) for seed in SEEDS for o in road(seed).objects if o.targetable]
    assert MOST_HIDDEN == 0.3  # of a box
    assert max(shares) <= 0.45  # of what fills it
    assert np.mean(np.array(shares) <= 0.4) > 0.99


@given(
    st.floats(0, 0.2),
    st.lists(st.tuples(st.floats(0, 1600), st.floats(0, 900)), min_size=1, max_size=9),
)
def test_the_lens_and_its_inverse(barrel: float, points: list[tuple[float, float]]) -> None:
    lens, xy = Lens((1600, 900), barrel), np.array(points)
    np.testing.assert_allclose(lens.undistorted(lens.distorted(xy)), xy, atol=1e-6)
    corners = np.array([[0, 0], [1600, 0], [1600, 900], [0, 900]], float)
    np.testing.assert_allclose(lens.distorted(corners), corners, atol=1e-6)
    inwards = np.abs(lens.undistorted(xy) - [800, 450])
    assert (inwards <= np.abs(xy - [800, 450]) + 1e-9).all()  # never beyond the frame


@pytest.mark.parametrize("barrel", [0.0, 0.15])
def test_the_lens_shows_a_picture_where_it_says(barrel: float) -> None:
    lens, picture = Lens((640, 360), barrel), np.zeros((360, 640, 3), np.uint8)
    picture[60:90, 500:560] = 255
    rows, columns = np.nonzero(lens.bend(picture)[:, :, 0] > 127)
    corners = np.array([[500, 60], [560, 60], [560, 90], [500, 90]], float)
    box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    np.testing.assert_allclose(lens.box(corners), box, atol=1.0)


def test_objects_are_drawn_at_their_boxes() -> None:
    """Taken out of the picture, an object leaves a hole that its box is tight about."""
    scene = next(
        s
        for s in map(road, SEEDS)
        if s.weather.name in ("clear", "overcast") and conditions_of(s).barrel > 0.06
    )
    still = replace(conditions_of(scene), zoom=0.0, pan_px=0.0)
    weather = replace(scene.weather, noise=0.0, blur_px=0.01, jpeg_quality=100, shadow=0.0)
    scene = replace(scene, weather=weather, conditions=still)
    whole, tried = render(scene).astype(int), 0
    for item in scene.objects:
        if not item.targetable or not item.on_ground or hidden(scene, item) > 0:
            continue
        kept = tuple(o for o in still.pinhole if o.id != item.id)
        without = replace(scene, conditions=replace(still, pinhole=kept))
        gone = np.abs(whole - render(without)).max(axis=2) > 40
        rows, columns = np.nonzero(gone)
        found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        np.testing.assert_allclose(found, item.xyxy, atol=1.5, err_msg=item.phrase)
        tried += 1
        if tried == 2:
            return
    raise AssertionError("no object stands alone")


def test_objects_are_lit_by_night() -> None:
    scene = next(s for s in map(road, SEEDS) if s.weather.name == "night")
    assert all(light_on(scene, item) >= 0.6 for item in conditions_of(scene).pinhole)
    picture = render(scene)
    assert picture.mean() < 60 < render(road(2)).mean()


def test_motion_blurs_about_the_middle() -> None:
    picture = np.zeros((120, 200, 3), np.uint8)
    picture[50:70, 150:160] = 240
    smeared = moved(picture, (20.0, 60.0), 0.06, 0.0)[:, :, 0].astype(float)
    assert moved(picture, (20.0, 60.0), 0.0, 0.0) is picture
    columns = np.flatnonzero(smeared[60] > 20)
    assert columns.min() < 149
    assert columns.max() > 160
    centre = (smeared[60] * (np.arange(200) + 0.5)).sum() / smeared[60].sum()
    assert centre == pytest.approx(155, abs=0.5)


def test_questions_of_either_setting() -> None:
    case = make_case(3, setting="road")
    assert case.scene == road(3)
    assert case.target_xyxy in [o.xyxy for o in case.scene.objects]
    asked = list(questions(1, 3, 2, setting="road"))
    assert [each.target_xyxy is None for each in asked] == [True, False, True]
    sizes = [(each.frame.shape[1], each.frame.shape[0]) for each in asked]
    assert sizes == [road(seed).size_wh for seed in (1, 2, 3)]


def test_unknown_settings_and_kinds() -> None:
    with pytest.raises(ValueError, match="setting out of plain, road"):
        make_scene(1, setting="sea")
    assert set(kinds_in("plain")) < set(kinds_in("road"))
    with pytest.raises(ValueError, match="at least"):
        make_scene(1, (640, 360), "road")
    assert make_scene(1, (1440, 1080), "road").size_wh == (1440, 1080)
