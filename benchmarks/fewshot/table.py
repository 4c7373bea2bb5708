"""Rows of the experiment, and what they say together: means over seeds, gains with their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.fewshot.making import Lesson
from train.evaluation.few_shot import CORRECTED

FINE_TUNING, BNRL, CM_CLIP, BOTH = "fine-tuning", "bnrl", "cm-clip", "both"
METHODS = (FINE_TUNING, BNRL, CM_CLIP, BOTH)
_METHODS_OF = {"cross-entropy": (FINE_TUNING, CM_CLIP), "bnrl": (BNRL, BOTH)}
SCORES = ("novel_ap", "novel_ap50", "base_ap")

Row = Mapping[str, Any]


def rows_of(lesson: Lesson, scores: Mapping[str, float]) -> list[dict[str, Any]]:
    """Two rows of a fine-tuning: its own scores, and those that CLIP corrects."""
    own, corrected = _METHODS_OF[lesson.loss]
    return [
        {
            "k": lesson.k,
            "seed": lesson.seed,
            "method": method,
            **{name: scores[f"{begin}{name}"] for name in SCORES},
        }
        for method, begin in ((own, ""), (corrected, CORRECTED))
    ]


def mean(rows: Sequence[Row], k: int, method: str, score: str) -> tuple[float, float]:
    """Mean over the seeds of a score, and its standard error; nan with a single seed."""
    return _mean([row[score] for row in rows if (row["k"], row["method"]) == (k, method)])


def gain(rows: Sequence[Row], k: int, method: str, over: str, score: str) -> tuple[float, float]:
    """Mean over the seeds of what a method has more than another of the same shots, and its
    standard error; nan with a single seed."""
    by_seed = {
        name: {row["seed"]: row[score] for row in rows if (row["k"], row["method"]) == (k, name)}
        for name in (method, over)
    }
    return _mean([value - by_seed[over][seed] for seed, value in by_seed[method].items()])


def shots(rows: Sequence[Row]) -> list[int]:
    """Every K, the least first."""
    return sorted({row["k"] for row in rows})


def _mean(values: Sequence[float]) -> tuple[float, float]:
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan
    return float(np.mean(values)), error
