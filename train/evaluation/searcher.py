"""How well a model finds what it is asked for: the whole search, on scenes it has never seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.metrics import RIGHT_IOU, accuracy
from evaluation.questions import Question
from sdk.geometry import contains, iou
from sdk.text import Tokenizer
from sdk.zoom.history import HistoryEncoder
from sdk.zoom.search import Search, search
from sdk.zoom.state import SearchConfig
from train.evaluation.session import TorchSession
from train.models.grounding_dino.grounder import PizaGrounder


class Searcher:
    """The search over a PyTorch model, ready for one question after the other."""

    def __init__(self, model: PizaGrounder, tokenizer: Tokenizer) -> None:
        self.session, self.tokenizer = TorchSession(model), tokenizer
        history = HistoryEncoder(history_weights(model))
        self.rules = SearchConfig(history, model.config.zoom_policy(), model.config.input_hw)

    def __call__(self, frame: NDArray[np.uint8], ref: str) -> Search:
        """Searches for one expression."""
        return self.search(frame, [ref])[0]

    def search(self, frame: NDArray[np.uint8], refs: Sequence[str]) -> list[Search]:
        """Searches for several expressions side by side."""
        texts = [self.session.encode_text(self.tokenizer.encode(each)) for each in refs]
        return search(self.session, frame, (frame.shape[1], frame.shape[0]), texts, self.rules)


def history_weights(model: PizaGrounder) -> dict[str, NDArray[np.float32]]:
    """The box-history encoder's weights by their published names, for ``sdk.zoom.history``."""
    return {
        name: t.detach().cpu().float().numpy() for name, t in model.history.state_dict().items()
    }


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
    return found.zooms[-1].score if found.zooms and found.fault is None else 0.0


def final_iou(found: Search, target_xyxy: ArrayLike) -> float:
    """IoU of the last box with the target ``(4,)``, 0 without a box."""
    return float(iou(found.zooms[-1].xyxy, target_xyxy)) if found.zooms else 0.0


def _mean(values: list[bool] | list[float]) -> float:
    return float(np.mean(values)) if values else 0.0
