"""How well a model finds what it is asked for, in a few figures to look at while it trains."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from evaluation.metrics import RIGHT_IOU, accuracy
from evaluation.questions import Question
from sdk.geometry import contains, iou
from sdk.zoom.search import Search
from train.evaluation.asking import Searcher


def quick_scores(searcher: Searcher, questions: Iterable[Question]) -> dict[str, float]:
    """Shares of present objects: first window that holds the target, final IoU >= 0.5, mAcc;
    and the mean final scores of right and wrong answers (absent objects are always wrong)."""
    first, ious, right_scores, wrong_scores = [], [], [], []
    for question in questions:
        found = searcher(question.frame, question.ref)
        if question.target_xyxy is None:
            wrong_scores.append(final_score(found))
            continue
        zooms = found.zooms
        first.append(bool(zooms and contains(zooms[0].xyxy, question.target_xyxy, 1.0)))
        ious.append(final_iou(found, question.target_xyxy))
        (right_scores if ious[-1] >= RIGHT_IOU else wrong_scores).append(final_score(found))
    return {
        "first_window": _mean(first),
        "acc50": accuracy(ious).acc50 if ious else 0.0,
        "macc": accuracy(ious).macc if ious else 0.0,
        "score_right": _mean(right_scores),
        "score_wrong": _mean(wrong_scores),
    }


def final_score(found: Search) -> float:
    """Score of the answer, 0 when the search broke off: then there is none."""
    return found.zooms[-1].raw_score if found.zooms and found.fault is None else 0.0


def final_iou(found: Search, target_xyxy: ArrayLike) -> float:
    """IoU of the last box with the target ``(4,)``, 0 without a box."""
    return float(iou(found.zooms[-1].xyxy, target_xyxy)) if found.zooms else 0.0


def _mean(values: list[bool] | list[float]) -> float:
    return float(np.mean(values)) if values else 0.0
