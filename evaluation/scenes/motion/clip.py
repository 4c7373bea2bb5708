"""A short film with the truth about one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evaluation.scenes.expressions import Expression, expressions
from evaluation.scenes.layout import make_scene
from evaluation.scenes.motion.kinds import STAGINGS
from evaluation.scenes.motion.shot import CapturedFrame
from evaluation.scenes.motion.truth import Truth, excludes_others, look, singles_out
from evaluation.scenes.scene import Scene
from evaluation.seeds import CLIPS

CLIP_KINDS = tuple(STAGINGS)

_SCENES_A_CLIP = 100
_ATTEMPTS = 50
_TRIES = 6  # expressions of a scene
_AREA_PX2 = (500.0, 4500.0)  # of a target while it is seen
MIN_FRAMES = 8
_LEAST_PX = 40.0  # that a target that moves by itself has to go


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames of a camera and where the target is in each of them.

    Attributes:
        seed: of the clip.
        kind: one of ``CLIP_KINDS``.
        ref: an expression that is true of the target, and of nothing else, in every frame in
            which it is seen, and of nothing where it is hidden.
        fps: frames a second.
        shots: the takes between the cuts, in order.
        truth: the target in each frame.
    """

    seed: int
    kind: str
    ref: str
    fps: float
    shots: tuple[CapturedFrame, ...]
    truth: tuple[Truth, ...]

    def __len__(self) -> int:
        return len(self.truth)

    def time_s(self, k: int) -> float:
        """When frame ``k`` was taken."""
        return k / self.fps

    def frame(self, k: int) -> np.ndarray:
        """Frame ``k``, (1080, 1920, 3) uint8 BGR.

        Raises:
            IndexError: there is no such frame.
        """
        if not 0 <= k < len(self):
            raise IndexError(f"expected a frame from 0 to {len(self) - 1}, got {k}")
        shot = next(s for s in reversed(self.shots) if s.first_frame <= k)
        return shot.picture(k - shot.first_frame)

    def frames(self) -> Iterator[np.ndarray]:
        """All frames in order, drawn one by one."""
        return (self.frame(k) for k in range(len(self)))


def make_clip(seed: int, kind: str, frames: int = 24, fps: float = 10.0) -> Clip:
    """The clip of a seed; the same arguments always give the same pixels.

    Args:
        seed: any non-negative integer.
        kind: "ego" (the camera drives), "moving" (the target does), "cut" (to another street and
            back to another view of the first), "occlusion" (something passes in front), "leaving"
            or "entering" (the frame).
        frames: at least 8.
        fps: frames a second, above 0.

    Raises:
        ValueError: an argument is out of range.
    """
    if seed < 0:
        raise ValueError(f"expected a seed >= 0, got {seed}")
    if kind not in STAGINGS:
        raise ValueError(f"expected a kind of clip out of {', '.join(CLIP_KINDS)}, got {kind!r}")
    if frames < MIN_FRAMES:
        raise ValueError(f"expected at least {MIN_FRAMES} frames, got {frames}")
    if not fps > 0.0:
        raise ValueError(f"expected a frame rate above 0, got {fps}")
    times_s = tuple(k / fps for k in range(frames))
    number = seed * len(CLIP_KINDS) + CLIP_KINDS.index(kind)
    for attempt in range(_ATTEMPTS):
        rng = np.random.default_rng([number, attempt])
        scene = make_scene(CLIPS.first + number * _SCENES_A_CLIP + attempt)
        offered = expressions(scene, scene.seed)
        for choice in rng.permutation(len(offered))[:_TRIES]:
            made = offered[choice]
            shots = STAGINGS[kind](rng, scene, made, times_s)
            if shots is None:
                continue
            truth = _truth(scene, shots, made)
            if truth is not None and _worth_it(kind, truth):
                return Clip(seed, kind, made.ref, fps, shots, truth)
    raise RuntimeError(f"no {kind} clip for seed {seed}")


def _truth(
    scene: Scene, shots: tuple[CapturedFrame, ...], made: Expression
) -> tuple[Truth, ...] | None:
    """The target in each frame; None when the sentence does not stay true of it alone."""
    truth: list[Truth] = []
    for shot in shots:
        elsewhere = shot.scene.seed != scene.seed
        for k in range(len(shot)):
            now = shot.at(k)
            seen = Truth("hidden", None) if elsewhere else look(now, made.target)
            if elsewhere:
                right = not any(made.description.may_match(o) for o in now.objects)
            elif seen.sight == "seen":
                right = singles_out(now, made)
            else:
                right = excludes_others(now, made)
            if not right:
                return None
            truth.append(seen)
    return tuple(truth)


def _worth_it(kind: str, truth: tuple[Truth, ...]) -> bool:
    """True when the clip shows what its kind promises."""
    boxes = [t.xyxy for t in truth if t.xyxy is not None]
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes]
    if not areas or min(areas) < _AREA_PX2[0] * 0.7 or max(areas) > _AREA_PX2[1]:
        return False
    sights = [t.sight for t in truth]
    if kind in ("ego", "moving"):
        first, last = np.array(boxes[0]), np.array(boxes[-1])
        far = float(np.abs(first - last).max()) >= _LEAST_PX
        return all(sight == "seen" for sight in sights) and (far or kind == "ego")
    seen = [sight == "seen" for sight in sights]
    hidden = [sight == "hidden" for sight in sights]
    if kind == "leaving":
        return _first_run(seen) >= 4 and hidden[-1] and sum(hidden) >= 3
    if kind == "entering":
        return hidden[0] and sum(hidden) >= 3 and _first_run(seen[::-1]) >= 4
    return seen[0] and seen[-1] and sum(hidden) >= 3 and sum(seen) >= len(seen) // 3


def _first_run(values: list[bool]) -> int:
    """How often True comes before the first False."""
    return next((k for k, value in enumerate(values) if not value), len(values))
