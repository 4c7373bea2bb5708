"""The search: on a bench whose errors are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from export.families.grounding_dino import best_overlap
from export.precision.graph import Graph, read_graph
from export.precision.groups import layer_groups
from export.precision.search import Error, Floats, error, search
from export.precision.target import Target
from sdk.engine.manifest import Manifest

TARGET = Target(0.9, 0.9, 1e-3)


class KnownBench:
    """The error is the sum over the nodes that are not in float32."""

    target = TARGET

    def __init__(self, errors: dict[str, float]) -> None:
        self.errors, self.asked = errors, 0

    def measure(self, floats: Floats) -> Error:
        self.asked += 1
        left = [v for name, v in self.errors.items() if name not in floats["ground"]]
        return Error(0.0, sum(left))


@pytest.fixture
def graphs(build, weight) -> dict[str, Graph]:
    """Eight products one after the other; the last has four times the multiplications."""
    nodes: list[tuple[Any, ...]] = [
        ("MatMul", [f"t{n}" if n else "x", "w"], f"t{n + 1}") for n in range(7)
    ]
    nodes.append(("MatMul", ["t7", "wide"], "y"))
    model = build(nodes, {"x": (4, 4)}, {"y": (4, 16)}, {"w": weight(4, 4), "wide": weight(4, 16)})
    return {"ground": read_graph(model)}


def found(graphs: dict[str, Graph], errors: dict[str, float], fixed: dict[str, str]) -> tuple:
    bench = KnownBench(errors)
    groups = {name: layer_groups(graph) for name, graph in graphs.items()}
    plan = search("fp16", graphs, groups, {"ground": fixed}, bench, lambda: bench)
    return plan, bench.asked


def test_nothing_is_given_back_without_need(graphs) -> None:
    plan, asked = found(graphs, {"MatMul_3": 9e-4}, {"MatMul_0": "overflow"})
    assert plan.networks["ground"].floats == {"MatMul_0": "overflow"}
    assert asked == 1
    assert [step["step"] for step in plan.measured] == ["all lowered"]


def test_the_layer_that_does_it_is_given_back(graphs) -> None:
    errors = {f"MatMul_{n}": 1e-5 for n in range(8)} | {"MatMul_5": 0.1}
    plan, asked = found(graphs, errors, {})
    assert list(plan.networks["ground"].floats) == ["MatMul_5"]
    assert asked == 1 + 8 + 3  # all, each alone, bisection


def test_a_log_tells_how_far_the_search_is(graphs, capsys, monkeypatch) -> None:
    """Lines where there is no terminal: at both ends, and on the way as time passes."""
    monkeypatch.setattr("train.progress.LINE_EVERY_S", 0.0)
    found(graphs, {"MatMul_5": 0.1}, {})
    said = capsys.readouterr().err
    assert "\r" not in said
    assert "lowering each group alone: 8 steps to go\n" in said
    assert "lowering each group alone: step 4 of 8" in said
    assert "choosing what stays in float32: step 3 of 3" in said


def test_error_counts_by_multiplication(graphs) -> None:
    """Of two layers with the same error the small one is given back."""
    plan, _ = found(graphs, {"MatMul_7": 9e-4, "MatMul_2": 9e-4}, {})
    assert list(plan.networks["ground"].floats) == ["MatMul_2"]


def test_what_cannot_be_reached_leaves_everything_in_float32(graphs) -> None:
    plan, _ = found(graphs, {"elsewhere": 1.0}, {"MatMul_1": "overflow"})
    floats = plan.networks["ground"].floats
    assert set(floats) == {f"MatMul_{n}" for n in range(8)}
    assert floats["MatMul_1"] == "overflow"


def test_overlaps_are_held_against_the_target() -> None:
    assert error([1.0, 1.0], TARGET) == Error(0.0, 0.0)
    off = error([1.0, 0.5], TARGET)
    assert off == Error(0.5, 0.25)
    assert not off.within(TARGET)


def test_the_best_boxes_are_compared() -> None:
    def answers(*boxes: list[float]) -> dict[str, np.ndarray]:
        return {"boxes": np.array([boxes], np.float32), "scores": np.ones((1, 1), np.float32)}

    manifest = Manifest("any", "piza", {}, {}, None, {})
    box, half = [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.5, 1.0]
    assert best_overlap(manifest, answers(box, half), answers(box, box)) == 1.0
    assert best_overlap(manifest, answers(half), answers(box)) == 0.5
    assert best_overlap(manifest, answers([np.nan] * 4), answers(box)) == 0.0
