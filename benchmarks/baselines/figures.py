"""What the turns come to: a row for each contestant, and the figures of our own loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.baselines.baseline import Contestant
from benchmarks.baselines.timing import Turn
from evaluation.metrics import THRESHOLDS, accuracy
from evaluation.statistics import same_box


def rows(
    contestants: Sequence[Contestant], turns: Sequence[Sequence[Turn]], warmups_s: Sequence[float]
) -> list[dict[str, Any]]:
    """A row for each contestant, in their order; the first is the reference."""
    by_name = {each.name: own for each, own in zip(contestants, turns, strict=True)}
    return [
        _row(
            contestant, own, turns[0], by_name[contestant.against or contestants[0].name], warmup_s
        )
        for contestant, own, warmup_s in zip(contestants, turns, warmups_s, strict=True)
    ]


def _row(
    contestant: Contestant,
    turns: Sequence[Turn],
    reference: Sequence[Turn],
    rival: Sequence[Turn],
    warmup_s: float,
) -> dict[str, Any]:
    """One row; NaN for what was not measured or means nothing.

    ``p50_ms``, ``p99_ms``: of the timed turns (linear between ranks; of fewer than a hundred, p99
    is close to the slowest). ``ratio``: p50 over the reference's. ``acc50``, ``macc``: of all
    turns, with ``macc_se``, the standard error. ``macc_ours``, ``p99_ms_ours``: of whom it is held
    against, mAcc on the same questions. ``same_box``: share of boxes that are the reference's
    (IoU >= 0.99). ``looks``: windows a question. ``mpx``: megapixels that the image network read.
    """
    walls = timed_ms(turns)
    right = _rightness(turns) if contestant.judged else np.array([])
    found = accuracy([turn.iou for turn in turns] if contestant.judged else [])
    looks = float(np.mean([turn.reply.looks for turn in turns]))
    width, height = contestant.input_wh or (np.nan, np.nan)
    return {
        "name": contestant.name,
        "group": contestant.group,
        "weights": contestant.weights,
        "p50_ms": float(np.percentile(walls, 50)),
        "p99_ms": float(np.percentile(walls, 99)),
        "ratio": float(np.percentile(walls, 50) / np.percentile(timed_ms(reference), 50)),
        "acc50": found.acc50,
        "macc": found.macc,
        "macc_se": float(right.std() / np.sqrt(len(right))) if len(right) else np.nan,
        "macc_ours": _macc(_same_questions(turns, rival)) if contestant.judged else np.nan,
        "p99_ms_ours": float(np.percentile(timed_ms(rival), 99)),
        "same_box": _same_boxes(turns, reference) if contestant.compared else np.nan,
        "n": len(turns) if contestant.judged else 0,
        "runs": len(walls),
        "looks": looks,
        "mpx": float(looks * width * height / 1e6),
        "warmup_s": warmup_s,
        "note": contestant.note,
    }


def timed_ms(turns: Sequence[Turn]) -> list[float]:
    """The milliseconds of the turns that were timed."""
    return [turn.wall_ms for turn in turns if not np.isnan(turn.wall_ms)]


def host_figures(turns: Sequence[Turn]) -> dict[str, float]:
    """Where the time of our own searches goes that is not in the networks, as shares of it all.

    ``host_share``: the loop, the history encoder, tokens, results. ``crop_share``: the crop
    kernel. ``outside_share``: both together.
    """
    stages = [turn.reply.stages_ms for turn in turns if not np.isnan(turn.wall_ms)]
    total = sum(each["total"] for each in stages if each is not None)
    spent = {
        name: sum(each[name] for each in stages if each is not None) / total
        for name in ("crop", "host")
    }
    return {
        "host_share": spent["host"],
        "crop_share": spent["crop"],
        "outside_share": spent["crop"] + spent["host"],
    }


def cache_figures(new: Sequence[Turn], known: Sequence[Turn]) -> dict[str, float]:
    """What it saves to know an expression's features, from the same questions asked both ways.

    ``text_ms``: the text network, median. ``saved_ms``: median of the differences of whole
    searches. ``saved_share``: ``text_ms`` over the median search.
    """
    pairs = [(a, b) for a, b in zip(new, known, strict=False) if not np.isnan(a.wall_ms)]
    text = [a.reply.stages_ms["text"] for a, _ in pairs if a.reply.stages_ms is not None]
    whole_ms = float(np.median([a.wall_ms for a, _ in pairs]))
    return {
        "text_ms": float(np.median(text)),
        "saved_ms": float(np.median([a.wall_ms - b.wall_ms for a, b in pairs])),
        "saved_share": float(np.median(text)) / whole_ms,
    }


def _rightness(turns: Sequence[Turn]) -> np.ndarray:
    """For each turn the share of mAcc's thresholds that its box reaches, ``(n,)``."""
    ious = np.array([turn.iou for turn in turns])
    return np.asarray((ious[:, None] >= np.array(THRESHOLDS)).mean(axis=1))


def _macc(turns: Sequence[Turn]) -> float:
    return float(np.mean(_rightness(turns)))


def _same_questions(turns: Sequence[Turn], others: Sequence[Turn]) -> list[Turn]:
    """The turn of the others for each of ``turns``."""
    by_question = {turn.question: turn for turn in others}
    return [by_question[turn.question] for turn in turns]


def _same_boxes(turns: Sequence[Turn], reference: Sequence[Turn]) -> float:
    pairs = zip(turns, _same_questions(turns, reference), strict=True)
    return float(np.mean([same_box(a.reply.xyxy, b.reply.xyxy) for a, b in pairs]))
