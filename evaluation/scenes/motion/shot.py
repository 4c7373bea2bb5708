"""A take without a cut: a scene, where the camera is in each frame, and what moves by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evaluation.scenes.motion.pose import STILL, Pose, Shift, moved
from evaluation.scenes.motion.stage import Stage
from evaluation.scenes.scene import Scene

Path = Callable[[float], Shift]  # seconds since the clip began -> metres


@dataclass(frozen=True, eq=False)
class CapturedFrame:
    """Some frames of one scene.

    Attributes:
        scene: as laid out.
        poses: of the camera, one for each frame.
        times_s: of the frames, since the clip began.
        paths: what moves by itself, by id.
        first_frame: number of its first frame in the clip (seeds noise and rain).
    """

    scene: Scene
    poses: tuple[Pose, ...]
    times_s: tuple[float, ...]
    paths: dict[int, Path]
    first_frame: int = 0

    def __len__(self) -> int:
        return len(self.poses)

    def at(self, k: int) -> Scene:
        """The scene graph of frame ``k`` of this shot."""
        return moved(self.scene, self.poses[k], self._shifts(k))

    def picture(self, k: int) -> np.ndarray:
        """Frame ``k`` of this shot, (h, w, 3) uint8 BGR; the same in whatever order they come."""
        return self._stage.picture(self.poses[k], self._shifts(k), self.first_frame + k)

    def _shifts(self, k: int) -> dict[int, Shift]:
        return {number: path(self.times_s[k]) for number, path in self.paths.items()}

    @cached_property
    def _stage(self) -> Stage:
        return Stage(self.scene, self.poses, frozenset(self.paths))


def still(count: int) -> tuple[Pose, ...]:
    """A camera that stands."""
    return (STILL,) * count


def drive(
    rng: np.random.Generator, times_s: tuple[float, ...], speed_mps: float
) -> tuple[Pose, ...]:
    """A camera that drives ahead at a steady speed, sways a little and shakes."""
    reach_px, phase = float(rng.uniform(5.0, 40.0)), float(rng.uniform(0.0, 2 * np.pi))
    rate = float(rng.uniform(0.15, 0.4)) * 2 * np.pi
    shake_px = rng.normal(0.0, 0.8, len(times_s))
    return tuple(
        Pose(
            forward_m=speed_mps * t,
            pan_px=reach_px * float(np.sin(rate * t + phase) - np.sin(phase)),
            pitch_px=float(shake_px[k]),
        )
        for k, t in enumerate(times_s)
    )


def turn(times_s: tuple[float, ...], start_px: float, end_px: float) -> tuple[Pose, ...]:
    """A camera that turns steadily."""
    first, last = times_s[0], times_s[-1]
    return tuple(
        Pose(pan_px=start_px + (end_px - start_px) * (t - first) / (last - first)) for t in times_s
    )


def straight(speed_xz_mps: Shift, zero_s: float = 0.0) -> Path:
    """Steady motion that is where the object was laid out at ``zero_s``."""
    right, away = speed_xz_mps
    return lambda t: (right * (t - zero_s), away * (t - zero_s))
