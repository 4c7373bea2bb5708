"""What is in a box that was answered, by CLIP: the category that it is most like, and is it that?

The second figure of the published pipelines, besides boxes: a box of the right kind of thing may be
round another one. A CLIP judges, whoever answers; its own mistakes are counted with the answers'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluation.scoring import Answer
from sdk.frame import Frame
from sdk.regions.views import usual_view
from train.data.entries import Annotation
from train.models.clip.public import PublicClip
from train.models.clip.vectors import image_vectors, text_vectors

PROMPT = "a photo of {}"  # as published


class CategoryJudge:
    """Counts answers whose box looks like the annotation's category; those without a box are wrong.

    Args:
        opened: CLIP, on whatever device.
        categories: what there is; annotations of no category are left out.
        prompt: how a category is asked for, ``{}`` in the place of its name.
    """

    def __init__(self, opened: PublicClip, categories: Sequence[str], prompt: str = PROMPT) -> None:
        self._opened, self._categories = opened, tuple(categories)
        self._view, self._right = usual_view("tight"), list[bool]()
        self._said = text_vectors(opened, [prompt.format(name) for name in self._categories])

    def __call__(self, frame: Frame, asked: Annotation, answer: Answer) -> None:
        """Looks at the box of an answer about a BGR frame."""
        if asked.category is not None:
            named = None if answer.xyxy is None else self.named(frame, answer.xyxy)
            self._right.append(named == asked.category)

    def named(self, frame: Frame, xyxy: Any) -> str:
        """The category that a box ``(4,)`` of a BGR frame is most like."""
        boxes = np.asarray(xyxy, np.float64)[None]
        crops = self._view.crops(frame, "bgr", boxes, self._opened.image)
        cosines = image_vectors(self._opened, crops)[0] @ self._said.T
        return self._categories[int(cosines.argmax())]

    def figures(self) -> dict[str, float | int]:
        """``accuracy``, NaN where nothing was counted, and ``n``."""
        share = float(np.mean(self._right)) if self._right else float("nan")
        return {"accuracy": share, "n": len(self._right)}
