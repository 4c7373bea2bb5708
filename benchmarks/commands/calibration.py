"""``python -m benchmarks calibration``: does it know when not to answer?"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import options
from benchmarks.asking import Call, judge_call
from benchmarks.report.section import Figures, Headline, Part, Picture, Section, Table, percent
from evaluation.questions import Question
from evaluation.reliability import (
    auc,
    brier,
    calibration_error,
    chance_error,
    exact_interval,
    reliability_bins,
    risk_coverage,
)
from evaluation.seeds import RELIABILITY
from evaluation.tables import share, table
from sdk.options import GRAMMARS, SETTINGS, positive

PART = Part(quick=("--scenes", "12"))
COLUMNS = ("score", "last_score", "found", "right", "absent", "rival")  # of the JSON's rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument(
        "--scenes", type=positive, default=1200, help="how many, the object absent in half (1200)"
    )
    options.add_seed(parser, RELIABILITY)
    for name, known, of in (
        ("--grammar", GRAMMARS, "sentences"),
        ("--setting", SETTINGS, "scenes"),
    ):
        told = f"of the {of} (default: plain; both: in turns)"
        parser.add_argument(name, choices=(*known, "both"), default="plain", help=told)
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw reliability and risk-coverage (.png, .svg)"
    )
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Ask, print tables, write the JSON and the plot."""
    from tqdm import tqdm

    from benchmarks.plots.style import check_plot
    from evaluation.questions import questions

    if args.plot is not None:
        check_plot(args.plot)
    with options.measurement(args) as measurement:
        asked = questions(args.seed, args.scenes, 2, args.grammar, args.setting)
        rows = ask(
            measurement.grounder.locate,
            tqdm(asked, total=args.scenes, unit="scene", desc="calibration"),
        )
        measured = figures(rows, measurement.grounder.manifest.calibration)
    last = args.seed + args.scenes - 1
    about = (
        f"scenes    {args.scenes} ({args.setting}), seeds {args.seed} to {last}, one sentence"
        f" ({args.grammar}) each, every second one true of nothing"
    )
    print("\n".join([measurement.engine_line, about, "", *lines(measured)]))
    measurement.write(
        {
            **measured,
            "scenes": args.scenes,
            "seed": args.seed,
            "setting": args.setting,
            "grammar": args.grammar,
            "rows": [row.record(*COLUMNS) for row in rows],
        }
    )
    if args.plot is not None:
        from benchmarks.plots.calibration_plot import calibration_plot

        calibration_plot(rows, measured, args.plot)
        print(f"plot      {args.plot}")
    return 0


_POINTS = 200  # of the risk-coverage curve in the figures
_GUARDED = {
    "absent": "absent objects that are found",
    "wrong": "questions with a wrong answer that counts as found",
}


def ask(locate: Any, questions: Iterable[Question]) -> list[Call]:
    """The answers of ``locate(frame, ref)`` to the questions, judged."""
    return [judge_call(locate(each.frame, each.ref), each.target_xyxy) for each in questions]


def figures(rows: Sequence[Call], calibration: Mapping[str, Any]) -> dict[str, Any]:
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


def _column(rows: Sequence[Call], name: str) -> NDArray[np.float64]:
    return np.array([getattr(row, name) for row in rows], dtype=np.float64)


def section(figures: Figures) -> Section:
    """What scores say, and what silence buys."""
    from benchmarks.plots.calibration_plot import calibration_plot

    answers = [SimpleNamespace(**row) for row in figures["rows"]]
    titles = {
        "all": "questions",
        "right": "right answers",
        "absent": "absent objects",
        "wrong_among_found": "wrong among found",
    }
    rows = tuple(
        (
            title,
            str(each["n"]),
            percent(each["share"]),
            f"{percent(each['low'])} to {percent(each['high'])}",
        )
        for key, title in titles.items()
        if (each := figures["found"][key])
    )
    return Section(
        "Does it know when not to answer?",
        (
            f"{figures['n']} questions, {figures['absent']} of them about nothing that is there."
            f" Expected calibration error {percent(figures['ece'])}, Brier score"
            f" {figures['brier']:.3f}, AUC {figures['auc']:.3f}.",
        ),
        (Table((f"found, at {figures['threshold']:.3f}", "of", "share", "95 %"), rows),),
        (Picture("calibration", "Calibration", partial(calibration_plot, answers, dict(figures))),),
        headlines=(
            Headline(
                "calibration error",
                percent(figures["ece"]),
                f"of {figures['n']} fresh questions; AUC {figures['auc']:.3f}",
            ),
        ),
    )
