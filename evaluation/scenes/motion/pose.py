"""Where the camera and the objects have got to: a scene graph after some motion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from evaluation.scenes.camera import Camera
from evaluation.scenes.draw_backdrop import leaf_clusters
from evaluation.scenes.scene import Rect, Scene, SceneObject, Tree

Shift = tuple[float, float]  # metres to the right and away from where the object was laid out

_NEAREST_M = 3.0  # nearer things are beside the camera or behind it


@dataclass(frozen=True)
class Pose:
    """The camera, relative to where the scene was laid out.

    Attributes:
        forward_m: driven along the street.
        pan_px: how far to the right the picture has moved, since the camera turned left. A shift
            of the whole picture stands for the rotation: our own approximation for small angles.
        pitch_px: how far down the picture has moved.
    """

    forward_m: float = 0.0
    pan_px: float = 0.0
    pitch_px: float = 0.0


STILL = Pose()


def moved(scene: Scene, pose: Pose, shifts: Mapping[int, Shift]) -> Scene:
    """The scene graph as the moved camera sees it.

    Boxes are fractional and may lie outside the frame. Things that the camera has passed are left
    out, so that an object's id need no longer be its index. The road stays as it was laid out.

    Args:
        scene: as laid out.
        pose: of the camera.
        shifts: how far objects have moved by themselves, by id.
    """
    camera = _turned(scene.camera, pose)
    objects = (_moved_object(o, scene.camera, camera, pose, shifts) for o in scene.objects)
    trees = (_moved_tree(t, scene.camera, pose) for t in scene.trees)
    return replace(
        scene,
        camera=camera,
        objects=tuple(o for o in objects if o.depth_m >= _NEAREST_M),
        buildings=tuple(
            replace(b, z_m=(b.z_m[0] - pose.forward_m, b.z_m[1] - pose.forward_m))
            for b in scene.buildings
        ),
        trees=tuple(t for t in trees if t.z_m >= _NEAREST_M),
        lamps=tuple(
            replace(p, z_m=p.z_m - pose.forward_m)
            for p in scene.lamps
            if p.z_m - pose.forward_m >= _NEAREST_M
        ),
    )


def _turned(camera: Camera, pose: Pose) -> Camera:
    x, y = camera.vanishing_xy
    return replace(camera, vanishing_xy=(x + pose.pan_px, y + pose.pitch_px))


def _moved_tree(tree: Tree, camera: Camera, pose: Pose) -> Tree:
    """A tree keeps the leaves that it had when the scene was laid out."""
    clusters = leaf_clusters(tree.radius_m * camera.focal_px / tree.z_m)
    return replace(tree, z_m=tree.z_m - pose.forward_m, clusters=clusters)


def _moved_object(
    item: SceneObject,
    before: Camera,
    after: Camera,
    pose: Pose,
    shifts: Mapping[int, Shift],
) -> SceneObject:
    """Box, foot and supports scaled about the vanishing point, as the depth says."""
    right_m, away_m = shifts.get(item.id, (0.0, 0.0))
    depth = item.depth_m - pose.forward_m + away_m
    if depth < _NEAREST_M:
        return replace(item, depth_m=depth)
    scale = item.depth_m / depth
    slide = before.focal_px * right_m / depth

    def point(x: float, y: float) -> tuple[float, float]:
        return (
            after.vanishing_xy[0] + (x - before.vanishing_xy[0]) * scale + slide,
            after.vanishing_xy[1] + (y - before.vanishing_xy[1]) * scale,
        )

    def rect(box: Rect) -> Rect:
        return (*point(box[0], box[1]), *point(box[2], box[3]))

    return replace(
        item,
        depth_m=depth,
        xyxy=rect(item.xyxy),
        foot_xy=point(*item.foot_xy),
        supports=tuple(rect(support) for support in item.supports),
    )
