"""Plans are kept, and refused where they do not belong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from export.precision.graph import read_graph
from export.precision.plan import NetworkPlan, Plan, check_plan, load_plan
from sdk.errors import InputError

TOPOLOGY = "0123456789ab"
PLAN = Plan(
    "fp16",
    {"text": NetworkPlan(TOPOLOGY, {"Relu_0": "overflow"})},
    ({"step": "all lowered", "missed": 0.0, "mean": 1e-4},),
)


def test_round_trip(tmp_path: Path) -> None:
    PLAN.save(tmp_path / "plan.json")
    assert load_plan(tmp_path / "plan.json") == PLAN


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"format": 2}, "with format 1"),
        ({"precision": "fp32"}, "'precision' to be fp16 or int8, got 'fp32'"),
        ({"networks": []}, "'networks' to be an object"),
        ({"networks": {"text": {"floats": {}}}}, "networks.text"),
        ({"networks": {"text": {"topology": TOPOLOGY, "floats": ["Relu_0"]}}}, "networks.text"),
        ({"networks": {"text": {"topology": 1, "floats": {}}}}, "networks.text"),
        ({"networks": {"text": None}}, "networks.text"),
        ({"measured": "well"}, "'measured' a list"),
    ],
)
def test_what_is_no_plan(tmp_path: Path, change: dict, what: str) -> None:
    path = tmp_path / "plan.json"
    PLAN.save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=what):
        load_plan(path)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "\x00"])
def test_files_that_hold_no_plan(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(InputError, match=r"plan\.json"):
        load_plan(tmp_path / "plan.json")
    with pytest.raises(InputError, match="cannot read the plan"):
        load_plan(tmp_path / "absent.json")


def test_plans_for_something_else(build) -> None:
    graph = read_graph(build([("Relu", ["x"], "y")], {"x": (2,)}, {"y": (2,)}))
    graphs = {"text": graph}
    fitting = Plan("fp16", {"text": NetworkPlan(graph.topology(), {"Relu_0": "overflow"})})
    check_plan(fitting, "fp16", graphs)
    with pytest.raises(InputError, match="a plan for int8, found one for fp16"):
        check_plan(fitting, "int8", graphs)
    with pytest.raises(InputError, match=r"networks \['image', 'text'\]"):
        check_plan(fitting, "fp16", {**graphs, "image": graph})
    with pytest.raises(InputError, match="for another text network"):
        check_plan(PLAN, "fp16", graphs)
    strange = Plan("fp16", {"text": NetworkPlan(graph.topology(), {"Tanh_0": "?"})})
    with pytest.raises(InputError, match="another text network, such as Tanh_0"):
        check_plan(strange, "fp16", graphs)
