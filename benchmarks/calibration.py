"""Does an engine know when not to answer? Scores, thresholds and rivals against the truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.results import Grounding
from train.data.entries import Rect
from train.evaluation.metrics import answer_ious
from train.evaluation.questions import Question
from train.evaluation.reliability import (
    auc,
    brier,
    calibration_error,
    chance_error,
    exact_interval,
    reliability_bins,
    risk_coverage,
)
from train.evaluation.report import share, table
from train.evaluation.scoring import RIGHT_IOU

_POINTS = 200  # of the risk-coverage curve in the figures
_GUARDED = {
    "absent": "absent objects that are found",
    "wrong": "questions with a wrong answer that counts as found",
}


@dataclass(frozen=True)
class Answered:
    """An answer held against the truth.

    ``score``: of the answer. ``last_score``: the network's own, of the last step. ``right``: IoU
    of at least 0.5 with the target. ``absent``: the expression is true of nothing. ``rival``: one
    was reported.
    """

    score: float
    last_score: float
    found: bool
    right: bool
    absent: bool
    rival: bool


def answered(answer: Grounding, target_xyxy: Rect | None) -> Answered:
    """An answer, held against the true box or None."""
    right = target_xyxy is not None and answer_ious([answer.xyxy], [target_xyxy])[0] >= RIGHT_IOU
    return Answered(
        score=answer.score,
        last_score=answer.zooms[-1].score if answer.zooms else 0.0,
        found=answer.found,
        right=bool(right),
        absent=target_xyxy is None,
        rival=answer.rival is not None,
    )


def ask(locate: Any, questions: Iterable[Question]) -> list[Answered]:
    """The answers of ``locate(frame, ref)`` to the questions, judged."""
    return [answered(locate(asked.frame, asked.ref), asked.target_xyxy) for asked in questions]


def figures(rows: Sequence[Answered], calibration: Mapping[str, Any]) -> dict[str, Any]:
    """What the answers say of the scores; shares of 1, NaN where there is nothing to count.

    Args:
        rows: at least one.
        calibration: of the engine's manifest.

    Returns:
        ``ece`` and ``chance_ece`` (see ``reliability``), ``brier``, ``auc``, ``bins``,
        ``risk_coverage``, ``found`` (counts with exact 95 % intervals), ``risk`` (what the engine
        promises, None where nothing; ``holds``: the interval of what was measured reaches down to
        it) and ``rivals`` (how many answers of each sort had one).
    """
    scores, right, absent = (_column(rows, name) for name in ("score", "right", "absent"))
    found, rival = _column(rows, "found") > 0, _column(rows, "rival") > 0
    good, none = right > 0, absent > 0
    bins = reliability_bins(scores, right)
    coverage, risk = risk_coverage(scores, right)
    some = np.unique(np.linspace(0, len(coverage) - 1, _POINTS).round().astype(int))
    counts = {
        "all": _count(found),
        "right": _count(found[good]),
        "absent": _count(found[none]),
        "wrong_among_found": _count(~good[found]),
        "wrong_of_all": _count(found & ~good),
    }
    return {
        "n": len(rows),
        "absent": int(none.sum()),
        "acc50": float(good[~none].mean()) if (~none).any() else float("nan"),
        "threshold": float(calibration["threshold"]),
        "ece": calibration_error(bins),
        "chance_ece": chance_error(scores),
        "brier": brier(scores, right),
        "auc": auc(scores, right),
        "auc_last_step": auc(np.clip(_column(rows, "last_score"), 0, 1), right),
        "bins": [asdict(each) for each in bins],
        "risk_coverage": {"coverage": coverage[some].tolist(), "risk": risk[some].tolist()},
        "found": counts,
        "risk": _kept(calibration.get("risk"), counts),
        "rivals": {
            "right": _count(rival[good]),
            "wrong": _count(rival[~good & ~none]),
            "absent": _count(rival[none]),
        },
    }


def lines(measured: Mapping[str, Any]) -> list[str]:
    """The figures for people."""
    filled = [each for each in measured["bins"] if each["n"]]
    found, rivals = measured["found"], measured["rivals"]
    by_score = [
        [
            f"{each['from_score']:.2f} to {each['to_score']:.2f}",
            str(each["n"]),
            share(each["score"]),
            share(each["right"]),
        ]
        for each in filled
    ]
    decided = {
        "questions": found["all"],
        "right answers": found["right"],
        "absent objects": found["absent"],
    }
    wrong = {"wrong among found": found["wrong_among_found"]}
    flagged = {
        "right answers": rivals["right"],
        "wrong answers, object present": rivals["wrong"],
        "absent objects": rivals["absent"],
    }
    return [
        table(("score", "n", "mean score", "right"), by_score),
        "",
        f"calibration error {measured['ece']:.3f} (15 bins; {measured['chance_ece']:.3f} if every"
        " score were exactly the probability)",
        f"Brier score {measured['brier']:.3f}, AUC {measured['auc']:.3f} (score of the last step"
        f" alone: {measured['auc_last_step']:.3f})",
        "",
        _counted(f"found, threshold {measured['threshold']:.4f}", decided | wrong),
        "",
        _promise(measured["risk"]),
        "",
        _counted("with a rival", flagged),
    ]


def _counted(title: str, counts: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [name, str(c["n"]), share(c["share"]), f"{c['low']:.3f} to {c['high']:.3f}"]
        for name, c in counts.items()
    ]
    return table((title, "of", "share", "95 %"), rows)


def _promise(risk: Mapping[str, Any] | None) -> str:
    if risk is None:
        return "the engine states no risk: piza train calibrate, then export it again"
    verdict = "holds" if risk["holds"] else "DOES NOT HOLD"
    return (
        f"stated risk {risk['stated']:g} ({_GUARDED[risk['guard']]}): {verdict}, measured"
        f" {risk['measured']:.3f} ({risk['low']:.3f} to {risk['high']:.3f})"
    )


def _kept(
    stated: Mapping[str, Any] | None, counts: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any] | None:
    if stated is None:
        return None
    seen = counts["absent" if stated["guard"] == "absent" else "wrong_of_all"]
    return {
        **stated,
        "measured": seen["share"],
        "low": seen["low"],
        "high": seen["high"],
        "holds": seen["low"] <= stated["stated"],
    }


def _count(hits: NDArray[np.bool_]) -> dict[str, Any]:
    n, k = len(hits), int(hits.sum())
    low, high = exact_interval(k, n)
    return {"n": n, "share": k / n if n else float("nan"), "low": low, "high": high}


def _column(rows: Sequence[Answered], name: str) -> NDArray[np.float64]:
    return np.array([getattr(row, name) for row in rows], dtype=np.float64)
