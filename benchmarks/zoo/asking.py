"""The questions, to everybody in turn; what is answered is kept, so that a run can go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.asking import timed
from benchmarks.zoo.askers import Asker
from benchmarks.zoo.data import Question
from benchmarks.zoo.likeness import Likeness
from evaluation.metrics import RIGHT_IOU
from sdk.frame import read_image
from sdk.geometry import as_boxes, iou
from sdk.results.grounding import Grounding


@dataclass(frozen=True)
class Reply:
    """One answer, held against the truth.

    Attributes:
        asker: its name.
        question: its number.
        iou: of the box that was given, sure or not, with the target's; 0 without a box.
        category: what is in the box is most like the target's category.
        cosine: of what is in the box with the sentence; None without a box.
        proposed: the target was among what the answer was chosen from.
        wall_ms: of the whole answer.
    """

    asker: str
    question: int
    iou: float
    category: bool
    cosine: float | None
    proposed: bool
    wall_ms: float


def ask_all(
    askers: Sequence[Asker],
    questions: Sequence[Question],
    likeness: Likeness,
    kept: Path,
    progress: Callable[[Sequence[Question]], Iterable[Question]] = iter,
) -> list[Reply]:
    """Everybody's answer to every question, in another order for each.

    Args:
        askers: whom to ask; each is asked the first question once more before, which does not
            count.
        questions: what to ask.
        likeness: judges what is in a box.
        kept: a file of JSON lines; questions that it has everybody's answer to are not asked again.
        progress: wraps the questions.
    """
    names = {each.name for each in askers}
    replies = _kept(kept, names, len(questions))
    known = {number for number, _ in replies}
    warm = False
    with kept.open("a") as file:
        for number, question in enumerate(progress(questions)):
            if number in known:
                continue
            frame = read_image(question.image)
            if not warm:
                for asker in askers:
                    _ask(asker, question, frame)
                warm = True
            order = np.random.default_rng(number).permutation(len(askers))
            found = [_reply(askers[k], number, question, frame, likeness) for k in order.tolist()]
            for each in found:
                file.write(json.dumps(asdict(each)) + "\n")
            file.flush()
            replies |= {(number, each.asker): each for each in found}
    return list(replies.values())


def _ask(asker: Asker, question: Question, frame: NDArray[np.uint8]) -> tuple[Grounding, float]:
    asker.show(question)
    return timed(partial(asker.grounder.locate, frame, question.ref))


def _reply(
    asker: Asker, number: int, question: Question, frame: NDArray[np.uint8], likeness: Likeness
) -> Reply:
    answer, wall_ms = _ask(asker, question, frame)
    overlap, category, cosine = 0.0, False, None
    target = as_boxes(question.target_xyxy)
    if answer.xyxy is not None:
        overlap = float(iou(as_boxes(answer.xyxy), target))
        found, cosine = likeness.of(frame, answer.xyxy, question.ref)
        category = found == question.category
    chosen_from = [step.candidates_xyxy for step in answer.zooms[-1:]]
    proposed = any(
        len(boxes) and iou(as_boxes(boxes), target).max() >= RIGHT_IOU for boxes in chosen_from
    )
    return Reply(asker.name, number, overlap, category, cosine, bool(proposed), wall_ms)


def _kept(path: Path, names: set[str], count: int) -> dict[tuple[int, str], Reply]:
    """Replies of an earlier run to questions that all of ``names`` were asked."""
    found: dict[tuple[int, str], Reply] = {}
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            reply = Reply(**json.loads(line))
        except (ValueError, TypeError):  # the last line of a run that was killed
            continue
        if reply.asker in names and reply.question < count:
            found[reply.question, reply.asker] = reply
    asked = {number for number, _ in found}
    whole = {n for n in asked if all((n, name) in found for name in names)}
    return {key: reply for key, reply in found.items() if key[0] in whole}


def summarise(askers: Sequence[Asker], replies: Sequence[Reply]) -> list[dict[str, Any]]:
    """A row for each asker; ``iou_se`` and ``acc50_se`` are standard errors of the means."""
    rows = []
    for asker in askers:
        mine = [each for each in replies if each.asker == asker.name]
        ious = np.array([each.iou for each in mine])
        right = ious >= RIGHT_IOU
        cosines = [each.cosine for each in mine if each.cosine is not None]
        rows.append(
            {
                "family": asker.family,
                "pipeline": asker.pipeline,
                "variant": asker.variant,
                "n": len(mine),
                "iou": float(ious.mean()),
                "iou_se": _error(ious),
                "acc50": float(right.mean()),
                "acc50_se": _error(right),
                "category": float(np.mean([each.category for each in mine])),
                "cosine": float(np.mean(cosines)) if cosines else None,
                "proposed": float(np.mean([each.proposed for each in mine])),
                "p50_ms": float(np.median([each.wall_ms for each in mine])),
            }
        )
    return rows


def _error(values: NDArray[Any]) -> float:
    return float(np.std(values) / np.sqrt(len(values)))
