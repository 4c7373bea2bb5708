"""Two sides that ought to be equal: single networks, and whole searches.

Knows neither PyTorch nor TensorRT, so that a certificate can be made on the vehicle computer too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.host_runtime import Arrays, RunNetwork
from evaluation.metrics import RIGHT_IOU
from evaluation.questions import questions
from evaluation.seeds import CERTIFICATE
from export.certificate.criteria import Criteria
from export.certificate.differences import relative
from export.families import ExportFamily
from export.references.reference import Answer
from export.trace import Run, feeds_of
from sdk.engine.folder import Manifest
from sdk.errors import EngineError
from sdk.geometry import iou
from sdk.results.grounding import Float32
from train.progress import Progress

ASKED = 4
_RUNS = 8  # of a network, that are compared


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
    engine: RunNetwork,
    reference: RunNetwork,
    runs: Sequence[Run],
    manifest: Manifest,
    family: ExportFamily,
) -> dict[str, Any]:
    """Largest differences of every output, by network: absolute, and root mean square over that of
    the output.

    Both sides are given what the reference was given in ``runs``, so that what the reference's
    networks say goes into both; the family may vary it (see ``ExportFamily.varied``).

    Raises:
        EngineError: the runs never reach a network.
    """
    criteria = family.criteria[manifest.precision]
    report: dict[str, Any] = {}
    for name in manifest.networks:
        given = feeds_of(runs, name)[:_RUNS] or family.unasked(manifest, name)
        if not given:
            raise EngineError(f"{manifest.name}: no question needs the {name} network")
        feeds = [family.varied(feed, k / max(len(given) - 1, 1)) for k, feed in enumerate(given)]
        theirs, ours = (
            # Runtimes may use their outputs again for the next run.
            [{k: np.array(v) for k, v in side(name, feed).items()} for feed in feeds]
            for side in (reference, engine)
        )
        worst = _worst(family.differences, ours, theirs)
        proportion = _worst(relative, ours, theirs)
        report[name] = {
            "max_abs_difference": worst,
            "relative_difference": proportion,
            "passed": _within(worst, criteria.tolerance) and _within(proportion, criteria.relative),
        }
    return report


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
    measure: Callable[[Arrays, Arrays], dict[str, float]],
    ours: Sequence[Arrays],
    theirs: Sequence[Arrays],
) -> dict[str, float]:
    found = [measure(a, b) for a, b in zip(ours, theirs, strict=True)]
    return {key: max(each[key] for each in found) for key in theirs[0]}


def _within(found: Mapping[str, float], limits: Mapping[str, float]) -> bool:
    other = limits.get("*", np.inf)
    return all(value <= limits.get(key, other) for key, value in found.items())
