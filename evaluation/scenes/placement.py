"""Where an object stands: a box of the wanted size at a plausible place that is still free."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from evaluation.scenes.camera import Camera
from evaluation.scenes.catalogue import KINDS, Kind
from evaluation.scenes.scene import Rect, Road, SceneObject

GAP_PX = 8.0
_MARGIN_PX = 12
_TRIES = 60
_DIRECTIONS = {"rear": 1.0, "front": -1.0}  # traffic keeps to the right
_CHOICES = 5  # free places that are compared when an object is to stand near another


def overlap(a: Rect, b: Rect, gap: float = 0.0) -> bool:
    """True when two boxes come closer than ``gap`` pixels in both directions."""
    return a[0] < b[2] + gap and b[0] < a[2] + gap and a[1] < b[3] + gap and b[1] < a[3] + gap


def _scattered(z: float, rng: np.random.Generator) -> float:
    """A depth about ``z`` metres, the far ones drawn nearer.

    Without that all small lorries and buses would end on the horizon.
    """
    if z < 50.0:
        return z * float(rng.uniform(0.62, 1.22))
    return (50.0 + 0.3 * min(z - 50.0, 100.0)) * float(rng.uniform(0.76, 1.2))


@dataclass
class Ground:
    """A street that is being filled; ``objects`` grows."""

    camera: Camera
    road: Road
    objects: list[SceneObject] = field(default_factory=list)

    def add(
        self,
        rng: np.random.Generator,
        noun: str,
        colour: str,
        area_px2: tuple[float, float],
        social: bool,
    ) -> bool:
        """Place one object with a box area in the range; False when no place was found.

        ``social``: of several free places take the one nearest to another object.
        """
        found: list[SceneObject] = []
        for _ in range(_TRIES):
            candidate = self._candidate(rng, KINDS[noun], colour, area_px2)
            if candidate is not None and self._free(candidate):
                found.append(candidate)
                if not social or len(found) == _CHOICES:
                    break
        if not found:
            return False
        self.objects.append(min(found, key=self._isolation) if social else found[0])
        return True

    def _isolation(self, candidate: SceneObject) -> float:
        cx, cy = candidate.centre
        return min(
            (np.hypot(cx - o.centre[0], cy - o.centre[1]) for o in self.objects), default=0.0
        )

    def _free(self, candidate: SceneObject) -> bool:
        mine = (candidate.xyxy, *candidate.supports)
        for other in self.objects:
            if overlap(candidate.xyxy, other.xyxy, GAP_PX):
                return False
            theirs = (other.xyxy, *other.supports)
            if any(overlap(candidate.xyxy, rect, 2.0) for rect in theirs[1:]):
                return False
            if any(overlap(rect, other.xyxy, 2.0) for rect in mine[1:]):
                return False
        return True

    def _candidate(
        self,
        rng: np.random.Generator,
        kind: Kind,
        colour: str,
        area_px2: tuple[float, float],
    ) -> SceneObject | None:
        view = str(rng.choice(list(kind.views)))
        zone = self._zone(rng, kind, view)
        if zone is None:
            return None
        w_m, h_m = kind.views[view]
        area = rng.uniform(*area_px2)
        aspect = w_m / h_m * rng.uniform(0.95, 1.06)
        w, h = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
        if not area_px2[0] <= w * h <= area_px2[1]:
            return None
        # Sizes vary in reality, too: the depth need not follow from the size exactly, and
        # the scatter spreads the objects over the frame.
        z = _scattered(self.camera.focal_px * h_m / h, rng)
        if zone == "cross" and not self.road.crossed_at(z, -1.0):
            return None
        if kind.mounted and self.road.crossed_at(z, 1.0):
            return None  # no pole stands in the crossing street
        x = self._lateral(rng, zone, z, w)
        if x is None:
            return None
        if zone == "road" and view in _DIRECTIONS:
            x = abs(x) * _DIRECTIONS[view]
        return self._assemble(rng, kind, colour, (w, h), (x, z), zone, view)

    def _zone(self, rng: np.random.Generator, kind: Kind, view: str) -> str | None:
        zone = str(rng.choice(kind.zones))
        sideways = kind.category == "vehicle" and view == "side"
        if zone == "cross" and (self.road.cross_z_m is None or view not in ("side", "walking")):
            return None
        if zone == "road" and sideways:
            return None
        return zone

    def _lateral(self, rng: np.random.Generator, zone: str, z: float, w: int) -> float | None:
        """A lateral position in metres, or None when the zone is outside the frame there."""
        cam, road = self.camera, self.road
        half = 0.5 * w * z / cam.focal_px
        left = cam.lateral_m(_MARGIN_PX, z) + half
        right = cam.lateral_m(cam.size_wh[0] - _MARGIN_PX, z) - half
        kerb, wall = road.half_width_m, road.half_width_m + road.pavement_m
        if zone == "road":
            ranges = [(-kerb + half + 0.3, kerb - half - 0.3)]
        elif zone == "overhead":
            ranges = [(-kerb, kerb)]
        elif zone == "pavement":
            ranges = [(-wall + 0.4, -kerb - 0.4), (kerb + 0.4, wall - 0.4)]
        elif zone == "cross":
            ranges = [(left, right)]
        else:
            ranges = [(left, -wall - half), (wall + half, right)]
        low, high = ranges[int(rng.integers(len(ranges)))]
        low, high = max(low, left), min(high, right)
        return float(rng.uniform(low, high)) if low < high else None

    def _assemble(
        self,
        rng: np.random.Generator,
        kind: Kind,
        colour: str,
        size_wh: tuple[int, int],
        xz: tuple[float, float],
        zone: str,
        view: str,
    ) -> SceneObject | None:
        cam = self.camera
        (w, h), (x, z) = size_wh, xz
        height = rng.uniform(*kind.heights_m) + (1.2 if zone == "overhead" else 0.0)
        u, v = cam.project(x, height, z)
        x1, y2 = round(u - w / 2), round(v)
        box = (float(x1), float(y2 - h), float(x1 + w), float(y2))
        frame_w, frame_h = cam.size_wh
        if box[0] < _MARGIN_PX or box[1] < _MARGIN_PX or box[2] > frame_w - _MARGIN_PX:
            return None
        foot_y = cam.ground_y(z)
        if foot_y > frame_h - _MARGIN_PX or box[3] > foot_y + 1:
            return None
        foot = (x1 + w / 2, foot_y)
        supports: tuple[Rect, ...] = ()
        if kind.mounted:
            foot, supports = self._supports(box, z, zone, x)
        return SceneObject(
            id=len(self.objects),
            category=kind.category,
            kind=kind.noun,
            colour=colour,
            xyxy=box,
            depth_m=float(z),
            zone=zone,
            view=view,
            flipped=bool(rng.random() < 0.5),
            foot_xy=foot,
            supports=supports,
        )

    def _supports(
        self, box: Rect, z: float, zone: str, x: float
    ) -> tuple[tuple[float, float], tuple[Rect, ...]]:
        """Foot and boxes of the pole (and arm) that carry a mounted object."""
        cam = self.camera
        thick = max(1.5, 0.07 * cam.focal_px / z)
        middle = (box[0] + box[2]) / 2
        ground = cam.ground_y(z)
        if zone != "overhead":
            return (middle, ground), ((middle - thick, box[3], middle + thick, ground),)
        side = 1.0 if x > 0 else -1.0
        pole, _ = cam.project(side * (self.road.half_width_m + 0.7), 0.0, z)
        arm_y = box[1] - 2 * thick
        arm = (min(pole, box[0]), arm_y - thick, max(pole, box[2]), box[1])
        return (pole, ground), (arm, (pole - thick, arm_y - thick, pole + thick, ground))
