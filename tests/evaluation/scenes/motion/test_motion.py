"""Clips: the same for the same seed, true in every frame, and what their kind promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.scenes import Scene, expressions, make_scene
from evaluation.scenes.motion import CLIP_KINDS, Clip, make_clip
from evaluation.scenes.motion.shot import CapturedFrame
from evaluation.scenes.motion.truth import excludes_others, singles_out
from sdk.geometry import iou, xyxy_to_cxcywh

FRAMES = 20


@pytest.fixture(scope="module", params=CLIP_KINDS)
def clip(request: pytest.FixtureRequest) -> Clip:
    return make_clip(2, request.param, FRAMES)


def clean(scene: Scene) -> Scene:
    weather = replace(scene.weather, noise=0.0, blur_px=0.01, jpeg_quality=100, rain=0.0)
    return replace(scene, weather=weather)


def without(shot: CapturedFrame, box: tuple[float, ...]) -> CapturedFrame:
    """The shot under a perfect camera, without the object that has this box in its first frame."""
    gone = min(shot.at(0).objects, key=lambda o: np.abs(np.subtract(o.xyxy, box)).max())
    objects = tuple(o for o in shot.scene.objects if o.id != gone.id)
    return replace(shot, scene=clean(replace(shot.scene, objects=objects)))


def test_length_and_words(clip: Clip) -> None:
    assert len(clip) == len(clip.truth) == FRAMES == sum(len(shot) for shot in clip.shots)
    assert 5 <= len(clip.ref.split()) <= 25
    assert clip.time_s(15) == 1.5


def test_same_seed_same_pixels_in_any_order(clip: Clip) -> None:
    again = make_clip(clip.seed, clip.kind, FRAMES)
    assert (again.ref, again.truth) == (clip.ref, clip.truth)
    later = clip.frame(17)
    np.testing.assert_array_equal(again.frame(3), clip.frame(3))
    np.testing.assert_array_equal(again.frame(17), later)
    assert later.shape == (1080, 1920, 3)
    assert later.dtype == np.uint8


def test_other_seeds_differ(clip: Clip) -> None:
    assert make_clip(clip.seed + 1, clip.kind, FRAMES).ref != clip.ref


def test_boxes_lie_in_the_frame_and_move_smoothly(clip: Clip) -> None:
    cuts = {shot.first_frame for shot in clip.shots}
    for k, (before, now) in enumerate(zip(clip.truth, clip.truth[1:], strict=False), start=1):
        assert (now.xyxy is not None) == (now.sight == "seen")
        if now.xyxy is None:
            continue
        x1, y1, x2, y2 = now.xyxy
        assert 0.0 <= x1 < x2 <= 1920.0
        assert 0.0 <= y1 < y2 <= 1080.0
        if before.xyxy is not None and k not in cuts:
            a, b = xyxy_to_cxcywh(before.xyxy), xyxy_to_cxcywh(now.xyxy)
            assert np.abs(a[:2] - b[:2]).max() < 80.0
            assert np.abs(np.log(a[2:] / b[2:])).max() < 0.35


def test_kinds_keep_their_promise(clip: Clip) -> None:
    sights = "".join(truth.sight[0] for truth in clip.truth)
    first, last = clip.truth[0].xyxy, clip.truth[-1].xyxy
    if clip.kind in ("ego", "moving"):
        assert sights == "s" * FRAMES
        assert iou(first, last) < 0.9
    elif clip.kind == "leaving":
        assert sights.startswith("ssss")
        assert sights.endswith("h")
    elif clip.kind == "entering":
        assert sights.startswith("h")
        assert sights.endswith("ssss")
    else:
        assert sights[0] == sights[-1] == "s"
        assert "hhh" in sights
    assert len(clip.shots) == (3 if clip.kind == "cut" else 1)


def test_boxes_are_where_the_target_is_drawn(clip: Clip) -> None:
    """Taking the target away changes the pixels of its box, and few others."""
    shot = clip.shots[0]
    start = next(k for k, truth in enumerate(clip.truth) if truth.xyxy is not None)
    there, gone = (
        replace(shot, scene=clean(shot.scene)),
        without(shot, _box_at_first(shot, start, clip.truth[start].xyxy)),
    )
    for k in {start, start + 1, len(shot) // 2, len(shot) - 1}:
        changed = np.abs(there.picture(k).astype(np.int16) - gone.picture(k)).sum(axis=2)
        truth = clip.truth[k]
        if truth.sight == "hidden":
            assert (changed > 60).sum() < 30  # a rim of a shadow at most
        elif truth.xyxy is not None:
            x1, y1, x2, y2 = (round(v) for v in truth.xyxy)
            inside = changed[y1:y2, x1:x2]
            assert (inside > 20).mean() > 0.3
            rows, columns = np.nonzero(inside > 20)
            assert np.ptp(rows) > 0.7 * (y2 - y1 - 1)
            assert np.ptp(columns) > 0.6 * (x2 - x1 - 1)


def _box_at_first(shot: CapturedFrame, k: int, box: tuple[float, ...]) -> tuple[float, ...]:
    """Box in the first frame of the object that has ``box`` in frame ``k``."""
    item = min(shot.at(k).objects, key=lambda o: np.abs(np.subtract(o.xyxy, box)).max())
    return next(o.xyxy for o in shot.at(0).objects if o.id == item.id)


def test_a_cut_shows() -> None:
    clip = make_clip(2, "cut", FRAMES)
    second, third = (shot.first_frame for shot in clip.shots[1:])
    frames = [clip.frame(k)[::8, ::8].astype(np.int16) for k in (0, second - 1, second, third)]
    assert np.abs(frames[0] - frames[1]).mean() < 6.0
    assert np.abs(frames[1] - frames[2]).mean() > 12.0
    assert np.abs(frames[1] - frames[3]).mean() > 6.0
    assert iou(clip.truth[0].xyxy, clip.truth[third].xyxy) < 0.5


def test_frames_differ_only_where_something_moves() -> None:
    clip = make_clip(2, "moving", FRAMES)
    shot = replace(clip.shots[0], scene=clean(clip.shots[0].scene))
    same = (shot.picture(0) == shot.picture(FRAMES - 1)).all(axis=2)
    assert same.mean() > 0.97
    assert not same.all()


@pytest.mark.parametrize("seed", [1, 2])
def test_sentences_of_a_still_scene_are_true(seed: int) -> None:
    scene = make_scene(seed)
    offered = expressions(scene, seed)
    assert all(excludes_others(scene, made) for made in offered)
    assert sum(singles_out(scene, made) for made in offered) > 0.9 * len(offered)


def test_a_sentence_about_something_gone_is_not_true() -> None:
    scene = make_scene(1)
    made = expressions(scene, 1)[0]
    others = tuple(o for o in scene.objects if o.id != made.target)
    assert not singles_out(replace(scene, objects=others), made)
    assert excludes_others(replace(scene, objects=others), made)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, "ego"), "seed >= 0"),
        ((0, "flying"), "kind of clip"),
        ((0, "ego", 7), "at least 8 frames"),
        ((0, "ego", 8, 0.0), "frame rate above 0"),
        ((0, "ego", 8, float("nan")), "frame rate above 0"),
    ],
)
def test_bad_arguments(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_clip(*arguments)


@pytest.mark.parametrize("number", [-1, FRAMES])
def test_frames_that_do_not_exist(number: int) -> None:
    with pytest.raises(IndexError, match="expected a frame from 0 to 19"):
        make_clip(2, "cut", FRAMES).frame(number)
