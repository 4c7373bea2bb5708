"""A moved camera: what it sees, and how sprites are put at fractional places."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.scenes import make_scene
from evaluation.scenes.motion.pose import STILL, Pose, moved
from evaluation.scenes.motion.shot import drive, straight, turn
from evaluation.scenes.motion.stage import Stage, paste


def test_standing_still_changes_nothing() -> None:
    scene = make_scene(5)
    same = moved(scene, STILL, {})
    for before, after in zip(scene.objects, same.objects, strict=True):
        np.testing.assert_allclose(after.xyxy, before.xyxy)
        assert after.depth_m == before.depth_m
    assert same.camera == scene.camera


def test_driving_follows_the_pinhole() -> None:
    scene = make_scene(5)
    ahead = moved(scene, Pose(forward_m=4.0), {})
    for after in ahead.objects:
        before = scene.objects[after.id]
        assert after.depth_m == pytest.approx(before.depth_m - 4.0)
        x = scene.camera.lateral_m(before.foot_xy[0], before.depth_m)
        np.testing.assert_allclose(after.foot_xy, ahead.camera.project(x, 0.0, after.depth_m))
        scale = before.depth_m / after.depth_m
        np.testing.assert_allclose(
            after.xyxy[2] - after.xyxy[0], scale * (before.xyxy[2] - before.xyxy[0])
        )


def test_what_is_passed_is_gone() -> None:
    scene = make_scene(5)
    nearest = min(o.depth_m for o in scene.objects)
    passed = moved(scene, Pose(forward_m=nearest), {})
    assert 0 < len(passed.objects) < len(scene.objects)
    assert not moved(scene, Pose(forward_m=1e4), {}).trees


def test_turning_shifts_everything_alike() -> None:
    scene = make_scene(5)
    turned = moved(scene, Pose(pan_px=30.0, pitch_px=-2.0), {})
    for before, after in zip(scene.objects, turned.objects, strict=True):
        np.testing.assert_allclose(np.subtract(after.xyxy, before.xyxy), [30.0, -2.0] * 2)


def test_moving_by_itself() -> None:
    scene = make_scene(5)
    there = moved(scene, STILL, {3: (2.0, 0.0)}).objects[3]
    shift = scene.camera.focal_px * 2.0 / there.depth_m
    np.testing.assert_allclose(np.subtract(there.xyxy, scene.objects[3].xyxy), [shift, 0] * 2)


def test_paths() -> None:
    assert straight((3.0, -1.0), 2.0)(4.0) == (6.0, -2.0)
    times_s = tuple(k / 10 for k in range(11))
    poses = turn(times_s, 0.0, -50.0)
    assert [poses[k].pan_px for k in (0, 5, 10)] == pytest.approx([0.0, -25.0, -50.0])
    driven = drive(np.random.default_rng(0), times_s, 8.0)
    assert driven[0].forward_m == driven[0].pan_px == 0.0
    assert driven[-1].forward_m == pytest.approx(8.0)


def test_the_ground_comes_nearer() -> None:
    """What a pose shows of the ground is what the first pose showed farther up."""
    scene = make_scene(8)
    poses = (STILL, Pose(forward_m=6.0))
    stage = Stage(scene, poses, frozenset())
    first, later = (stage._open_country(moved(scene, pose, {}), pose) for pose in poses)
    cam, x, z = scene.camera, 0.5, 30.0
    u, v = cam.project(x, 0.0, z)
    nearer_u, nearer_v = cam.project(x, 0.0, z - 6.0)
    a = first[int(v) - 1 : int(v) + 2, int(u) - 20 : int(u) + 20].mean()
    b = later[int(nearer_v) - 1 : int(nearer_v) + 2, int(nearer_u) - 25 : int(nearer_u) + 25].mean()
    assert nearer_v > v
    assert a == pytest.approx(b, abs=8.0)


@given(
    x=st.floats(-60, 120),
    y=st.floats(-60, 120),
    w=st.floats(0.5, 70),
    h=st.floats(0.5, 70),
)
@settings(max_examples=80, deadline=None)
def test_paste_stays_in_its_box(x: float, y: float, w: float, h: float) -> None:
    frame = np.full((90, 100, 3), 10, np.uint8)
    colour, cover = np.full((20, 30, 3), 250.0, np.float32), np.ones((20, 30, 1), np.float32)
    paste(frame, colour, cover, (x, y, x + w, y + h))
    rows, columns = np.nonzero((frame != 10).any(axis=2))
    if len(rows):
        assert x - 1 <= columns.min() <= columns.max() < x + w + 1
        assert y - 1 <= rows.min() <= rows.max() < y + h + 1


def test_paste_on_whole_pixels_copies() -> None:
    frame = np.zeros((40, 40, 3), np.uint8)
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (10, 12, 3)).astype(np.float32)
    paste(frame, colour, np.ones((10, 12, 1), np.float32), (5.0, 7.0, 17.0, 17.0))
    np.testing.assert_array_equal(frame[7:17, 5:17], colour.astype(np.uint8))
    frame[7:17, 5:17] = 0
    assert not frame.any()
