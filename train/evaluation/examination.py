"""Questions about annotated photographs: every sentence, and some of other photographs'."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from evaluation.groups import relations
from evaluation.scoring import Answer, Locator, Row, judged
from sdk.errors import InputError
from sdk.frame import Frame, read_image
from train.data.entries import Annotation
from train.evaluation.locators import NO_ANSWER

_TRIES = 50  # draws of a sentence from another photograph


def ask(
    locator: Locator,
    annotations: Sequence[Annotation],
    images: Path,
    foreign: int,
    seed: int,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
    look: Callable[[Frame, Annotation, Answer], None] | None = None,
) -> list[Row]:
    """Asks for every annotation; each photograph is read once.

    Nobody knows sentences that are true of nothing in a photograph. A sentence about another
    photograph nearly always is, so it stands in for one, and its answer is both ``shuffled`` and
    ``absent`` in its row: now and then it happens to be true, so the rate of false alarms is a
    little too high. Whether a sentence needs its relation is unknown as well; here it does if it
    names one. A sentence that the locator refuses (too long, say) counts as not answered.

    Args:
        locator: who answers.
        annotations: what is asked.
        images: folder of the photographs.
        foreign: how many annotations, chosen at random, are asked with a foreign sentence too.
        seed: of that choice.
        progress: wraps the names of the photographs, to show how far it got.
        look: is shown the answer to each annotation's own sentence, and the photograph.

    Returns:
        A row for each annotation, in their order.

    Raises:
        InputError: a photograph cannot be read.
    """
    others = foreign_refs(annotations, foreign, seed)
    by_image: dict[str, list[int]] = defaultdict(list)
    for index, item in enumerate(annotations):
        by_image[item.image].append(index)
    rows: dict[int, Row] = {}
    for image in progress(list(by_image)):
        indices = by_image[image]
        asked = [annotations[k].ref for k in indices] + [others[k] for k in indices if k in others]
        frame = read_image(images / image)
        answers = iter(_answers(locator, frame, asked))
        true = dict(zip(indices, answers, strict=False))
        strange = dict(zip([k for k in indices if k in others], answers, strict=True))
        for k in indices:
            item, other = annotations[k], strange.get(k)
            related = bool(relations(item.ref))
            if look is not None:
                look(frame, item, true[k])
            rows[k] = judged(item.ref, item.xyxy, related, true[k], other, other)
    return [rows[k] for k in range(len(annotations))]


def foreign_refs(annotations: Sequence[Annotation], count: int, seed: int) -> dict[int, str]:
    """For ``count`` of the annotations, or fewer, the sentence of another photograph, by index."""
    rng = np.random.default_rng((seed, 12))
    total, chosen = len(annotations), {}
    for index in rng.permutation(total)[:count].tolist():
        item = annotations[index]
        for _ in range(_TRIES):
            other = annotations[int(rng.integers(total))]
            if other.image != item.image and other.ref != item.ref:
                chosen[index] = other.ref
                break
    return chosen


def _answers(locator: Locator, frame: Frame, refs: list[str]) -> list[Answer]:
    try:
        return list(locator.locate(frame, refs))
    except InputError:  # one of them, but which?
        return [_answer(locator, frame, ref) for ref in refs]


def _answer(locator: Locator, frame: Frame, ref: str) -> Answer:
    try:
        return locator.locate(frame, [ref])[0]
    except InputError:
        return NO_ANSWER
