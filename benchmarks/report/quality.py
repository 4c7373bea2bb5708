"""Sections of the benchmarks that hold answers against the truth."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from benchmarks.baselines.baseline import OURS
from benchmarks.report.document import (
    Section,
    Table,
    milliseconds,
    percent,
    picture,
    times,
    two_digits,
)

Figures = Mapping[str, Any]


def accuracy(name: str, figures: Figures, command: str) -> Section:
    """By what the sentence takes."""
    groups = {
        "zoom": "all",
        "attribute": "the noun phrase is enough",
        "relation": "only the relation tells",
        "shuffled": "shuffled among the scenes",
    }
    columns = ("acc50", "acc75", "macc", "first_window", "found")
    rows = tuple(
        (
            title,
            str(group["n"]),
            *(percent(group[key]) for key in columns),
            two_digits(group["steps"]),
        )
        for key, title in groups.items()
        if (group := figures[key])["n"]
    )
    head = ("expressions", "n", "Acc50", "Acc75", "mAcc", "1st window", "found", "steps")
    absent = figures["absent"]
    return Section(
        name,
        "Accuracy",
        command,
        (
            "Rendered scenes that nothing was trained on. Acc50, Acc75 and mAcc count the box that"
            " was given, whatever its score; 1st window: the region that the first step chose holds"
            f" the target. Of {absent['n']} expressions that are true of nothing,"
            f" {percent(absent['found'])} get a confident answer.",
        ),
        (Table(head, rows, strong=0),),
    )


def peers(name: str, figures: Figures, command: str) -> Section:
    """Everyone, with the plot of accuracy against p99."""
    from benchmarks.baselines.plot import pareto_plot

    rows = figures["rows"]
    cells = tuple(
        (
            row["name"],
            row["group"],
            *(milliseconds(row[key]) for key in ("p50_ms", "p99_ms")),
            times(row["ratio"]),
            *(percent(row[key]) for key in ("same_box", "acc50", "macc")),
        )
        for row in rows
    )
    cache = figures["text_cache"]
    judged = [row for row in rows if row["macc"] is not None]
    notes = tuple(f"{row['name']}: {row['note']}" for row in rows if row.get("note"))
    pictures = (
        (picture("accuracy-against-p99", "Accuracy against p99", pareto_plot, judged),)
        if judged
        else ()
    )
    return Section(
        name,
        "Against others",
        command,
        (
            "Everyone in the same run, in turns; the ratio is of medians, theirs over ours. The"
            " plot shows mAcc with its standard error, without PyTorch's peers, which look where"
            " ours does. Same: boxes that are those of the first row (IoU of at least 0.99).",
            f"A known expression saves {cache['saved_ms']:.2f} ms of a search (median of pairs);"
            f" the text network takes {cache['text_ms']:.2f} ms of it.",
            *notes,
            *(f"Left out: {who}: {why}" for who, why in figures["absent"].items()),
        ),
        (
            Table(
                ("who", "kind", "p50 ms", "p99 ms", "ratio", "same", "Acc50", "mAcc"),
                cells,
                strong=next((k for k, row in enumerate(rows) if row["group"] == OURS), None),
            ),
        ),
        pictures,
    )


def calibration(name: str, figures: Figures, command: str) -> Section:
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
        name,
        "Does it know when not to answer?",
        command,
        (
            f"{figures['n']} questions, {figures['absent']} of them about nothing that is there."
            f" Expected calibration error {percent(figures['ece'])}, Brier score"
            f" {figures['brier']:.3f}, AUC {figures['auc']:.3f}.",
        ),
        (Table((f"found, at {figures['threshold']:.3f}", "of", "share", "95 %"), rows),),
        (picture("calibration", "Calibration", calibration_plot, answers, dict(figures)),),
    )


def video(name: str, figures: Figures, command: str) -> Section:
    """Cold against warm."""
    modes = ("cold", "warm")

    def cells(kind: str, group: Figures) -> tuple[str, ...]:
        return (
            kind,
            str(group["frames"]),
            *(percent(group[mode]["acc50"]) for mode in modes),
            *(percent(group[mode]["found"]) for mode in modes),
            *(percent(group[mode]["false_answers"]) for mode in modes),
            *(percent(group[mode]["right"]) for mode in modes),
            *(two_digits(group[mode]["steps"]) for mode in modes),
            *(milliseconds(group[mode]["p50_ms"]) for mode in modes),
        )

    pairs = ("Acc50", "found", "false", "right", "steps", "p50 ms")
    head = ("clips", "frames", *(f"{pair} {mode}" for pair in pairs for mode in modes))
    kinds, still = figures["by_kind"], figures["stills"]
    return Section(
        name,
        "Video",
        command,
        (
            "Rendered clips, each frame answered cold (the whole frame first) and warm (where the"
            " object was). Acc50: of the frames that show it. Found: the share of them with such a"
            " box that is said to be found. False: found although it is hidden. Right: Acc50 and"
            " what is not false, of both.",
            f"Of {still['pictures']} pictures that stand still ({still['questions']} questions)"
            f" {still['found_cold']} are found cold and {still['found_warm']} warm;"
            f" {still['changing']} questions change their verdict from one to the next.",
        ),
        (Table(head, tuple(cells(*each) for each in kinds.items()), strong=len(kinds) - 1),),
    )
