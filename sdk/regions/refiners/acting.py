"""A refiner that acts: it moves and shapes a box step by step until it takes it for the object.

As in active object localisation (Caicedo and Lazebnik 2015), with a sentence: a network values nine
actions by what it sees of the box, the sentence, where the box is and what was done before. It was
trained by a Q network (Mnih et al. 2015) on the sign of the change of the IoU, and on 3 or -3 for
the trigger at an IoU of 0.5 or less. So its value of the trigger says how likely the box is right,
which is the score.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes, cxcywh_to_xyxy, grow, xyxy_to_cxcywh
from sdk.json_reader import JsonReader
from sdk.regions.refiners.refiner import (
    IMAGE_FEATURES,
    TEXT_FEATURES,
    Asked,
    Float32,
    Refined,
    step_of,
)
from sdk.regions.views import View, read_view
from sdk.results.grounding import Zoom
from sdk.runtime.runtime import Signature

DQN = "dqn"
ACTIONS = (
    "left", "right", "up", "down", "bigger", "smaller", "fatter", "taller", "trigger",
)  # fmt: skip
TRIGGER = ACTIONS.index("trigger")
REMEMBERED = 10  # of the last actions
RIGHT_REWARD = 3.0  # of the trigger where the box is right, and its negative elsewhere
PAST, BOX, VALUES = "past", "box", "values"
LEAST = 4.0  # side of a box in pixels (our choice: there is little to see in a smaller one)

# By what share of the step its centre moves and its sides grow, of width and height each. The
# flatter and the narrower box of the paper lose height and width, and gain nothing.
_SHIFTS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
_GROWTHS = {"bigger": (1, 1), "smaller": (-1, -1), "fatter": (0, -1), "taller": (-1, 0)}


def moved(xyxy: Boxes, action: int, step: float, frame_wh: tuple[int, int]) -> Boxes:
    """The box after an action.

    Args:
        xyxy: ``(4,)`` frame pixels.
        action: an index into ``ACTIONS``; the trigger moves nothing.
        step: share of the box's sides by which it is moved, or by which they grow.
        frame_wh: width and height of the frame, which the box does not leave: it is shifted back,
            and cut where it is larger.

    Returns:
        ``(4,)`` frame pixels, of some pixels at least.
    """
    name = ACTIONS[action]
    if action == TRIGGER:
        return xyxy
    centre, sides = np.split(xyxy_to_cxcywh(xyxy), 2)
    size = np.array(frame_wh, np.float64)
    centre = centre + step * np.array(_SHIFTS.get(name, (0, 0))) * sides
    sides = sides * (1.0 + step * np.array(_GROWTHS.get(name, (0, 0))))
    sides = np.minimum(sides, size)
    centre = np.clip(centre, sides / 2, size - sides / 2)
    box = cxcywh_to_xyxy(np.concatenate([centre, sides]))
    return grow(box, LEAST, (0.0, 0.0, *frame_wh))


def remembered(past: Float32, action: int) -> Float32:
    """The last actions with one more.

    Args:
        past: ``(REMEMBERED, len(ACTIONS))`` one-hot, latest first.
        action: an index into ``ACTIONS``.
    """
    latest = np.zeros((1, len(ACTIONS)), np.float32)
    latest[0, action] = 1.0
    return np.concatenate([latest, past[:-1]])


def nothing_done() -> Float32:
    """The last actions where there are none."""
    return np.zeros((REMEMBERED, len(ACTIONS)), np.float32)


def shares(xyxy: Boxes, frame_wh: tuple[int, int]) -> Float32:
    """A box as shares of the frame's sides, ``(4,)``.

    Args:
        xyxy: ``(4,)`` frame pixels.
        frame_wh: width and height of the frame.
    """
    return np.asarray(xyxy / np.array(frame_wh * 2, np.float64), np.float32)


def likelihood(values: NDArray[Any]) -> float:
    """How likely a box is right, 0..1, by the values of the actions ``(9,)``.

    The trigger ends everything, so that its value is the reward to be expected.
    """
    value = float(np.nan_to_num(values[TRIGGER], nan=-RIGHT_REWARD))
    return min(max(0.5 + value / (2.0 * RIGHT_REWARD), 0.0), 1.0)


@dataclass(frozen=True)
class Actor:
    """A network values actions: ``image_features, text_features (1, D), past (1, 90), box (1, 4)
    -> values (1, 9)``; the box as shares of the frame, xyxy.

    Attributes:
        network: its name.
        most_steps: looks, at most.
        step: see ``moved``.
        view: how the box is shown to the image network.
    """

    network: str
    most_steps: int = 10
    step: float = 0.3
    view: View = field(default_factory=lambda: View("padded"))

    method = DQN
    begins_anywhere = True

    @property
    def signature(self) -> Signature:
        """See ``Refiner``."""
        past = (1, REMEMBERED * len(ACTIONS))
        inputs: dict[str, tuple[int, ...] | None] = {IMAGE_FEATURES: None, TEXT_FEATURES: None}
        return Signature(inputs | {PAST: past, BOX: (1, 4)}, (VALUES,))

    def refine(self, asked: Asked, start_xyxy: Boxes) -> Refined:
        """See ``Refiner``: a look a step; the box is what the last one made of it."""
        box, past = start_xyxy, nothing_done()
        steps: list[Zoom] = []
        for number in range(self.most_steps):
            seen = asked.sight.seen(self.view, box[None], first=asked.needed and not number)
            if not len(seen):
                return Refined(tuple(steps), complete=False)
            feeds = {
                IMAGE_FEATURES: seen,
                TEXT_FEATURES: asked.said,
                PAST: past.reshape(1, -1),
                BOX: shares(box, asked.frame_wh)[None],
            }
            [found] = asked.runtime.fetch(self.network, [feeds])
            values = found[VALUES][0]
            action = int(np.argmax(values))
            following = moved(box, action, self.step, asked.frame_wh)
            steps.append(step_of(box, following, likelihood(values)))
            if action == TRIGGER:
                break
            box, past = following, remembered(past, action)
        return Refined(tuple(steps))

    def describe(self) -> str:
        """See ``Refiner``."""
        return (
            f"moves and shapes a box in up to {self.most_steps} steps of {self.step:.0%} of its"
            " sides; a score is its own value of having found it"
        )

    def to_mapping(self) -> dict[str, Any]:
        """See ``Refiner``."""
        return {
            "method": self.method,
            "network": self.network,
            "most_steps": self.most_steps,
            "step": self.step,
            "view": self.view.to_mapping(),
        }


def read_actor(reader: JsonReader, networks: tuple[str, ...]) -> Actor:
    """What ``Actor.to_mapping`` gave; raises EngineError where it makes no sense."""
    return Actor(
        reader.text("network", choices=networks),
        int(reader.number("most_steps", low=1, high=100, whole=True)),
        reader.number("step", low=0.01, high=0.9),
        read_view(reader.part("view")),
    )
