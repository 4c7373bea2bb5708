"""Questions about annotated photographs, half of them true of nothing: for calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from evaluation.questions import Question
from sdk.frame import read_image
from train.data.entries import Annotation


def ask_once(
    annotations: Sequence[Annotation], most: int, seed: int
) -> list[tuple[Annotation, str | None]]:
    """One annotation for each of up to ``most`` photographs, all at random, in random order.

    Every second one is asked about with a sentence of another photograph instead, whose own
    photograph is not asked about with it: photographs are then independent of each other. Nobody
    knows sentences that are true of nothing in a photograph; one about another photograph nearly
    always is, and where it happens to be true the calibration errs on the careful side.

    Returns:
        Annotations and, for every second one, the sentence that is asked instead of its own.
    """
    rng = np.random.default_rng((seed, 15))
    by_image: dict[str, list[Annotation]] = {}
    for item in annotations:
        by_image.setdefault(item.image, []).append(item)
    groups = list(by_image.values())
    order = rng.permutation(len(groups))[:most].tolist()
    chosen = [groups[k][int(rng.integers(len(groups[k])))] for k in order]
    others = [item.ref for item in chosen[1::2]]
    others = others[1:] + others[:1]
    asked: list[tuple[Annotation, str | None]] = [(item, None) for item in chosen]
    for k, (item, other) in enumerate(zip(chosen[1::2], others, strict=True)):
        asked[2 * k + 1] = (item, other)
    return [(item, other) for item, other in asked if other != item.ref]


def photo_questions(
    asked: Sequence[tuple[Annotation, str | None]], images: Path
) -> Iterator[Question]:
    """What ``ask_once`` chose, with its photographs; each is read when it is due.

    Raises InputError for a photograph that cannot be read.
    """
    for item, other in asked:
        frame = read_image(images / item.image)
        if other is None:
            yield Question(frame, item.ref, item.xyxy)
        else:
            yield Question(frame, other, None)
