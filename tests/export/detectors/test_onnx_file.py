"""Detectors in ONNX files of others: what is made of them, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.check.checking import check_model
from export.detectors.detector import DetectorOptions, PreparedDetector, open_detector
from export.detectors.labels import COCO_80, coco_91, parse_names
from sdk.errors import InputError
from sdk.regions.heads import Wanted

HW = (64, 96)
NAMES = "{0: 'car', 1: 'person', 2: 'sign'}"
LEVELS = (8, 16, 32)


def constant(name: str, value: Any, kind: Any = np.int64) -> Any:
    return numpy_helper.from_array(np.array(value, kind), name)


def yolo(
    sizes: Any = (1, 3, *HW),
    kind: int = TensorProto.FLOAT,
    last: bool = False,
    opset: int = 18,
    outputs: int = 1,
    **metadata: str,
) -> Any:
    """A column a box, three classes: a convolution for each stride, flattened to the size that the
    network finds when it runs, as exporters leave it."""
    random = np.random.default_rng(0)
    nodes, constants, levels = [], [], []
    first = "image"
    if kind != TensorProto.FLOAT:
        nodes.append(helper.make_node("Cast", [first], ["float"], to=TensorProto.FLOAT))
        first = "float"
    if last:
        nodes.append(helper.make_node("Transpose", [first], ["first"], perm=[0, 3, 1, 2]))
        first = "first"
    for stride in LEVELS:
        weights = random.normal(0, 0.1, (7, 3, stride, stride)).astype(np.float32)
        constants.append(numpy_helper.from_array(weights.astype(np.float16), f"half{stride}"))
        nodes += [
            helper.make_node("Cast", [f"half{stride}"], [f"w{stride}"], to=TensorProto.FLOAT),
            helper.make_node("Conv", [first, f"w{stride}"], [f"m{stride}"], strides=[stride] * 2),
            helper.make_node("Shape", [f"m{stride}"], [f"s{stride}"]),
            helper.make_node("Slice", [f"s{stride}", "zero", "two"], [f"b{stride}"]),
            helper.make_node("Concat", [f"b{stride}", "rest"], [f"t{stride}"], axis=0),
            helper.make_node("Reshape", [f"m{stride}", f"t{stride}"], [f"f{stride}"]),
        ]
        levels.append(f"f{stride}")
    constants += [constant("zero", [0]), constant("two", [2]), constant("rest", [-1])]
    constants += [constant("sizes", [4, 3]), constant("scale", 40, np.float32)]
    nodes += [
        helper.make_node("Concat", levels, ["all"], axis=2),
        helper.make_node("Split", ["all", "sizes"], ["boxes", "classes"], axis=1),
        helper.make_node("Abs", ["boxes"], ["positive"]),
        helper.make_node("Mul", ["positive", "scale"], ["pixels"]),  # our input's name, inside
        helper.make_node("Sigmoid", ["classes"], ["scores"]),
        helper.make_node("Concat", ["pixels", "scores"], ["output0"], axis=1),
    ]
    names = ["output0", "boxes", "classes"][:outputs]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    image = helper.make_tensor_value_info("image", kind, sizes)
    graph = helper.make_graph(nodes, "yolo", [image], values, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(model, metadata)
    return model


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., str]:
    """``saved(**changes)``: the file of a small YOLO."""

    def make(**changes: Any) -> str:
        onnx.save(yolo(**{"names": NAMES, **changes}), tmp_path / "yolo.onnx")
        return str(tmp_path / "yolo.onnx")

    return make


def answers(detector: PreparedDetector, pixels: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(detector.model.SerializeToString())
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(None, {"pixels": pixels}), strict=True))


def assert_equal_and_clean(detector: PreparedDetector) -> None:
    assert check_model(detector.model, "detector") == []
    [value] = detector.model.graph.input
    assert value.name == "pixels"
    pixels = np.random.default_rng(1).normal(0, 1, (1, 3, *detector.image.hw)).astype(np.float32)
    found, wanted = answers(detector, pixels), detector.original(pixels)
    assert set(found) == set(wanted) == set(detector.head.outputs)
    for name, each in found.items():
        np.testing.assert_allclose(each, wanted[name], atol=1e-4)
    assert len(detector.head.decode(found, Wanted(0.5, 50)).scores) > 0


def test_a_yolo_export(saved) -> None:
    detector = open_detector(saved(license="AGPL-3.0", task="detect"))
    assert_equal_and_clean(detector)
    assert detector.head.to_mapping() == {
        "kind": "yolo",
        "output": "output0",
        "layout": "columns",
        "classes": 3,
        "input_hw": list(HW),
        "objectness": False,
        "relative": False,
    }
    assert detector.names == ("car", "person", "sign")
    assert detector.image.hw == HW
    assert (detector.image.mean, detector.image.std) == ((0.0,) * 3, (255.0,) * 3)
    assert detector.source["licence"] == "AGPL-3.0"
    assert detector.source["file"] == "yolo.onnx"


@pytest.mark.parametrize("sizes", [("n", 3, "h", "w"), (None, 3, None, None), (1, 3, HW[0], "w")])
def test_sizes_that_are_open(saved, sizes) -> None:
    """They come from the metadata, or are named; without, the error says how."""
    assert_equal_and_clean(open_detector(saved(sizes=sizes, imgsz=str(list(HW)))))
    path = saved(sizes=sizes)
    assert_equal_and_clean(open_detector(path, DetectorOptions(input_hw=HW)))
    with pytest.raises(InputError, match=r"leaves the size of its input open .*--input-hw"):
        open_detector(path)


def test_a_size_that_contradicts(saved) -> None:
    with pytest.raises(InputError, match="has an input of 64x96, --input-hw says"):
        open_detector(saved(), DetectorOptions(input_hw=(96, 96)))


@pytest.mark.parametrize("opset", [13, 17, 19, 21])
def test_opsets(saved, opset) -> None:
    assert_equal_and_clean(open_detector(saved(opset=opset)))


def test_channels_last(saved) -> None:
    """The transposition at the start of such a graph goes away."""
    detector = open_detector(saved(sizes=(1, *HW, 3), last=True))
    assert_equal_and_clean(detector)
    assert not any(node.op_type == "Transpose" for node in detector.model.graph.node)


def test_bgr(saved) -> None:
    """The weights of the first convolutions change places, and nothing else does."""
    path = saved()
    rgb, bgr = (
        open_detector(path, DetectorOptions(order=order, std=(1.0, 2.0, 3.0)))
        for order in ("rgb", "bgr")
    )
    assert_equal_and_clean(bgr)
    pixels = np.random.default_rng(1).normal(0, 1, (1, 3, *HW)).astype(np.float32)
    turned = np.ascontiguousarray(pixels[:, ::-1])
    np.testing.assert_allclose(
        answers(bgr, pixels)["output0"], answers(rgb, turned)["output0"], atol=1e-4
    )
    assert len(bgr.model.graph.node) == len(rgb.model.graph.node)
    assert bgr.image.std == (1.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": TensorProto.UINT8}, r"float32 .*, found UINT8.*without its preprocessing"),
        ({"kind": TensorProto.FLOAT16}, r"float32 .*, found FLOAT16"),
        ({"sizes": (4, 3, *HW)}, "for one picture .*, found one for 4"),
        ({"sizes": (1, 4, *HW)}, r"an input of 3 channels .*, found image \[1, 4, 64, 96\]"),
        ({"sizes": (3, *HW)}, r"one input of pictures, .*, found image \[3, 64, 96\]"),
        ({"task": "segment"}, "found one for the task 'segment'"),
        ({"names": "{0: 'car'}"}, "metadata has 1 names, the detector 3 classes"),
        ({"names": ""}, r"found 3 classes and no names of them.*--labels"),
        (
            {"outputs": 2},
            r"the outputs of a detector's head \(yolo, .*\), found output0 \[1, 7, 126\]",
        ),
    ],
)
def test_what_is_refused(saved, changes, message) -> None:
    with pytest.raises(InputError, match=message) as raised:
        open_detector(saved(**changes))
    assert "\n" not in str(raised.value)


def test_labels(saved, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("bus\ntraffic light\n cone \n\n")
    options = DetectorOptions(labels=str(labels))
    assert open_detector(saved(), options).names == ("bus", "traffic light", "cone")
    labels.write_text("bus\n\ncone\n")
    with pytest.raises(InputError, match="the name of a class in every line"):
        open_detector(saved(), options)
    with pytest.raises(InputError, match=r"cannot read the labels .*No such file"):
        open_detector(saved(), DetectorOptions(labels=str(tmp_path / "none.txt")))
    with pytest.raises(InputError, match="--labels coco has 80 or 91 names, the detector 3"):
        open_detector(saved(), DetectorOptions(labels="coco"))


def test_a_head_that_is_named_wrongly(saved) -> None:
    assert open_detector(saved(), DetectorOptions(head="yolo")).head.kind == "yolo"
    with pytest.raises(InputError, match=r"the outputs of the head detr, found output0"):
        open_detector(saved(), DetectorOptions(head="detr"))


def test_files_that_are_no_networks(tmp_path: Path) -> None:
    path = tmp_path / "detector.onnx"
    with pytest.raises(InputError, match="found no file"):
        open_detector(str(path))
    path.write_bytes(b"not a network")
    with pytest.raises(InputError, match="ONNX network"):
        open_detector(str(path))
    path.write_bytes(b"")
    with pytest.raises(InputError, match="found no nodes"):
        open_detector(str(path))


def test_a_classifier_is_no_detector(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["probabilities"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, *HW))
    out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, None)
    model = helper.make_model(
        helper.make_graph(nodes, "classifier", [image], [out]),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=8,
    )
    onnx.save(model, tmp_path / "classifier.onnx")
    with pytest.raises(InputError, match=r"found probabilities \[1, 3\]; --head names one"):
        open_detector(str(tmp_path / "classifier.onnx"))


def test_coco_s_names() -> None:
    assert len(COCO_80) == len(set(COCO_80)) == 80
    numbered = coco_91()
    assert len(numbered) == 91
    assert (numbered[1], numbered[13], numbered[90]) == ("person", "stop sign", "toothbrush")
    assert tuple(name for name in numbered if name != "N/A") == COCO_80


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{0: 'a', 1: 'b'}", ("a", "b")),
        ('{"1": "b", "0": "a"}', ("a", "b")),
        ("['a', 'b']", ("a", "b")),
        ("{0: 'a', 2: 'b'}", ()),
        ("a, b", ()),
        ("3", ()),
        ("", ()),
        ("(" * 500, ()),
    ],
)
def test_names_in_metadata(text, names) -> None:
    assert parse_names(text) == names


@pytest.fixture(scope="module")
def real() -> Path:
    """The folder of detectors that others made; not part of the project."""
    shared = Path(__file__).resolve().parents[4] / "shared" / "data" / "detectors"
    folder = Path(os.environ.get("PIZA_DETECTORS", shared))
    if not folder.is_dir():
        pytest.skip(f"no detectors at {folder}: set PIZA_DETECTORS")
    return folder


def test_nanodet(real: Path) -> None:
    detector = open_detector(str(real / "nanodet-coco-416.onnx"), DetectorOptions(labels="coco"))
    assert_real(detector, "gfl", 80, (416, 416))
    assert (detector.image.mean, detector.image.order) == ((123.675, 116.28, 103.53), "rgb")


def test_ssd(real: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(f"class {k}" for k in range(23)))
    options = DetectorOptions(labels=str(tmp_path / "labels.txt"))
    detector = open_detector(str(real / "ssd-mobilenetv2-oidv4-300.onnx"), options)
    assert_real(detector, "ssd", 23, (300, 300))


def assert_real(detector: PreparedDetector, kind: str, classes: int, hw: tuple[int, int]) -> None:
    assert (detector.head.kind, detector.head.classes) == (kind, classes)
    assert detector.image.hw == hw
    assert check_model(detector.model, "detector") == []
    pixels = np.random.default_rng(1).normal(0, 1, (1, 3, *hw)).astype(np.float32)
    wanted = detector.original(pixels)
    for name, value in answers(detector, pixels).items():
        np.testing.assert_allclose(value, wanted[name], atol=1e-4)
