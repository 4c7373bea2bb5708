"""Which operators a search spends its time in, by ONNX Runtime's profiler of the networks."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.report.section import Figures, Section, Table, milliseconds, percent, times
from evaluation.questions import Workload
from evaluation.statistics import same_box
from sdk.errors import InputError
from sdk.results.grounding import Grounding

BETWEEN = "between them"
_UNDISTURBED = 10  # percentile of the time between operators: another program takes it from most
_KERNEL = "_kernel_time"  # how the profiler ends the name of a node that it timed

Event = Mapping[str, Any]


class Locator(Protocol):
    """``sdk.Grounder``, or what answers like it."""

    def locate(self, frame: NDArray[np.uint8], ref: str) -> Grounding:
        """The answer to one expression."""


def compare(
    exported: Locator, ours: Locator, workload: Workload, warmup: int, runs: int
) -> Figures:
    """Asks two grounders in turns, who begins in turns too.

    Args:
        exported: whose networks have the operators that they were exported with.
        ours: whose networks have what takes their place.
        workload: what is asked, from the beginning again when it ends.
        warmup: questions before those that count.
        runs: questions that count.

    Returns:
        ``stages``: of a search and its stages the medians, and that of the first's time over the
        second's, question by question; stages that took no time are left out. ``same``: share of
        answers with the same box and decision.
    """
    took: list[dict[str, tuple[float, float]]] = []
    same = 0
    for index in range(warmup + runs):
        picture, ref = workload.questions[index % len(workload.questions)]
        order = (exported, ours) if index % 2 else (ours, exported)
        answers = [each.locate(workload.frames[picture], ref) for each in order]
        first, second = answers if index % 2 else answers[::-1]
        if index >= warmup:
            both = zip(first.timing_ms.items(), second.timing_ms.values(), strict=True)
            took.append({name: (a, b) for (name, a), b in both})
            same += first.found == second.found and same_box(first.xyxy, second.xyxy)
    stages = []
    for name in took[0]:
        pairs = np.array([each[name] for each in took if min(each[name]) > 0]).reshape(-1, 2)
        if len(pairs):
            exported_ms, ms = np.median(pairs, axis=0)
            ratio = float(np.median(pairs[:, 0] / pairs[:, 1]))
            row = {"exported_ms": float(exported_ms), "ms": float(ms), "ratio": ratio}
            stages.append({"name": "search" if name == "total" else name, **row})
    return {"stages": stages, "same": same / runs}


def measure(options: Mapping[str, Any], workload: Workload, warmup: int, runs: int) -> Figures:
    """Opens a grounder whose networks are profiled, and asks it.

    Args:
        options: of ``sdk.Grounder``, by their names.
        workload: what is asked, from the beginning again when it ends.
        warmup: questions before those that count.
        runs: questions that count.

    Returns:
        ``rows``, see ``operators``, over all networks, and ``searches``, how many counted.

    Raises:
        InputError: the engine's runtime is not ONNX Runtime on the CPU.
    """
    from sdk.grounder import Grounder
    from sdk.runtime.onnx_network import profiled

    with TemporaryDirectory() as name:
        with profiled(Path(name)), Grounder(**options) as grounder:
            if grounder.manifest.backend != "onnxruntime":
                raise InputError(
                    "expected an engine for onnxruntime, whose operators can be profiled, got one"
                    f" for {grounder.manifest.backend}"
                )
            networks = tuple(grounder.manifest.networks)
            for index in range(warmup + runs):
                picture, ref = workload.questions[index % len(workload.questions)]
                grounder.locate(workload.frames[picture], ref)
        rows = []
        for network in networks:  # a trace is written when its network is freed
            for trace in Path(name).glob(f"{network}_[0-9][0-9][0-9][0-9]-*.json"):
                events = json.loads(trace.read_text())
                rows += operators(network, events, warmup / (warmup + runs))
    return {"searches": runs, "warmup": warmup, "rows": rows}


def operators(network: str, events: Iterable[Event], skipped: float = 0.0) -> list[dict[str, Any]]:
    """What a network's runs consist of, the longest first.

    Args:
        network: its name.
        events: of the profiler, microseconds.
        skipped: share of the runs, from the first on, that does not count.

    Returns:
        For each kind of operator: ``nodes``, how many one run has, ``ms`` of one run (each node's
        median) and ``share`` of it; beside them what undisturbed runs spend between their
        operators, which is more than without a profiler: it takes a few microseconds a node.
    """
    events = list(events)
    runs = sorted((each["ts"], each["dur"]) for each in events if each["name"] == "model_run")
    runs = runs[int(skipped * len(runs)) :]
    if not runs:
        return []
    begins = [begin for begin, _ in runs]
    gaps = [dur for _, dur in runs]
    took: dict[tuple[str, str], list[float]] = defaultdict(list)  # by kind and node
    for each in events:
        if each["name"].endswith(_KERNEL) and each["ts"] >= begins[0]:
            took[each["args"]["op_name"], each["name"]].append(each["dur"])
            gaps[bisect_right(begins, each["ts"]) - 1] -= each["dur"]
    by_kind: dict[str, list[float]] = defaultdict(list)
    for (kind, _), us in took.items():
        by_kind[kind].append(float(np.median(us)))
    sums = {kind: sum(us) for kind, us in by_kind.items()}
    sums[BETWEEN] = float(np.percentile(gaps, _UNDISTURBED))
    return [
        {
            "network": network,
            "operator": kind,
            "nodes": len(by_kind.get(kind, ())),
            "ms": us / 1e3,
            "share": us / sum(sums.values()),
        }
        for kind, us in sorted(sums.items(), key=lambda item: -item[1])
    ]


def section(figures: Figures, least: float = 0.01) -> Section:
    """A table of them, and one of the turns.

    Args:
        figures: of ``measure``, as ``rows`` and of networks as they were exported as
            ``rows_exported``, and of ``compare``.
        least: share of 1; kinds with less of their network in both go into one row.
    """
    sides = [_by_network(figures[key]) for key in ("rows_exported", "rows")]
    shown: list[tuple[str, ...]] = []
    for network in sides[0]:
        both = [side.get(network, {}) for side in sides]
        totals = [sum(ms for _, ms in side.values()) for side in both]
        kinds = sorted(
            {*both[0], *both[1]}, key=lambda kind: -max(_ms(side, kind) for side in both)
        )
        many = [
            kind
            for kind in kinds
            if any(
                _ms(side, kind) >= least * all_ms for side, all_ms in zip(both, totals, strict=True)
            )
        ]
        few = [kind for kind in kinds if kind not in many]
        groups = [("all", kinds), *((kind, [kind]) for kind in many)]
        for name, group in [*groups, *([(f"{len(few)} others", few)] if few else [])]:
            cells: list[str] = []
            for side, all_ms in zip(both, totals, strict=True):
                nodes = sum(side[kind][0] for kind in group if kind in side)
                ms = sum(_ms(side, kind) for kind in group)
                there = any(kind in side for kind in group)
                cells += [
                    str(nodes or ""),
                    *((milliseconds(ms), percent(ms / all_ms)) if there else ("", "")),
                ]
            shown.append((f"{network}: {name}", *cells))
    text = (
        f"One run of each network, from {figures['searches']} searches after {figures['warmup']}"
        f" for warm-up: as exported, and with the operators that are put in when a network is"
        f" loaded. {BETWEEN.capitalize()} is the executor's own time, and the profiler's."
    )
    turns = [
        (
            row["name"],
            *(milliseconds(row[key]) for key in ("exported_ms", "ms")),
            times(row["ratio"]),
        )
        for row in figures["stages"]
    ]
    beside = f"The same questions in turns: {percent(figures['same'])} the same answers."
    header = ("operator", "exported", "ms", "share", "nodes", "ms", "share")
    return Section(
        "Operators of the networks",
        (text, beside),
        (
            Table(header, tuple(shown)),
            Table(("milliseconds", "as exported", "as it runs", "ratio"), tuple(turns)),
        ),
    )


_Side = Mapping[str, tuple[int, float]]  # of a network: nodes and milliseconds by operator


def _by_network(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, tuple[int, float]]]:
    found: dict[str, dict[str, tuple[int, float]]] = defaultdict(dict)
    for row in rows:
        found[row["network"]][row["operator"]] = (row["nodes"], row["ms"])
    return found


def _ms(side: _Side, kind: str) -> float:
    return side.get(kind, (0, 0.0))[1]
