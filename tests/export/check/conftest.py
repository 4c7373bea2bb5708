"""Small networks, written in ONNX's own text format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import pytest
from onnx import helper, parser

from export.check.checking import check_model
from export.check.operators import TARGETS

Found = list[tuple[str, str]]


def parsed(text: str, opset: int = 18) -> onnx.ModelProto:
    """``text``: "(inputs) => (outputs) <constants> { nodes }"; missing types are inferred."""
    graph = parser.parse_graph("g " + text)
    domains = {node.domain for node in graph.node} - {""}
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=opsets)


@pytest.fixture
def parse() -> Callable[..., onnx.ModelProto]:
    return parsed


@pytest.fixture
def check() -> Callable[..., Found]:
    """``check(text or model, opset=18, tensorrt=None)``: (rule, node) of each finding."""

    def judge(given: Any, opset: int = 18, tensorrt: str | None = None) -> Found:
        model = parsed(given, opset) if isinstance(given, str) else given
        targets = [TARGETS[tensorrt]] if tensorrt else list(TARGETS.values())
        return [(each.rule, each.node) for each in check_model(model, "net", targets)]

    return judge
