"""Close-ups: windows of scenes in which nothing is cut off, enlarged until nothing is small.

What a detector or CLIP was made for: a handful of objects of 40 to 200 pixels, a phrase or a
sentence about one of them, as in RefCOCO.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from evaluation.scenes.expressions import expressions
from evaluation.scenes.scene import Rect, Scene, SceneObject

SIZE_WH = (960, 540)
WINDOW_W = (400, 640)  # targets of 26 to 45 px become 40 to 110 px
_NARROWEST = 16  # a picture's shape in whole pixels
_TRIES = 80
_LEAST_OBJECTS = 3  # of windows as wide as usual; narrower ones may hold one alone
_CLEAR_PX = 3.0  # between an object and the border
_ALIKE = 0.6  # IoU of windows that would show the same twice


@dataclass(frozen=True)
class CloseUp:
    """A window of a scene.

    Attributes:
        scene: what is wholly in the window, in the window's own pixels before it is enlarged, which
            sizes and relations are spoken of in.
        window_xyxy: the window, whole pixels of the frame.
    """

    scene: Scene
    window_xyxy: tuple[int, int, int, int]

    @property
    def scale(self) -> float:
        """How much larger the picture is than the window."""
        return SIZE_WH[0] / self.scene.size_wh[0]

    def xyxy(self, item: SceneObject) -> Rect:
        """Box of one of its objects in the picture."""
        x1, y1, x2, y2 = (self.scale * side for side in item.xyxy)
        return x1, y1, x2, y2


@dataclass(frozen=True)
class Said:
    """A text that is true of one object: its id in the close-up's scene; ``relation``: whether more
    than the noun phrase is needed to tell."""

    ref: str
    target: int
    relation: bool


def close_ups(scene: Scene, most: int, window_w: tuple[int, int] = WINDOW_W) -> list[CloseUp]:
    """Up to so many close-ups of a scene, no two of nearly the same window.

    window_w: how wide windows are at least and at most, in pixels of the scene; of 80 to 160 pixels
    objects fill as much of the picture as RefCOCO's do.
    """
    found: list[CloseUp] = []
    for number in range(most):
        each = _close_up(scene, number, window_w)
        if each is None:
            continue
        if all(_overlap(each.window_xyxy, other.window_xyxy) < _ALIKE for other in found):
            found.append(each)
    return found


def _close_up(scene: Scene, number: int, window_w: tuple[int, int]) -> CloseUp | None:
    """One try, or None where no window is found that cuts nothing."""
    rng = np.random.default_rng([scene.seed, 10, number])
    small = [item for item in scene.objects if item.targetable]
    least = _LEAST_OBJECTS if window_w[0] >= WINDOW_W[0] else 1
    for _ in range(_TRIES):
        around = small[int(rng.integers(len(small)))]
        window = _window(scene.size_wh, around.centre, window_w, rng)
        inside = _uncut(scene, window)
        if inside is not None and len(inside) >= least:
            x1, y1, x2, y2 = window
            size_wh = (x2 - x1, y2 - y1)
            objects = tuple(
                replace(_shifted(item, -x1, -y1), id=k) for k, item in enumerate(inside)
            )
            return CloseUp(replace(scene, size_wh=size_wh, objects=objects), window)
    return None


def sentences(shown: CloseUp, seed: int, per_object: int = 2) -> list[Said]:
    """The phrase of each small object that it alone fits, and sentences of the plain grammar."""
    objects = shown.scene.objects
    phrases = [item.phrase for item in objects]
    small = [item for item in objects if item.targetable]
    alone = [Said(o.phrase, o.id, False) for o in small if phrases.count(o.phrase) == 1]
    made = expressions(shown.scene, seed, per_object)
    return sorted(
        [*alone, *(Said(e.ref, e.target, e.needs_relation) for e in made)],
        key=lambda said: said.target,
    )


def picture(shown: CloseUp, frame: np.ndarray) -> np.ndarray:
    """The window of the scene's ``frame`` (h, w, 3), (540, 960, 3) uint8 BGR."""
    x1, y1, x2, y2 = shown.window_xyxy
    enlarged = cv2.resize(frame[y1:y2, x1:x2], SIZE_WH, interpolation=cv2.INTER_CUBIC)
    return np.asarray(enlarged, np.uint8)


def _window(
    size_wh: tuple[int, int],
    centre: tuple[float, float],
    window_w: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[int, int, int, int]:
    """A window of the picture's shape that holds a point somewhere in its middle half."""
    w = _NARROWEST * round(rng.uniform(*window_w) / _NARROWEST)  # whole pixels, of the very shape
    h = w * SIZE_WH[1] // SIZE_WH[0]
    x1 = round(centre[0] - w * rng.uniform(0.2, 0.8))
    y1 = round(centre[1] - h * rng.uniform(0.2, 0.8))
    x1, y1 = min(max(x1, 0), size_wh[0] - w), min(max(y1, 0), size_wh[1] - h)
    return x1, y1, x1 + w, y1 + h


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> float:
    """IoU of two windows."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(w, 0) * max(h, 0)
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (a, b)]
    return shared / (sum(areas) - shared)


def _uncut(scene: Scene, window: tuple[int, int, int, int]) -> list[SceneObject] | None:
    """The objects in a window, or None if it cuts one."""
    inside = []
    for item in scene.objects:
        x1, y1, x2, y2 = item.xyxy
        left, top, right, bottom = window
        if x2 <= left or x1 >= right or y2 <= top or y1 >= bottom:
            continue
        if min(x1 - left, y1 - top, right - x2, bottom - y2) < _CLEAR_PX:
            return None
        inside.append(item)
    return inside


def _shifted(item: SceneObject, dx: float, dy: float) -> SceneObject:
    def moved(box: Rect) -> Rect:
        return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy

    return replace(
        item,
        xyxy=moved(item.xyxy),
        foot_xy=(item.foot_xy[0] + dx, item.foot_xy[1] + dy),
        supports=tuple(map(moved, item.supports)),
    )
