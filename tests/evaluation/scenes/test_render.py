"""Pictures: the same for the same scene, and every object drawn where its box says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.scenes import Scene, SceneObject, make_scene, render
from evaluation.scenes.catalogue import KINDS
from evaluation.scenes.drawing import object_sprite
from evaluation.scenes.sprite import Sprite, shade


def clean(scene: Scene) -> Scene:
    """The scene under a perfect camera, so that differences are those of the drawing."""
    weather = replace(scene.weather, noise=0.0, blur_px=0.01, jpeg_quality=100, rain=0.0)
    return replace(scene, weather=weather)


def test_picture_and_determinism() -> None:
    scene = make_scene(21)
    image = render(scene)
    assert image.shape == (1080, 1920, 3)
    assert image.dtype == np.uint8
    render(make_scene(22))  # what was drawn before must not matter
    np.testing.assert_array_equal(image, render(make_scene(21)))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_objects_are_drawn_at_their_boxes(seed: int) -> None:
    scene = clean(make_scene(seed))
    whole = render(scene).astype(np.int16)
    for item in scene.objects[:: 3 if seed > 1 else 2]:
        others = tuple(o for o in scene.objects if o.id != item.id)
        without = render(replace(scene, objects=others)).astype(np.int16)
        difference = np.abs(whole - without).sum(axis=2)
        x1, y1, x2, y2 = (int(v) for v in item.xyxy)
        inside = difference[y1:y2, x1:x2]
        assert (inside > 20).mean() > 0.3, item.phrase
        if item.on_ground:  # poles lie outside the boxes
            assert inside.sum() > 0.75 * difference.sum(), item.phrase
        else:
            above = difference[:y1, x1:x2]
            assert item.zone == "overhead" or above.sum() < 0.05 * inside.sum(), item.phrase


def every_view() -> list[tuple[str, str]]:
    return [(noun, view) for noun, kind in KINDS.items() for view in kind.views]


@pytest.mark.parametrize(("noun", "view"), every_view())
@pytest.mark.parametrize("area", [750.0, 1900.0, 12000.0])
def test_sprites_fill_their_boxes(noun: str, view: str, area: float) -> None:
    kind = KINDS[noun]
    aspect = kind.views[view][0] / kind.views[view][1]
    w, h = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
    for colour in kind.colours:
        item = example(noun, view, colour, (w, h))
        picture, cover = object_sprite(make_scene(0), item).finish()
        assert picture.shape == (h, w, 3)
        assert cover.shape == (h, w, 1)
        assert 0.0 <= cover.min() <= cover.max() <= 1.0
        for edge in (cover[0], cover[-1], cover[:, 0], cover[:, -1]):
            assert edge.max() > 0.2


def example(noun: str, view: str, colour: str, size_wh: tuple[int, int]) -> SceneObject:
    return SceneObject(
        id=0,
        category=KINDS[noun].category,
        kind=noun,
        colour=colour,
        xyxy=(100.0, 100.0, 100.0 + size_wh[0], 100.0 + size_wh[1]),
        depth_m=40.0,
        zone="pavement",
        view=view,
        flipped=False,
        foot_xy=(100.0, 200.0),
    )


def test_flipping_mirrors() -> None:
    plain, mirrored = Sprite((8, 4)), Sprite((8, 4), flipped=True)
    for sprite in (plain, mirrored):
        sprite.rectangle(0.0, 0.0, 0.25, 1.0, (10, 20, 30))
    np.testing.assert_array_equal(plain.finish()[0][:, ::-1], mirrored.finish()[0])
    np.testing.assert_array_equal(plain.finish()[1][0, :, 0], [1, 1, 0, 0, 0, 0, 0, 0])


def test_shade() -> None:
    assert shade((100, 50, 0), 0.5) == (50, 25, 0)
    assert shade((55, 155, 255), 1.5) == (155, 205, 255)
