"""A sentence and a photograph as a game: nine actions move and shape a box until it is the object.

The rules are the vehicle's (``sdk.regions.refiners.acting``): how a box moves, what is remembered.
Published games begin at the whole frame. Some of ours begin near the object, as the next frame of a
video does on the vehicle: they show early what a box is worth that is nearly right.
The reward is that of Caicedo and Lazebnik (2015), the sign of the change of the IoU, and 3 or -3
for the trigger at an IoU of 0.5 or less. The published code of this project's model gives the sign
the wrong way round; here it is as it is meant.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from evaluation.metrics import RIGHT_IOU
from sdk.frame import Frame, read_image
from sdk.geometry import Boxes, clip, cxcywh_to_xyxy, grow, iou, xyxy_to_cxcywh
from sdk.regions.refiners.acting import (
    ACTIONS,
    LEAST,
    REMEMBERED,
    RIGHT_REWARD,
    TRIGGER,
    moved,
    nothing_done,
    remembered,
    shares,
)
from sdk.regions.views import View
from train.data.box_questions import BoxQuestions
from train.models.box_refiners.config import BoxConfig
from train.models.box_refiners.heads import observed
from train.models.clip.public import PublicClip
from train.models.clip.vectors import image_vectors

_MOST_VECTORS = 200_000  # that are kept: of 512 numbers they are 400 MB
_MOST_FRAMES = 32

Float32 = NDArray[np.float32]


class Looks:
    """The vectors of boxes of photographs, each made once as long as there is room for it.

    Args:
        names: of the photographs.
        images: their folder.
        opened: CLIP.
        view: how it is shown a box.
    """

    def __init__(
        self, names: tuple[str, ...], images: Path, opened: PublicClip, view: View
    ) -> None:
        self._names, self._images, self._opened, self._view = names, images, opened, view
        self._seen: OrderedDict[tuple[int, tuple[float, ...]], Float32] = OrderedDict()
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self.made = 0  # vectors, for whoever wants to know what a cache is worth

    def __call__(self, photograph: int, xyxy: Boxes) -> Float32:
        """(D,) of length 1."""
        key = (photograph, tuple(np.round(xyxy, 2).tolist()))
        if key not in self._seen:
            frame = self._frame(photograph)
            crops = self._view.crops(frame, "bgr", xyxy[None], self._opened.image)
            self._seen[key] = image_vectors(self._opened, crops)[0].numpy()
            self.made += 1
            if len(self._seen) > _MOST_VECTORS:
                self._seen.popitem(last=False)
        self._seen.move_to_end(key)
        return self._seen[key]

    def _frame(self, photograph: int) -> Frame:
        """Its pixels, which are kept for a while."""
        if photograph not in self._frames:
            self._frames[photograph] = read_image(self._images / self._names[photograph])
            if len(self._frames) > _MOST_FRAMES:
                self._frames.popitem(last=False)
        self._frames.move_to_end(photograph)
        return self._frames[photograph]


def near_box(xyxy: Boxes, whole: Boxes, rng: np.random.Generator) -> Boxes:
    """A box ``(4,)`` beside another one, of another size, inside the frame; our choice of both."""
    centre, sides = np.split(xyxy_to_cxcywh(xyxy), 2)
    centre = centre + rng.uniform(-0.5, 0.5, 2) * sides
    sides = sides * rng.uniform(0.7, 2.0, 2)
    return grow(clip(cxcywh_to_xyxy(np.concatenate([centre, sides])), whole), LEAST, whole)


class BoxEnvironment(gymnasium.Env[Float32, np.int64]):
    """One question an episode, of all of them in turn, in an order of its own each epoch.

    An observation is what the Q network's layers take (``heads.observed``). An episode ends with
    the trigger; after ``most_steps`` actions without it, it is cut off.

    Args:
        questions: what is asked.
        looks: sees the boxes.
        config: of the Q network: how many steps there are, and how large they are.
        near: the share of episodes that begin near the object.
    """

    def __init__(
        self, questions: BoxQuestions, looks: Looks, config: BoxConfig, near: float = 0.0
    ) -> None:
        self._questions, self._looks, self._config = questions, looks, config
        self._near, self._episode = near, 0
        wide = 2 * config.features + REMEMBERED * len(ACTIONS) + 4
        self.observation_space = spaces.Box(-np.inf, np.inf, (wide,), np.float32)
        self.action_space = spaces.Discrete(len(ACTIONS))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """The next question, and where to begin. See ``gymnasium.Env``."""
        super().reset(seed=seed)
        self._asked = self._questions.question(self._episode)
        rng = np.random.default_rng((self._questions.seed, self._episode, 6))
        self._episode += 1
        self._photograph = int(self._questions.photograph[self._asked])
        self._frame_wh = self._questions.frame_wh(self._asked)
        self._box = np.array([0.0, 0.0, *self._frame_wh])
        if rng.random() < self._near:
            self._box = near_box(self._questions.boxes[self._asked], self._box, rng)
        self._past, self._steps = nothing_done(), 0
        return self._observation(), self._told()

    def step(self, action: np.int64) -> tuple[Float32, float, bool, bool, dict[str, Any]]:
        """See ``gymnasium.Env``."""
        chosen, before = int(action), self._iou()
        self._steps += 1
        if chosen == TRIGGER:
            reward = RIGHT_REWARD if before >= RIGHT_IOU else -RIGHT_REWARD
            return self._observation(), reward, True, False, self._told()
        self._box = moved(self._box, chosen, self._config.step, self._frame_wh)
        self._past = remembered(self._past, chosen)
        reward = float(np.sign(self._iou() - before))
        over = self._steps >= self._config.most_steps
        return self._observation(), reward, False, over, self._told()

    def _iou(self) -> float:
        return float(iou(self._box, self._questions.boxes[self._asked]))

    def _told(self) -> dict[str, Any]:
        return {"iou": self._iou(), "xyxy": self._box, "question": self._asked}

    def _observation(self) -> Float32:
        said = self._questions.vectors.said[self._questions.sentence[self._asked]]
        parts = (
            torch.from_numpy(self._looks(self._photograph, self._box)),
            said,
            torch.from_numpy(self._past.reshape(-1)),
            torch.from_numpy(shares(self._box, self._frame_wh)),
        )
        return observed(*parts).numpy()
