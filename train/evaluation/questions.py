"""Questions about rendered scenes, with their answers: for checks and certificates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.data.scenes import absent, expressions, make_scene, render

ABSENT_EVERY = 10


@dataclass(frozen=True)
class Question:
    """A frame (h, w, 3) BGR, a sentence, the answer (4,) xyxy or None: true of nothing."""

    frame: NDArray[np.uint8]
    ref: str
    target_xyxy: tuple[float, float, float, float] | None


def questions(
    seed: int, count: int, absent_every: int = ABSENT_EVERY, grammar: str = "plain"
) -> Iterator[Question]:
    """One sentence for each of the scenes ``seed``, ``seed + 1``, ...; some true of nothing."""
    for number in range(seed, seed + count):
        scene = make_scene(number)
        if number % absent_every == absent_every - 1:
            yield Question(render(scene), absent(scene, number, grammar), None)
            continue
        known = expressions(scene, number, per_object=1, grammar=grammar)
        chosen = known[int(np.random.default_rng(number).integers(len(known)))]
        yield Question(render(scene), chosen.ref, scene.objects[chosen.target].xyxy)
