"""Sections of the benchmarks that take time."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from benchmarks.commands.latency import STAGES
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


def latency(name: str, figures: Figures, command: str) -> Section:
    """Percentiles and stages, cold start and memory."""
    from benchmarks.plots.latency import distribution_plot, over_time_plot, stages_plot

    titles = {"p50_ms": "p50", "p90_ms": "p90", "p99_ms": "p99", "p999_ms": "p99.9"}
    titles = {key: title for key, title in titles.items() if key in figures} | {"mean_ms": "mean"}
    rows = tuple(
        (row["name"], *(milliseconds(row[key]) for key in titles)) for row in figures["rows"]
    )
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
            picture("latency-distribution", "Distribution", distribution_plot, figures),
            picture("latency-over-time", "Over time", over_time_plot, figures),
            picture("latency-stages", "Stages", stages_plot, figures, STAGES),
        ),
    )


def _cold(cold: Figures | None) -> tuple[Table, ...]:
    if cold is None:
        return ()
    rows = [
        ("from sdk import Grounder", f"{milliseconds(cold['import_ms'])} ms"),
        ("opening the engine", f"{milliseconds(cold['load_ms'])} ms"),
        ("first search", f"{milliseconds(cold['first_ms'])} ms"),
        ("start of the process to its answer", f"{milliseconds(cold['process_ms'])} ms"),
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


def engines(name: str, figures: Figures, command: str) -> Section:
    """Other precisions, models and sizes."""
    rows = tuple(
        (
            row["name"] + ("" if row["proven"] else " (unproven)"),
            *(milliseconds(row[key]) for key in ("p50_ms", "max_ms")),
            times(row["ratio"]),
            f"{row['steps']:.2f}",
            *(milliseconds(row[key]) for key in ("image_ms", "ground_ms")),
            f"{row['load_to_answer_ms'] / 1e3:.2f} s",
            "" if row["peak_mb"] is None else f"{row['peak_mb']:.0f} MB",
            f"{row['megabytes']:.1f} MB",
        )
        for row in figures["rows"]
    )
    head = ("engine", "p50 ms", "most", "ratio", "steps", "image", "ground")
    return Section(
        name,
        "Other engines",
        command,
        (
            f"The same {figures['rows'][0]['n']} questions to each in turn; the ratio is the median"
            " over questions of the time over the first one's. Image and ground: the networks, a"
            " look. Weights of engines without a certificate may be random: time does not depend"
            " on them, but for the number of steps.",
        ),
        (Table((*head, "first answer", "memory", "on disk"), rows, strong=0),),
    )


def scaling(name: str, figures: Figures, command: str) -> Section:
    """A table an axis."""
    from benchmarks.plots.scaling_plot import scaling_plot

    axes = {
        "refs": "expressions in one call",
        "frame": "frame",
        "threads": "CPU threads",
        "batch": "windows at once",
        "steps": "zoom steps",
    }
    cells: dict[str, list[tuple[str, ...]]] = {}
    for row in figures["rows"]:
        times = (milliseconds(row[key]) for key in ("p10_ms", "p50_ms", "p90_ms"))
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
            " of the zoom steps never stop early. Windows at once: crop, image and ground network"
            " of one round; networks have a batch of one, and run side by side, one a core.",
        ),
        tuple(Table((axes[axis], *head), tuple(some)) for axis, some in cells.items()),
        (picture("scaling", "Scaling", scaling_plot, figures["rows"]),),
    )


def refs(name: str, figures: Figures, command: str) -> Section:
    """One call against several."""
    rows = tuple(
        (
            str(row["refs"]),
            *(milliseconds(row[key]) for key in ("separate_ms", "together_ms")),
            two_digits(row["ratio"]),
            two_digits(row["image_runs"]),
            percent(row["same"]),
        )
        for row in figures["rows"]
    )
    return Section(
        name,
        "Several expressions on one frame",
        command,
        (
            "One call for all of them against a call for each; the same answers: IoU of 0.99."
            " Image runs: of the image network, in one call; each window is encoded once.",
        ),
        (
            Table(
                (
                    "expressions",
                    "separate ms",
                    "together ms",
                    "ratio",
                    "image runs",
                    "same answers",
                ),
                rows,
            ),
        ),
    )


def deadline(name: str, figures: Figures, command: str) -> Section:
    """Who keeps it, and at what price."""
    from benchmarks.plots.methods import deadline_plot

    rows = tuple(
        (
            f"{row['fraction']:.2f} of a search",
            milliseconds(row["deadline_ms"]),
            percent(row["kept"]),
            *(milliseconds(row[key]) for key in ("p50_ms", "p99_ms")),
            *(percent(row[key]) for key in ("complete", "acc50", "place")),
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
        (picture("deadline", "Deadlines", deadline_plot, figures["rows"], usual),),
    )


def kernel(name: str, figures: Figures, command: str) -> Section:
    """Ours and the others, in milliseconds."""
    from benchmarks.kernel.contestants import CONTESTANTS
    from benchmarks.kernel.plot import kernel_plot

    rows = tuple(
        (
            f"{row['frame']} {row['window']} → {row['size']}",
            *(milliseconds(row[f"{each}_ms"]) for each in CONTESTANTS),
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
            picture(
                "kernel",
                "Kernel",
                kernel_plot,
                [SimpleNamespace(**row) for row in figures["rows"]],
            ),
        ),
    )
