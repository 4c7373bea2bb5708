"""From a scene graph to a picture."""

from __future__ import annotations

import numpy as np

from evaluation.scenes import road
from evaluation.scenes.draw_backdrop import draw_building, draw_sky
from evaluation.scenes.drawing import (
    draw_footing,
    draw_scenery,
    far_to_near,
    hazy_ground,
    hazy_sprite,
    put,
    stream,
)
from evaluation.scenes.scene import Scene
from evaluation.scenes.sensor import expose


def render(scene: Scene) -> np.ndarray:
    """The camera's picture of a scene: (h, w, 3) uint8 BGR, the same for the same scene."""
    if scene.conditions is not None:
        return road.render(scene, scene.conditions)
    frame = draw_sky(scene, stream(scene, 2))
    top, ground = hazy_ground(scene)
    frame[top:] = ground
    for i, block in enumerate(scene.buildings):
        draw_building(frame, scene, block, stream(scene, 8, i))
    for _, sort, i in far_to_near(scene):
        if sort < 2:
            draw_scenery(frame, scene, sort, i)
            continue
        item = scene.objects[i]
        draw_footing(frame, scene, item)
        put(frame, item, *hazy_sprite(scene, item))
    return expose(frame, scene.weather, stream(scene, 4))
