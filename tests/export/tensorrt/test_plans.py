"""Plans of the bundled model's networks, built by the real TensorRT for RTX."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import onnx
import pytest
from onnx import helper, parser

from export.check.checking import check_model
from export.check.operators import TARGETS as CHECKED
from export.precision.fp16 import to_half
from export.tensorrt.builder import Order, build_plan
from export.tensorrt.options import PlanOptions
from export.tensorrt.plans import build_plans, build_proven
from export.tensorrt.products import find_products, prove_types
from export.tensorrt.targets import TARGETS, enumerator
from sdk.engine.folder import file_sha256
from sdk.errors import EngineError, InputError
from sdk.runtime.tensorrt import RTX

pytestmark = pytest.mark.usefixtures("builds")
LATER = TARGETS[1:]  # than Turing


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_all_networks_for_all_targets_in_their_types(
    piza_tiny, tmp_path: Path, precision: str
) -> None:
    networks = piza_tiny(precision)
    target = build_plans(RTX, networks, tmp_path, PlanOptions())
    assert names(tmp_path) == {"text.plan", "image.plan", "ground.plan"}
    assert target["tensorrt_rtx"] == "1.7.1.116"
    assert target["compute_capabilities"] == list(LATER)
    graphs = [onnx.load(path) for path in networks.values()]
    wanted = Counter(each.kind for graph in graphs for each in find_products(graph))
    assert target["products"] == wanted
    assert sum(wanted.values()) == 197  # one of them for what words mean
    assert wanted[precision] > 140
    assert target["weights"][precision] == max(target["weights"].values())
    assert target["plans"] == {
        name: file_sha256(tmp_path / f"{name}.plan") for name in ("ground", "image", "text")
    }


def test_the_same_networks_give_the_same_bytes(piza_tiny, tmp_path: Path) -> None:
    """In two processes, to two places; other targets give others."""
    networks = {name: piza_tiny("fp16")[name] for name in ("image", "text")}
    hashes = []
    for place, targets in (("a", LATER), ("b", LATER), ("c", ("8.9",))):
        (tmp_path / place).mkdir()
        target = build_plans(RTX, networks, tmp_path / place, PlanOptions(targets=targets))
        hashes.append(target["plans"])
    assert hashes[0] == hashes[1]
    assert not set(hashes[0].values()) & set(hashes[2].values())


def test_what_a_process_did_before_does_not_show(built: Path, tmp_path: Path) -> None:
    """A network with two outputs, of which the builder of 1.7.1 writes first what lies first in
    memory; that is moved by all that a process has there before, as by the length of a path."""
    found = set()
    for length in (1, 5, 10, 15):
        place = tmp_path / ("x" * length)
        place.mkdir()
        shutil.copy(built / "ground.onnx", place)
        order = Order(RTX, str(place / "ground.onnx"), str(place / "ground.plan"), ("SM86",))
        build_plan(order)
        found.add(file_sha256(place / "ground.plan"))
    assert len(found) == 1


def test_turing_is_for_networks_without_a_product_in_float32(piza_tiny, tmp_path: Path) -> None:
    half = tmp_path / "text.onnx"
    onnx.save(to_half(onnx.load(piza_tiny("fp32")["text"]), ()), half)
    target = build_plans(RTX, {"text": half}, tmp_path, PlanOptions())
    assert target["compute_capabilities"] == list(TARGETS)
    assert set(target["products"]) == {"fp16"}
    for precision in ("fp32", "fp16", "int8"):
        options = PlanOptions(targets=("7.5", "8.9"))
        with pytest.raises(InputError, match=r"7\.5 cannot be among the targets of this engine"):
            build_plans(RTX, piza_tiny(precision), tmp_path / "absent", options)


def test_what_the_rule_about_turing_keeps_away(piza_tiny, tmp_path: Path) -> None:
    """Asked all the same, the builder refuses matrices in float32; eight bits become float32 for
    every target, without a word of its own, and the layers tell."""
    turing = tuple(map(enumerator, ("7.5", "8.9")))
    networks = piza_tiny("int8")
    with pytest.raises(EngineError, match=r"cannot build text\.onnx.*FP32 GEMM is not supported"):
        build_plan(Order(RTX, str(networks["text"]), None, turing))
    order = Order(RTX, str(networks["image"]), str(tmp_path / "image.plan"), turing)
    products = find_products(onnx.load(networks["image"]))
    said = (
        r"image\.onnx: 18 of 18 products have another type in the plan than in the graph,"
        r" node_Conv_\d+ \(Conv\) first: expected int8, its layers read fp32\."
    )
    with pytest.raises(EngineError, match=said):
        build_proven(order, products)


def test_a_plan_of_another_graph_is_refused(piza_tiny) -> None:
    """A float32 plan is held against the products of the half-precision graph, and the other way
    round."""
    networks = {precision: piza_tiny(precision)["text"] for precision in ("fp32", "fp16")}
    for graph, plan in (("fp16", "fp32"), ("fp32", "fp16")):
        built = build_plan(Order(RTX, str(networks[plan]), None, ("SM89",)))
        products = find_products(onnx.load(networks[graph]))
        with pytest.raises(EngineError, match=rf"expected {graph}, its layers read .*{plan}"):
            prove_types(products, built.layers, "text", complete=True)


@pytest.mark.parametrize("after", ["", "r = Relu(m)"])
def test_a_float32_product_between_casts_becomes_half(tmp_path: Path, after: str) -> None:
    """Alone; with what comes after it in float32 too, it stays what it is. ``check`` says so."""
    text = f"""g (float16[4,8] x, float16[8,8] w) => (float16[4,8] y) {{
      a = Cast<to = 1>(x) b = Cast<to = 1>(w) [n] m = MatMul(a, b) {after}
      y = Cast<to = 10>({after[0] if after else "m"})
    }}"""
    model = helper.make_model(
        parser.parse_graph(text), opset_imports=[helper.make_opsetid("", 18)], ir_version=9
    )
    onnx.save(model, tmp_path / "net.onnx")
    order = Order(RTX, str(tmp_path / "net.onnx"), None, ("SM89",))
    found = check_model(model, "net", [CHECKED["rtx"]])
    if after:
        assert build_proven(order, find_products(model)).products == {"fp32": 1}
        assert found == []
        return
    assert [each.rule for each in found] == ["narrowed-product"]
    with pytest.raises(EngineError, match=r"expected fp32, its layers read fp16.*after it in floa"):
        build_proven(order, find_products(model))


def test_all_plans_or_none(piza_tiny, tmp_path: Path) -> None:
    """A node that the parser does not know, in the last of the networks."""
    model = onnx.load(piza_tiny("fp32")["image"])
    model.graph.node[-1].op_type = "FusedThing"
    onnx.save(model, tmp_path / "image.onnx")
    networks = {"text": piza_tiny("fp32")["text"], "image": tmp_path / "image.onnx"}
    folder = tmp_path / "plans"
    folder.mkdir()
    said = r"RTX 1\.7\.1\.116 cannot parse image\.onnx: node '.*' \(FusedThing\): .*piza check"
    with pytest.raises(EngineError, match=said):
        build_plans(RTX, networks, folder, PlanOptions())
    assert names(folder) == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": ("8.7",)}, "compute capabilities among 7.5, 8.0.*got 8.7: other GPUs"),
        ({"targets": ()}, "got none"),
        ({"hardware_compatibility": "all"}, "expected hardware compatibility none"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PlanOptions(**options)
