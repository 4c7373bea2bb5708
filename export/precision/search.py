"""The search for a precision plan: as little float32 as the boxes allow.

First everything that may is lowered. When boxes move too far, each group of nodes is lowered alone,
which says how much of the error is its own; the groups that cost most error per multiplication go
back to float32, and bisection finds how many of them it takes. Measured on zoom steps of
calibration scenes; the certificate has the last word, on other scenes and on whole searches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.host_runtime import Arrays
from export.precision.calibration_data import run_model
from export.precision.graph import Graph
from export.precision.groups import Groups
from export.precision.plan import NetworkPlan, Plan
from export.precision.target import Target
from export.trace import Run, of_network, resolved, upstream
from train.progress import Progress

ALONE_STEPS = 16  # enough to tell groups apart
FREE = 0.002  # of the multiplications: what float32 costs a group that multiplies nothing

Floats = dict[str, dict[str, str]]  # reason by node name, by network
Lower = Callable[[str, Mapping[str, str]], Any]  # network, floats -> the model to be measured
Candidate = tuple[str, str]  # network, group
_Key = tuple[str, frozenset[str], tuple[Any, ...]]  # network, its floats, those before it


@dataclass(frozen=True)
class Error:
    """How far best boxes are from float32's: share of the steps below the target's IoU, mean of
    1 - IoU."""

    missed: float
    mean: float

    def within(self, target: Target) -> bool:
        """Whether the target is met."""
        return self.missed <= 1 - target.share and self.mean <= target.mean


class Bench:
    """Measures choices of nodes by what the last network says in the end; what earlier networks
    said is kept for the next choice.

    Args:
        runs: recorded in float32, see export.trace.
        networks: their names, in the order of their work.
        lower: makes the model that is measured.
        target: what is to be met.
        overlap: see ``export.families.ExportFamily``.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        networks: Sequence[str],
        lower: Lower,
        target: Target,
        overlap: Callable[[Arrays, Arrays], float],
    ) -> None:
        self.runs, self.networks, self.lower, self.target = runs, networks, lower, target
        self.overlap = overlap
        self._upstream = {name: upstream(runs, name) for name in networks}
        self._kept: dict[_Key, list[Arrays]] = {}

    def measure(self, floats: Floats) -> Error:
        """Runs all networks with ``floats`` in float32."""
        outputs: list[Arrays] = [{}] * len(self.runs)
        keys: dict[str, _Key] = {}
        last = self.networks[-1]
        for name in self.networks:
            before = tuple(keys[each] for each in self._upstream[name])
            keys[name] = name, frozenset(floats[name]), before
            found = self._kept.get(keys[name]) or self._run(name, floats[name], outputs)
            if name != last:  # which would be asked again for the same choice alone
                self._kept[keys[name]] = found
            given = iter(found)
            for place, run in enumerate(self.runs):
                if run.network == name:
                    outputs[place] = next(given)
        theirs = of_network(self.runs, last)
        pairs = zip(found, (run.outputs for run in theirs), strict=True)
        return error([self.overlap(ours, reference) for ours, reference in pairs], self.target)

    def _run(self, name: str, floats: Mapping[str, str], outputs: Sequence[Arrays]) -> list[Arrays]:
        feeds = [resolved(run, outputs) for run in of_network(self.runs, name)]
        return list(run_model(self.lower(name, floats), feeds))


def error(overlaps: Sequence[float], target: Target) -> Error:
    """What answers that overlap float32's by that much come to."""
    found = np.asarray(overlaps, np.float64)
    return Error(float((found < target.iou).mean()), float(1 - found.mean()))


def search(
    precision: str,
    graphs: Mapping[str, Graph],
    groups: Mapping[str, Groups],
    fixed: Floats,
    bench: Bench,
    alone: Callable[[], Bench],
) -> Plan:
    """The plan for a precision.

    groups: what may be moved, by network. fixed: nodes that stay in float32 whatever is measured.
    alone: makes the bench on which single groups are measured, when it is wanted. When the target
    cannot be met, everything in ``groups`` stays in float32.
    """
    steps: list[dict[str, Any]] = []

    def good(what: str, floats: Floats) -> bool:
        error = bench.measure(floats)
        steps.append({"step": what, "missed": error.missed, "mean": error.mean})
        return error.within(bench.target)

    floats = fixed
    if not good("all lowered", fixed):
        ranked = _ranked(graphs, groups, fixed, alone())
        low, high = 0, len(ranked)  # too few groups in float32, enough of them
        with Progress("choosing what stays in float32", (high - 1).bit_length()) as progress:
            while high - low > 1:
                middle = (low + high) // 2
                tried = _with(fixed, groups, ranked[:middle])
                low, high = (low, middle) if good(f"{middle} groups", tried) else (middle, high)
                progress.step()
        floats = _with(fixed, groups, ranked[:high])
    networks = {name: NetworkPlan(graph.topology(), floats[name]) for name, graph in graphs.items()}
    return Plan(precision, networks, tuple(steps))


def _ranked(
    graphs: Mapping[str, Graph], groups: Mapping[str, Groups], fixed: Floats, bench: Bench
) -> list[Candidate]:
    """Groups by the error that each makes alone, over the multiplications that it has; dearest
    first."""
    costs = {
        name: {node.name: graph.macs(node) for node in graph.nodes}
        for name, graph in graphs.items()
    }
    whole = max(sum(sum(each.values()) for each in costs.values()), 1)
    candidates = [(name, group) for name in groups for group in groups[name]]
    everything = {name: dict.fromkeys(nodes, "all") for name, nodes in costs.items()}
    worth = {}
    with Progress("lowering each group alone", len(candidates)) as progress:
        for name, group in candidates:
            others = dict(everything[name])
            for node in groups[name][group]:
                if node not in fixed[name]:
                    del others[node]
            share = sum(costs[name][node] for node in groups[name][group]) / whole
            error = bench.measure({**everything, name: others})
            worth[name, group] = (error.missed + error.mean) / (share + FREE)
            progress.step()
    return sorted(candidates, key=lambda each: -worth[each])


def _with(floats: Floats, groups: Mapping[str, Groups], chosen: list[Candidate]) -> Floats:
    """``floats`` and the nodes of the chosen groups; the reason is the group."""
    more = {name: dict(nodes) for name, nodes in floats.items()}
    for name, group in chosen:
        for node in groups[name][group]:
            more[name].setdefault(node, group)
    return more
