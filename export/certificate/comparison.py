"""Two sides that ought to be equal: single networks, and whole searches.

Knows neither PyTorch nor TensorRT, so that a certificate can be made on the vehicle computer too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics import RIGHT_IOU
from evaluation.questions import questions
from evaluation.seeds import CERTIFICATE
from export.certificate.criteria import ENORMOUS, Criteria
from export.references.reference import Answer, Arrays, RunNetwork
from sdk.engine.folder import Manifest
from sdk.geometry import iou
from sdk.preprocess import network_input
from sdk.results.grounding import Float32
from sdk.text import Tokenizer
from train.progress import Progress

ASKED = 4
ALIKE = 1e-3  # scores whose candidates may come in any order

_PROMPT = ("segment_ids", "position_ids")
INPUTS = {  # in the order in which a search needs the networks
    "text": ("input_ids", *_PROMPT),
    "image": ("pixels",),
    "ground": ("image_features", "text_features", *_PROMPT, "progress"),
}


@dataclass(frozen=True)
class SearchReport:
    """``same_box``: share of searches whose boxes have ``same_iou`` or more; ``same_decision``:
    share with equal ``found`` and number of steps. Absent objects are among the questions.

    ``acc50``, ``reference_acc50``: of the objects that are there, the share found with IoU >= 0.5
    by the engine and by the reference; None when there are none."""

    count: int
    same_iou: float
    same_box: float
    same_decision: float
    lowest_iou: float
    acc50: float | None
    reference_acc50: float | None
    passed: bool


def compare_networks(
    engine: RunNetwork, reference: RunNetwork, inputs: list[Arrays], criteria: Criteria
) -> dict[str, Any]:
    """Largest differences of every output over ``inputs``, by network: absolute, and root mean
    square over that of the output.

    What the text and image networks of the reference give goes into both ground networks.
    """
    known = [dict(each) for each in inputs]
    report: dict[str, Any] = {}
    for name, needed in INPUTS.items():
        feeds = [{key: each[key] for key in needed} for each in known]
        theirs = [dict(reference(name, each)) for each in feeds]
        # Sessions may use their outputs again for the next run.
        ours = [
            {key: np.array(array) for key, array in engine(name, feed).items()} for feed in feeds
        ]
        worst = _worst(differences, ours, theirs)
        relative = _worst(relative_differences, ours, theirs)
        report[name] = {
            "max_abs_difference": worst,
            "relative_difference": relative,
            "passed": _within(worst, criteria.tolerance) and _within(relative, criteria.relative),
        }
        for each, outputs in zip(known, theirs, strict=True):
            each.update(outputs)
    return report


def differences(
    ours: Mapping[str, NDArray[Any]], theirs: Mapping[str, NDArray[Any]]
) -> dict[str, float]:
    """Largest absolute difference by name; enormous for NaN and infinity, which JSON lacks.

    Candidates of nearly equal scores may come in any order, so that each of our boxes is compared
    with the nearest one of theirs that has its score. Of very many candidates some are told apart
    by the last bit alone when they enter the decoder; if two swap ranks there, they swap learned
    queries and answer otherwise. Therefore one candidate in a hundred may differ, but not the best.
    """
    with np.errstate(invalid="ignore"):  # of infinities
        found = {name: np.abs(ours[name] - theirs[name]) for name in ours}
    if "boxes" in found:
        (our_boxes, our_scores), (boxes, scores) = (
            (side["boxes"][0], side["scores"][0]) for side in (ours, theirs)
        )
        distance = np.abs(our_boxes[:, None] - boxes).max(-1)  # (K, K)
        alike = np.abs(our_scores[:, None] - scores) <= ALIKE
        found["boxes"] = np.where(alike, distance, np.inf).min(-1)
        if np.isfinite(our_boxes).all() and np.isfinite(our_scores).all():
            found = {"boxes": found["boxes"], "scores": found["scores"][0]}
            found = {name: _but_for_swaps(values) for name, values in found.items()}
    return {
        name: float(np.nan_to_num(values, nan=ENORMOUS, posinf=ENORMOUS).max())
        for name, values in found.items()
    }


def _but_for_swaps(values: NDArray[Any]) -> NDArray[Any]:
    """(K,) values, best candidate first, without the largest hundredth (none of 99) of the rest."""
    rest = np.sort(values[1:])
    return np.append(values[:1], rest[: len(rest) - len(values) // 100])


def relative_differences(
    ours: Mapping[str, NDArray[Any]], theirs: Mapping[str, NDArray[Any]]
) -> dict[str, float]:
    """Root mean square of the differences by name, over that of ``theirs``; enormous for NaN."""
    found = {}
    for name, expected in theirs.items():
        with np.errstate(invalid="ignore", over="ignore"):
            length = max(float(np.linalg.norm(expected)), 1e-30)
            value = np.linalg.norm(ours[name].astype(np.float64) - expected) / length
        found[name] = float(np.nan_to_num(value, nan=ENORMOUS, posinf=ENORMOUS))
    return found


@dataclass(frozen=True, eq=False)
class End:
    """Where a search ended; ``right``: at the object, None when there is none."""

    found: bool
    steps: int
    xyxy: Float32 | None
    right: bool | None


def run_searches(locate: Answer, count: int) -> list[End]:
    """Where ``count`` searches of one side end."""
    ends = []
    with warnings.catch_warnings(), Progress("certifying", count) as progress:
        warnings.simplefilter("ignore", UserWarning)
        for question in questions(CERTIFICATE.first, count):
            answer, target = locate(question.frame, question.ref), question.target_xyxy
            box, right = answer.xyxy, None
            if target is not None:
                right = box is not None and bool(iou(box, target) >= RIGHT_IOU)
            ends.append(End(answer.found, len(answer.zooms), box, right))
            progress.step()
    return ends


def compare_searches(ours: list[End], theirs: list[End], criteria: Criteria) -> SearchReport:
    """Compares where the same searches ended on both sides."""
    sides = list(zip(ours, theirs, strict=True))
    overlaps = [
        float(a.steps == b.steps if a.xyxy is None or b.xyxy is None else iou(a.xyxy, b.xyxy))
        for a, b in sides
    ]
    same = float(np.mean([value >= criteria.same_iou for value in overlaps]))
    decided = float(np.mean([a.found == b.found and a.steps == b.steps for a, b in sides]))
    here, there = ([end.right for end in side if end.right is not None] for side in (ours, theirs))
    lost = max(criteria.acc50_points / 100 * len(here), 1)
    return SearchReport(
        count=len(sides),
        same_iou=criteria.same_iou,
        same_box=same,
        same_decision=decided,
        lowest_iou=min(overlaps),
        acc50=sum(here) / len(here) if here else None,
        reference_acc50=sum(there) / len(there) if there else None,
        passed=same >= criteria.same_box
        and decided >= criteria.same_decision
        and sum(there) - sum(here) <= lost,
    )


def _worst(
    measure: Callable[[Arrays, Arrays], dict[str, float]], ours: list[Arrays], theirs: list[Arrays]
) -> dict[str, float]:
    found = [measure(a, b) for a, b in zip(ours, theirs, strict=True)]
    return {key: max(each[key] for each in found) for key in theirs[0]}


def _within(found: Mapping[str, float], limits: Mapping[str, float]) -> bool:
    return all(value <= limits.get(key, np.inf) for key, value in found.items())


def network_inputs(manifest: Manifest, tokenizer: Tokenizer) -> list[Arrays]:
    """What the three networks get for each of a few questions, besides the features."""
    height_width, preprocess = manifest.input_hw, manifest.preprocess
    given = []
    for number, question in enumerate(questions(CERTIFICATE.first, ASKED)):
        window = (0.0, 0.0, float(question.frame.shape[1]), float(question.frame.shape[0]))
        given.append(
            {
                **tokenizer.encode(question.ref).prompt,
                "pixels": network_input(
                    question.frame, window, height_width, preprocess.mean, preprocess.std
                ),
                "progress": np.array([number / (ASKED - 1)], np.float32),
            }
        )
    return given
