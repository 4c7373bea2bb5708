"""Two pictures of calibration: the reliability diagram and the risk-coverage curve."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.plots.style import AMBER, BLUE, MUTED, RED, TEXT, blank, dress, save
from evaluation.reliability import exact_interval, risk_coverage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmarks.commands.calibration import Answered

_RIGHT, _WRONG, _ABSENT = BLUE, AMBER, RED


def calibration_plot(rows: Sequence[Answered], measured: dict[str, Any], path: Path) -> None:
    """Left: how often answers of a score are right, and how many there are. Right: the share of
    wrong answers among those given, as the threshold falls, by the answer's score and by that of
    the last step alone.

    Args:
        rows: at least one.
        measured: what ``benchmarks.commands.calibration.figures`` made of them.
        path: .png or .svg.
    """
    figure = blank(9.6, 4.9)
    left, right = figure.subfigures(1, 2, wspace=0.04)
    diagram, histogram = left.subplots(2, 1, sharex=True, height_ratios=(5, 3))
    _reliability(diagram, measured)
    _histogram(histogram, rows)
    _risk_coverage(right.subplots(), rows, measured)
    save(figure, path)


def _reliability(axes: Axes, measured: dict[str, Any]) -> None:
    filled = [each for each in measured["bins"] if each["n"]]
    x = np.array([each["score"] for each in filled])
    y = np.array([each["right"] for each in filled])
    counts = np.array([each["n"] for each in filled])
    limits = [exact_interval(round(share * n), int(n)) for share, n in zip(y, counts, strict=True)]
    low, high = np.array(limits).T
    axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=(0, (4, 4)), zorder=1)
    axes.vlines(x, low, high, color=_RIGHT, lw=1.6, alpha=0.45, zorder=2)
    axes.scatter(x, y, s=26, color=_RIGHT, zorder=3)
    axes.text(
        0.03,
        0.95,
        f"expected calibration error {100 * measured['ece']:.1f} %",
        transform=axes.transAxes,
        va="top",
        fontsize=9,
        color=TEXT,
    )
    axes.set_ylabel("share that is right")
    axes.set_ylim(-0.02, 1.02)
    dress(axes, "Does a score say how often it is right?")


def _histogram(axes: Axes, rows: Sequence[Answered]) -> None:
    groups = {
        "right": (_RIGHT, [row.score for row in rows if row.right]),
        "wrong box": (_WRONG, [row.score for row in rows if not (row.right or row.absent)]),
        "true of nothing": (_ABSENT, [row.score for row in rows if row.absent]),
    }
    axes.hist(
        [scores for _, scores in groups.values()],
        bins=np.linspace(0, 1, 31).tolist(),
        color=[color for color, _ in groups.values()],
        label=list(groups),
        stacked=True,
    )
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("score")
    axes.set_ylabel("questions")
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="upper right", columnspacing=1.2)
    axes.set_ylim(top=axes.get_ylim()[1] * 1.2)
    dress(axes)


def _risk_coverage(axes: Axes, rows: Sequence[Answered], measured: dict[str, Any]) -> None:
    truth = [row.right for row in rows]
    curves = (
        ("score of the last step alone", MUTED, [min(max(r.last_score, 0), 1) for r in rows]),
        ("score of the answer", _RIGHT, [row.score for row in rows]),
    )
    for name, color, scores in curves:
        coverage, risk = risk_coverage(scores, truth)
        shown = coverage >= 0.02  # of fewer answers a share says nothing
        axes.plot(100 * coverage[shown], 100 * risk[shown], color=color, lw=1.8, label=name)
    found, wrong = measured["found"]["all"]["share"], measured["found"]["wrong_among_found"]
    if found > 0:
        x, y = 100 * found, 100 * wrong["share"]
        axes.scatter([x], [y], s=46, color=_ABSENT, zorder=4)
        axes.annotate(
            f"threshold {measured['threshold']:.2f}: {x:.0f} % found,\n{y:.0f} % of these wrong",
            (x, y),
            xytext=(10, -6),
            textcoords="offset points",
            va="top",
            fontsize=9,
            color=_ABSENT,
        )
    axes.set_xlim(0, 100)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("questions answered with found, in %")
    axes.set_ylabel("of these wrong, in %")
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    dress(axes, f"What does silence buy? ({100 * measured['absent'] / measured['n']:.0f} % absent)")
