"""What each benchmark's JSON becomes in the report. One function a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

from benchmarks.latency import STAGES
from benchmarks.report.document import Picture, Section, Table
from benchmarks.report.goals import OURS
from benchmarks.report.svg import draw

Figures = Mapping[str, Any]


def section(name: str, figures: Figures, command: str) -> Section:
    """The section of one of ``benchmarks.report.parts.PARTS``."""
    return _SECTIONS[name](name, figures, command)


def _latency(name: str, figures: Figures, command: str) -> Section:
    from benchmarks.report.figures import distribution_plot, over_time_plot, stages_plot

    titles = {"p50_ms": "p50", "p90_ms": "p90", "p99_ms": "p99", "p999_ms": "p99.9"}
    titles = {key: title for key, title in titles.items() if key in figures} | {"mean_ms": "mean"}
    rows = tuple((row["name"], *(_ms(row[key]) for key in titles)) for row in figures["rows"])
    width, height = figures["frame_wh"]
    text = [
        f"{figures['n']} searches one after the other (single stream) after {figures['warmup']} for"
        f" warm-up, which do not count, on {width}x{height} frames; {figures['steps']:.2f} zoom"
        f" steps a search, {figures['throughput_per_s']:.1f} searches a second."
        " The stages are inside the search; decoding the JPEG comes before it.",
    ]
    if "p999_ms" not in figures:
        text.append("p99.9 is not told: it takes 10,000 searches.")
    if "deadline" in figures:
        deadline = figures["deadline"]
        text.append(
            f"{deadline['missed']} of {figures['n']} searches ({100 * deadline['share']:.2f} %)"
            f" took longer than {deadline['deadline_ms']:g} ms, a deadline that they were not told."
        )
    return Section(
        name,
        "Latency of one search",
        command,
        tuple(text),
        (Table(("milliseconds", *titles.values()), rows, strong=0), *_cold(figures["cold_start"])),
        (
            _picture("latency-distribution", "Distribution", distribution_plot, figures),
            _picture("latency-over-time", "Over time", over_time_plot, figures),
            _picture("latency-stages", "Stages", stages_plot, figures, STAGES),
        ),
    )


def _cold(cold: Figures | None) -> tuple[Table, ...]:
    if cold is None:
        return ()
    rows = [
        ("from sdk import Grounder", f"{_ms(cold['import_ms'])} ms"),
        ("opening the engine", f"{_ms(cold['load_ms'])} ms"),
        ("first search", f"{_ms(cold['first_ms'])} ms"),
        ("start of the process to its answer", f"{_ms(cold['process_ms'])} ms"),
    ]
    if cold["peak_mb"] is not None:
        rows += [
            ("resident memory, single searches", f"{cold['rss_mb']:.0f} MB"),
            ("most memory, single searches", f"{cold['peak_mb']:.0f} MB"),
            ("most memory, with a list of expressions", f"{cold['list_peak_mb']:.0f} MB"),
        ]
    note = (
        f"{cold['n']} fresh processes {'with' if cold['torch'] else 'without'} PyTorch: medians of"
        " times, the most of memory. The files are in the system's cache."
    )
    return (Table(("cold start", ""), tuple(rows), note),)


def _accuracy(name: str, figures: Figures, command: str) -> Section:
    groups = {
        "zoom": "all",
        "attribute": "the noun phrase is enough",
        "relation": "only the relation tells",
        "shuffled": "shuffled among the scenes",
    }
    columns = ("acc50", "acc75", "macc", "first_window", "found")
    rows = tuple(
        (title, str(group["n"]), *(_percent(group[key]) for key in columns), _two(group["steps"]))
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
            f" {_percent(absent['found'])} get a confident answer.",
        ),
        (Table(head, rows, strong=0),),
    )


def _peers(name: str, figures: Figures, command: str) -> Section:
    from benchmarks.report.figures import accuracy_plot

    rows = figures["rows"]
    cells = tuple(
        (
            row["name"],
            row["group"],
            *(_ms(row[key]) for key in ("p50_ms", "p99_ms")),
            _times(row["ratio"]),
            *(_percent(row.get(key)) for key in ("acc50", "macc")),
        )
        for row in rows
    )
    judged = [row for row in rows if row.get("macc") is not None]
    notes = tuple(f"{row['name']}: {row['note']}" for row in rows if row.get("note"))
    pictures = (
        (_picture("accuracy-against-p99", "Accuracy against p99", accuracy_plot, judged, OURS),)
        if judged
        else ()
    )
    return Section(
        name,
        "Against others",
        command,
        ("Everyone in the same run, in turns; the ratio is of medians, theirs over ours.", *notes),
        (
            Table(
                ("who", "kind", "p50 ms", "p99 ms", "ratio", "Acc50", "mAcc"),
                cells,
                strong=next((k for k, row in enumerate(rows) if row["group"] == OURS), None),
            ),
        ),
        pictures,
    )


def _scaling(name: str, figures: Figures, command: str) -> Section:
    from benchmarks.scaling_plot import scaling_plot

    axes = {
        "refs": "expressions in one call",
        "frame": "frame",
        "threads": "CPU threads",
        "steps": "zoom steps",
    }
    cells: dict[str, list[tuple[str, ...]]] = {}
    for row in figures["rows"]:
        times = (_ms(row[key]) for key in ("p10_ms", "p50_ms", "p90_ms"))
        some = cells.setdefault(row["axis"], [])
        some.append((row["label"], *times, f"{row['relative']:.2f}x"))
    head = ("p10 ms", "p50 ms", "p90 ms", "to the first")
    return Section(
        name,
        "Scaling",
        command,
        (
            "Everything else as it is. The settings of an axis take turns; the last column is the"
            " median over questions of the time over that of the axis' first setting. The engines"
            " of the zoom steps never stop early.",
        ),
        tuple(Table((axes[axis], *head), tuple(some)) for axis, some in cells.items()),
        (_picture("scaling", "Scaling", scaling_plot, figures["rows"]),),
    )


def _refs(name: str, figures: Figures, command: str) -> Section:
    rows = tuple(
        (
            str(row["refs"]),
            *(_ms(row[key]) for key in ("separate_ms", "together_ms")),
            _two(row["ratio"]),
            _percent(row["same"]),
        )
        for row in figures["rows"]
    )
    return Section(
        name,
        "Several expressions on one frame",
        command,
        ("One call for all of them against a call for each; the same answers: IoU of 0.99.",),
        (Table(("expressions", "separate ms", "together ms", "ratio", "same answers"), rows),),
    )


def _deadline(name: str, figures: Figures, command: str) -> Section:
    from benchmarks.plots import deadline_plot

    rows = tuple(
        (
            f"{row['fraction']:.2f} of a search",
            _ms(row["deadline_ms"]),
            _percent(row["kept"]),
            *(_ms(row[key]) for key in ("p50_ms", "p99_ms")),
            *(_percent(row[key]) for key in ("complete", "acc50", "place")),
        )
        for row in figures["rows"]
    )
    head = ("deadline", "ms", "kept", "p50 ms", "p99 ms", "complete", "Acc50", "place")
    usual = figures["normal_ms"]
    return Section(
        name,
        "Deadlines",
        command,
        (
            f"Searches that are told a deadline; one without takes {usual:.1f} ms. Kept: within"
            " 10 % of it. Place: the box holds the object, or is it."
            f" Other processes meanwhile: {figures['load']}.",
        ),
        (Table(head, rows),),
        (_picture("deadline", "Deadlines", deadline_plot, figures["rows"], usual),),
    )


def _calibration(name: str, figures: Figures, command: str) -> Section:
    from benchmarks.calibration_plot import calibration_plot

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
            _percent(each["share"]),
            f"{_percent(each['low'])} to {_percent(each['high'])}",
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
            f" Expected calibration error {_percent(figures['ece'])}, Brier score"
            f" {figures['brier']:.3f}, AUC {figures['auc']:.3f}.",
        ),
        (Table((f"found, at {figures['threshold']:.3f}", "of", "share", "95 %"), rows),),
        (_picture("calibration", "Calibration", calibration_plot, answers, dict(figures)),),
    )


def _video(name: str, figures: Figures, command: str) -> Section:
    modes = ("cold", "warm")

    def cells(kind: str, group: Figures) -> tuple[str, ...]:
        return (
            kind,
            str(group["frames"]),
            *(_percent(group[mode]["acc50"]) for mode in modes),
            *(_percent(group[mode]["false_answers"]) for mode in modes),
            *(_two(group[mode]["steps"]) for mode in modes),
            *(_ms(group[mode]["p50_ms"]) for mode in modes),
        )

    pairs = ("Acc50", "false", "steps", "p50 ms")
    head = ("clips", "frames", *(f"{pair} {mode}" for pair in pairs for mode in modes))
    kinds = figures["by_kind"]
    return Section(
        name,
        "Video",
        command,
        (
            "Rendered clips, each frame answered cold (the whole frame first) and warm (where the"
            " object was). False: found although it is hidden.",
        ),
        (Table(head, tuple(cells(*each) for each in kinds.items()), strong=len(kinds) - 1),),
    )


def _kernel(name: str, figures: Figures, command: str) -> Section:
    from benchmarks.kernel.contestants import CONTESTANTS
    from benchmarks.kernel.plot import kernel_plot

    rows = tuple(
        (
            f"{row['frame']} {row['window']} → {row['size']}",
            *(_ms(row[f"{each}_ms"]) for each in CONTESTANTS),
        )
        for row in figures["rows"]
    )
    return Section(
        name,
        "The crop-and-resize kernel",
        command,
        tuple(figures["goals"]),
        (Table(("median milliseconds", *CONTESTANTS), rows),),
        (
            _picture(
                "kernel",
                "Kernel",
                kernel_plot,
                [SimpleNamespace(**row) for row in figures["rows"]],
            ),
        ),
    )


def _picture(name: str, title: str, plot: Callable[..., None], *given: Any) -> Picture:
    return Picture(name, title, draw(name, partial(plot, *given)))


def _ms(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _times(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}x"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


_SECTIONS = {
    "latency": _latency,
    "accuracy": _accuracy,
    "peers": _peers,
    "scaling": _scaling,
    "refs": _refs,
    "deadline": _deadline,
    "calibration": _calibration,
    "video": _video,
    "kernel": _kernel,
}
