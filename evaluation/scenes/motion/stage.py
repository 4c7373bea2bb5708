"""A street that is filmed: what does not change is drawn once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from evaluation.scenes.draw_backdrop import draw_building, draw_sky
from evaluation.scenes.drawing import (
    draw_footing,
    draw_scenery,
    far_to_near,
    hazy_ground,
    hazy_sprite,
    stream,
)
from evaluation.scenes.motion.pose import Pose, Shift, moved
from evaluation.scenes.scene import Rect, Scene, SceneObject
from evaluation.scenes.sensor import expose

_BORDER_PX = 4  # of the canvas, beyond what the poses ask for
_CACHED_SPRITES = 256


@dataclass(frozen=True)
class _Canvas:
    """Sky and ground of the scene as laid out, wider than the frame by ``margin_px`` each side."""

    margin_px: int
    sky: np.ndarray  # (h, w, 3) uint8
    ground: np.ndarray  # (rows, w, 3) uint8
    top: int  # first row of the ground


class Stage:
    """Draws the frames of one scene.

    Sky and ground are drawn once on a wide canvas and warped to each pose; with a camera that
    stands still, everything behind the first mover is kept, too.

    Args:
        scene: as laid out.
        poses: all that will be asked for.
        movers: ids of the objects that move by themselves.
    """

    def __init__(self, scene: Scene, poses: Sequence[Pose], movers: frozenset[int]) -> None:
        self._scene, self._movers = scene, movers
        self._margin_px = int(max(abs(pose.pan_px) for pose in poses)) + _BORDER_PX
        self._sprites: dict[tuple[int, int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._behind: tuple[tuple[Pose, int], np.ndarray] | None = None
        self._wind = float(stream(scene, 10).uniform(-0.25, 0.25))

    def picture(self, pose: Pose, shifts: Mapping[int, Shift], number: int) -> np.ndarray:
        """The camera's frame, (h, w, 3) uint8 BGR; ``number`` seeds its noise and rain."""
        scene = moved(self._scene, pose, shifts)
        things = far_to_near(scene)
        kept = self._still_ones(scene, things)
        frame = self._backdrop(scene, pose, things[:kept]).copy()
        for _, sort, i in things[kept:]:
            self._draw(frame, scene, sort, i)
        return expose(frame, scene.weather, stream(scene, 4, number), self._wind)

    @cached_property
    def _canvas(self) -> _Canvas:
        scene, margin = self._scene, self._margin_px
        w, h = scene.size_wh
        x, y = scene.camera.vanishing_xy
        size_wh = (w + 2 * margin, h)
        camera = replace(scene.camera, size_wh=size_wh, vanishing_xy=(x + margin, y))
        wide = replace(scene, size_wh=size_wh, camera=camera)
        top, ground = hazy_ground(wide)
        return _Canvas(margin, draw_sky(wide, stream(scene, 2)), ground, top)

    def _still_ones(self, scene: Scene, things: Sequence[tuple[float, int, int]]) -> int:
        """How many things, the farthest first, come before the first mover."""
        for k, (_, sort, i) in enumerate(things):
            if sort == 2 and scene.objects[i].id in self._movers:
                return k
        return len(things)

    def _backdrop(
        self, scene: Scene, pose: Pose, things: Sequence[tuple[float, int, int]]
    ) -> np.ndarray:
        key = (pose, len(things))
        if self._behind is None or self._behind[0] != key:
            frame = self._open_country(scene, pose)
            for i, block in enumerate(scene.buildings):
                draw_building(frame, scene, block, stream(scene, 8, i))
            for _, sort, i in things:
                self._draw(frame, scene, sort, i)
            self._behind = (key, frame)
        return self._behind[1]

    def _open_country(self, scene: Scene, pose: Pose) -> np.ndarray:
        """Sky and ground at a pose: the ground is a plane, so each row maps to one row."""
        canvas, cam, (w, h) = self._canvas, scene.camera, scene.size_wh
        left, down = canvas.margin_px - pose.pan_px, pose.pitch_px
        shift = np.array([[1.0, 0.0, -left], [0.0, 1.0, down]])
        frame = cv2.warpAffine(canvas.sky, shift, (w, h), borderMode=cv2.BORDER_REPLICATE)
        top = max(0, int(np.ceil(cam.vanishing_xy[1] + 1)))
        v = np.arange(top, h, dtype=np.float64)[:, None] + 0.5
        u = np.arange(w, dtype=np.float64)[None, :] + 0.5
        z = cam.focal_px * cam.height_m / (v - cam.vanishing_xy[1])  # (rows, 1) metres
        was = z + pose.forward_m
        from_u = (u - cam.vanishing_xy[0]) * (z / was) + cam.vanishing_xy[0] + left
        from_v = cam.focal_px * cam.height_m / was + cam.vanishing_xy[1] - down - canvas.top
        rows = cv2.remap(
            canvas.ground,
            (from_u - 0.5).astype(np.float32),
            np.broadcast_to(from_v - 0.5, from_u.shape).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        frame[top:] = rows
        return frame

    def _draw(self, frame: np.ndarray, scene: Scene, sort: int, index: int) -> None:
        if sort < 2:
            draw_scenery(frame, scene, sort, index)
        else:
            item = scene.objects[index]
            if min(item.size_wh) < 1:
                return  # too far away to be seen
            draw_footing(frame, scene, item)
            paste(frame, *self._sprite(scene, item), item.xyxy)

    def _sprite(self, scene: Scene, item: SceneObject) -> tuple[np.ndarray, np.ndarray]:
        """Drawn at whole pixels; ``paste`` scales it to the fractional box."""
        key = (item.id, *item.size_wh)
        if key not in self._sprites:
            if len(self._sprites) == _CACHED_SPRITES:
                self._sprites.clear()
            self._sprites[key] = hazy_sprite(scene, item)
        return self._sprites[key]


def paste(frame: np.ndarray, colour: np.ndarray, cover: np.ndarray, xyxy: Rect) -> None:
    """Draw a sprite into a fractional box; what lies outside the frame is cut off.

    Args:
        frame: (h, w, 3) uint8, changed.
        colour: (a, b, 3) float32, premultiplied by ``cover``.
        cover: (a, b, 1) float32, 0 to 1.
        xyxy: box in frame pixels.
    """
    height, width = frame.shape[:2]
    rows, columns = cover.shape[:2]
    x1, y1, x2, y2 = xyxy
    left, right = max(0, int(np.floor(x1))), min(width, int(np.ceil(x2)))
    top, bottom = max(0, int(np.floor(y1))), min(height, int(np.ceil(y2)))
    if left >= right or top >= bottom:
        return
    scale_x, scale_y = (x2 - x1) / columns, (y2 - y1) / rows
    matrix = np.array(  # centres of sprite pixels -> centres of frame pixels
        [
            [scale_x, 0.0, x1 + 0.5 * scale_x - 0.5 - left],
            [0.0, scale_y, y1 + 0.5 * scale_y - 0.5 - top],
        ]
    )
    layers = np.concatenate([colour, cover], axis=2)
    warped = cv2.warpAffine(layers, matrix, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
    patch = frame[top:bottom, left:right]
    mixed = patch * (1.0 - warped[:, :, 3:]) + warped[:, :, :3] + 0.5
    patch[:] = np.clip(mixed, 0, 255).astype(np.uint8)
