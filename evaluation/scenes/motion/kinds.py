"""The kinds of motion: how each is staged for one expression of one scene, or why it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from evaluation.scenes.catalogue import KINDS, VEHICLE_COLOURS
from evaluation.scenes.expressions import Expression
from evaluation.scenes.layout import make_scene
from evaluation.scenes.motion.pose import Pose
from evaluation.scenes.motion.shot import CapturedFrame, Path, drive, still, straight, turn
from evaluation.scenes.scene import Scene, SceneObject

Times = tuple[float, ...]
Staging = Callable[
    [np.random.Generator, Scene, Expression, Times], tuple[CapturedFrame, ...] | None
]

_GROWTH = (1.15, 1.6)  # of the target over the clip, when the camera drives
_TOP_SPEED_MPS = 9.0
_LEAST_DRIVE_M = 2.0
_HALF_LANE_M = 2.2
_TURN_PX_PER_S = 420.0  # at most
_BEYOND_PX = 30.0  # how far outside the frame "gone" is

# Metres a second, for those that move by themselves.
_SPEEDS_MPS = {
    "vehicle": (2.5, 9.0),
    "people": (0.9, 2.0),
    "rider": (2.0, 5.5),
}
_FACES_LEFT = ("vehicle",)  # sprites that face left unless flipped; riders face right


def ego(
    rng: np.random.Generator, scene: Scene, made: Expression, times_s: Times
) -> tuple[CapturedFrame, ...] | None:
    """The camera drives ahead, sways and shakes."""
    depth = scene.objects[made.target].depth_m
    distance = depth * (1.0 - 1.0 / float(rng.uniform(*_GROWTH)))
    distance = min(distance, _TOP_SPEED_MPS * times_s[-1], _clear_ahead_m(scene))
    if distance < _LEAST_DRIVE_M:
        return None
    speed = distance / times_s[-1]
    return (CapturedFrame(scene, drive(rng, times_s, speed), times_s, {}),)


def moving(
    rng: np.random.Generator, scene: Scene, made: Expression, times_s: Times
) -> tuple[CapturedFrame, ...] | None:
    """The target moves by itself, and some others that the sentence does not name."""
    speed = velocity(rng, scene.objects[made.target])
    if speed is None:
        return None
    paths: dict[int, Path] = {made.target: straight(speed)}
    named = {number for _, number in made.mentions}
    for other in scene.objects:
        others = velocity(rng, other)
        if other.id not in named and others is not None and rng.random() < 0.3:
            paths[other.id] = straight(others)
    return (CapturedFrame(scene, still(len(times_s)), times_s, paths),)


def cut(
    rng: np.random.Generator, scene: Scene, made: Expression, times_s: Times
) -> tuple[CapturedFrame, ...] | None:
    """This street, another one without the target, and this street again from elsewhere."""
    count = len(times_s)
    first, second = round(count * 0.4), round(count * 0.65)
    other = make_scene(scene.seed + 50)
    side = 1.0 if rng.random() < 0.5 else -1.0
    pose = Pose(
        forward_m=float(rng.uniform(2.0, 8.0)), pan_px=side * float(rng.uniform(80.0, 280.0))
    )
    return (
        CapturedFrame(scene, still(first), times_s[:first], {}),
        CapturedFrame(other, still(second - first), times_s[first:second], {}, first),
        CapturedFrame(scene, (pose,) * (count - second), times_s[second:], {}, second),
    )


def occlusion(
    rng: np.random.Generator, scene: Scene, made: Expression, times_s: Times
) -> tuple[CapturedFrame, ...] | None:
    """A bus or lorry drives across in front of the target and hides it for a while."""
    target = scene.objects[made.target]
    named = {scene.objects[number].colour for _, number in made.mentions}
    colours = [c for c in VEHICLE_COLOURS if c not in named]
    noun = str(rng.choice(["bus", "truck"]))
    colour = str(rng.choice(colours))
    speed = float(rng.uniform(6.0, 11.0)) * (1.0 if rng.random() < 0.5 else -1.0)
    middle_s = float(rng.uniform(0.4, 0.6)) * times_s[-1]
    for nearness in rng.uniform(0.45, 0.92, 12):
        passing = _in_front(scene, target, noun, colour, float(nearness), speed > 0)
        if passing.xyxy[1] < target.xyxy[1] - 2 and passing.foot_xy[1] < scene.size_wh[1] - 12:
            staged = replace(scene, objects=(*scene.objects, passing))
            paths = {passing.id: straight((speed, 0.0), middle_s)}
            return (CapturedFrame(staged, still(len(times_s)), times_s, paths),)
    return None


def leaving(
    rng: np.random.Generator, scene: Scene, made: Expression, times_s: Times
) -> tuple[CapturedFrame, ...] | None:
    """The target drives or walks out of the frame, or the camera turns away from it."""
    return _over_the_border(rng, scene, made, times_s, float(rng.uniform(0.5, 0.7)), 1.0)


def entering(
    rng: np.random.Generator, scene: Scene, made: Expression, times_s: Times
) -> tuple[CapturedFrame, ...] | None:
    """The target comes into the frame, or the camera turns towards it."""
    return _over_the_border(rng, scene, made, times_s, float(rng.uniform(0.5, 0.7)), -1.0)


STAGINGS: dict[str, Staging] = {
    "ego": ego,
    "moving": moving,
    "cut": cut,
    "occlusion": occlusion,
    "leaving": leaving,
    "entering": entering,
}


def velocity(rng: np.random.Generator, item: SceneObject) -> tuple[float, float] | None:
    """Metres a second to the right and away, where it faces; None for what stands still."""
    if item.category not in _SPEEDS_MPS or item.view == "standing":
        return None
    speed = float(rng.uniform(*_SPEEDS_MPS[item.category]))
    if item.view in ("rear", "front"):
        return 0.0, speed if item.view == "rear" else -speed
    return speed * _heading(item), 0.0


def _clear_ahead_m(scene: Scene) -> float:
    """How far the camera can drive before something in its way slips under the frame."""
    cam = scene.camera
    bottom_m = cam.focal_px * cam.height_m / (scene.size_wh[1] - cam.vanishing_xy[1])
    depths = [
        o.depth_m
        for o in scene.objects
        if o.on_ground and abs(cam.lateral_m(o.centre[0], o.depth_m)) < _HALF_LANE_M
    ]
    return min(depths, default=np.inf) - bottom_m


def _heading(item: SceneObject) -> float:
    """1 when it faces to the right, else -1."""
    left = (item.category in _FACES_LEFT) != item.flipped
    return -1.0 if left else 1.0


def _over_the_border(
    rng: np.random.Generator,
    scene: Scene,
    made: Expression,
    times_s: Times,
    share: float,
    sense: float,
) -> tuple[CapturedFrame, ...] | None:
    """The target crosses a side of the frame; it is in the frame for ``share`` of the clip.

    ``sense``: 1 to leave, -1 to come.
    """
    target = scene.objects[made.target]
    seconds, count = times_s[-1] * share, len(times_s)
    x1, _, x2, _ = target.xyxy
    width = scene.size_wh[0]
    if target.category in _SPEEDS_MPS and target.view in ("side", "walking"):
        side = _heading(target) * sense
        distance_px = (width - x1 if side > 0 else x2) + _BEYOND_PX
        speed = distance_px / seconds * target.depth_m / scene.camera.focal_px
        if speed <= 1.4 * _SPEEDS_MPS[target.category][1]:
            zero_s = 0.0 if sense > 0 else times_s[-1]
            paths = {target.id: straight((side * sense * speed, 0.0), zero_s)}
            return (CapturedFrame(scene, still(count), times_s, paths),)
    side = 1.0 if x1 + x2 > width else -1.0
    distance_px = (width - x1 if side > 0 else x2) + _BEYOND_PX
    if distance_px / seconds > _TURN_PX_PER_S:
        return None
    away_px = side * distance_px / share
    ends = (0.0, away_px) if sense > 0 else (away_px, 0.0)
    return (CapturedFrame(scene, turn(times_s, *ends), times_s, {}),)


def _in_front(
    scene: Scene, target: SceneObject, noun: str, colour: str, nearness: float, flipped: bool
) -> SceneObject:
    """A large vehicle, seen from the side, whose middle hides the target's."""
    kind, cam = KINDS[noun], scene.camera
    depth = target.depth_m * nearness
    w_m, h_m = kind.views["side"]
    w, h = (round(side * cam.focal_px / depth) for side in (w_m, h_m))
    x1 = round(target.centre[0] - w / 2)
    y2 = round(cam.ground_y(depth))
    return SceneObject(
        id=len(scene.objects),
        category=kind.category,
        kind=noun,
        colour=colour,
        xyxy=(float(x1), float(y2 - h), float(x1 + w), float(y2)),
        depth_m=depth,
        zone="cross",
        view="side",
        flipped=flipped,
        foot_xy=(x1 + w / 2, cam.ground_y(depth)),
    )
