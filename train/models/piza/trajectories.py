"""Zoom trajectories: which box each step should predict on the way from the frame to the target.

The published demos show a first window of ``frame area * r**0.39`` around the target, r being
target area over frame area (measured on their results; the exact formula is unpublished). Ours
interpolates each side geometrically, ``side = frame_side**(1 - e) * target_side**e``, which gives
that area and moves the aspect ratio from the frame's to the target's. *Progress* is the fraction
of the way in log area: 0 for the frame, 1 for the target, e for a window of exponent e.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sdk.geometry import Boxes, area, as_boxes, contains, intersection

FIRST_EXPONENT = 0.39
# A window of at least this progress is close enough for the target to be the next box.
LAST_WINDOW = 0.25
_STRETCH = 1.2  # sides of what one window shows at most, in sides of the target's ideal one


def zoom_window(target_xyxy: ArrayLike, outer_xyxy: ArrayLike, exponent: float) -> Boxes:
    """The window of ``exponent`` in [0, 1] between ``outer`` (0) and the target (1).

    Concentric with the target, then shifted (not cut) into ``outer``; contains the target if
    ``outer`` does. Boxes (4,) xyxy frame pixels.
    """
    target, outer = as_boxes(target_xyxy), as_boxes(outer_xyxy)
    side = (outer[2:] - outer[:2]) ** (1 - exponent) * (target[2:] - target[:2]) ** exponent
    start = (target[:2] + target[2:] - side) / 2
    start = np.clip(start, outer[:2], outer[2:] - side)
    return np.concatenate([start, start + side])


def progress(window_xyxy: ArrayLike, target_xyxy: ArrayLike, frame_wh: tuple[int, int]) -> float:
    """How far along the way from frame to target ``window`` is, in [0, 1]; measured in log area."""
    frame_area = float(frame_wh[0] * frame_wh[1])
    whole = np.log(area(target_xyxy) / frame_area)
    return float(np.clip(np.log(area(window_xyxy) / frame_area) / whole, 0, 1)) if whole else 1.0


def next_box(target_xyxy: ArrayLike, window_xyxy: ArrayLike, frame_wh: tuple[int, int]) -> Boxes:
    """What a step that looks at ``window`` should predict: the next window, or the target."""
    window = as_boxes(window_xyxy)
    if progress(window, target_xyxy, frame_wh) >= LAST_WINDOW:
        return as_boxes(target_xyxy)
    return zoom_window(target_xyxy, window, FIRST_EXPONENT)


def jittered_window(
    target_xyxy: ArrayLike, frame_wh: tuple[int, int], rng: np.random.Generator
) -> Boxes:
    """A first window as an imperfect first step would give it; never loses the target.

    Size varies by a factor of exp(+-0.35) a side; the target may lie anywhere in it, so that
    "the object in the middle" is no answer.
    """
    return _jittered(as_boxes(target_xyxy), as_boxes(target_xyxy), frame_wh, rng)


def shared_window(
    target_xyxy: ArrayLike,
    other_xyxy: ArrayLike,
    frame_wh: tuple[int, int],
    rng: np.random.Generator,
) -> Boxes | None:
    """A first window of the target that holds another object as well; None if that is too far.

    Where both are in view, only what the sentence says beyond the noun phrase tells them apart.
    """
    target, other = as_boxes(target_xyxy), as_boxes(other_xyxy)
    both = np.concatenate([np.minimum(target[:2], other[:2]), np.maximum(target[2:], other[2:])])
    ideal = zoom_window(target, [0.0, 0.0, *frame_wh], FIRST_EXPONENT)
    if (both[2:] - both[:2] > _STRETCH * (ideal[2:] - ideal[:2])).any():
        return None
    return _jittered(target, both, frame_wh, rng)


def _jittered(
    target: Boxes, held: Boxes, frame_wh: tuple[int, int], rng: np.random.Generator
) -> Boxes:
    """A window of about the size of the target's first one, anywhere about ``held``."""
    frame = np.array([0.0, 0.0, *frame_wh])
    ideal = zoom_window(target, frame, FIRST_EXPONENT)
    side = (ideal[2:] - ideal[:2]) * np.exp(rng.uniform(-0.35, 0.35) + rng.normal(0, 0.1, 2))
    side = np.minimum(np.maximum(side, (held[2:] - held[:2]) * 1.2), frame[2:])
    low = np.maximum(held[2:] - side, 0)
    high = np.minimum(held[:2], frame[2:] - side)
    # Half of the windows nearly centred, as a trained first step gives them; half anywhere.
    spread = 0.35 if rng.random() < 0.5 else 1.0
    middle = (low + high) / 2
    start = middle + (rng.random(2) - 0.5) * spread * (high - low)
    return np.concatenate([start, start + side])


def wandering_window(
    objects_xyxy: ArrayLike,
    target_xyxy: ArrayLike,
    frame_wh: tuple[int, int],
    rng: np.random.Generator,
) -> Boxes | None:
    """A first window around another object that holds no part of the target; None if none does.

    What the second step sees after a wrong first one: the right answer is a low score.
    """
    others = as_boxes(objects_xyxy)
    for index in rng.permutation(len(others))[:6]:
        window = jittered_window(others[index], frame_wh, rng)
        if intersection(window, target_xyxy) == 0:
            return window
    return None


def visible(objects_xyxy: ArrayLike, window_xyxy: ArrayLike) -> np.ndarray:
    """True for each object that lies wholly in the window, (n, 4) -> (n,) bool."""
    return np.asarray(contains(window_xyxy, objects_xyxy))
