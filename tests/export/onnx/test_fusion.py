"""Operators of our own in place of many: in exported networks, and by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from sdk.engine.folder import default_engine
from sdk.errors import EngineError
from sdk.runtime import onnx_network
from sdk.runtime.fusions.attention import ATTENTION, BIASED_ATTENTION, TWO_WAY
from sdk.runtime.fusions.convolution import CONVOLUTION, CONVOLUTION_AND_SUM
from sdk.runtime.fusions.normalisation import ADAPTER, NORM, NORM_OF_SUM
from sdk.runtime.fusions.sampling import SAMPLING
from sdk.runtime.onnx_fusion import DOMAIN, fused, library
from sdk.runtime.onnx_network import OnnxNetwork
from train.models.grounding_dino.deformable import gather_sampler
from train.models.grounding_dino.layers import attend


def session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    assert library() is not None, "the library of operators is not built"
    options.register_custom_ops_library(str(library()))
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def alone(
    operator: str,
    inputs: dict[str, int],
    outputs: int,
    order: tuple[str, ...] = (),
    **constants: np.ndarray,
) -> Any:
    """One operator; ``inputs`` are floats with their ranks, in front of the constants or in
    ``order`` with them."""
    given = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * rank)
        for name, rank in inputs.items()
    ]
    names = [f"out{k}" for k in range(outputs)]
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 2) for name in names]
    node = helper.make_node(operator, order or [*inputs, *constants], names, domain=DOMAIN)
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(DOMAIN, 1)]
    graph = helper.make_graph([node], "g", given, made, tensors)
    return session(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())


def sampling(sizes: list[tuple[int, int]]) -> onnxruntime.InferenceSession:
    """The operator of levels of these widths and heights."""
    inputs = {"value": 2, "places": 5, "scores": 3}
    return alone(SAMPLING, inputs, 1, levels=np.array(sizes, np.int64))


def feeds(sizes: list[tuple[int, int]], heads: int, points: int, queries: int, depth: int) -> Any:
    rng = np.random.default_rng(queries)
    shape = (heads, len(sizes), points, 2, queries)
    locations = sum(w * h for w, h in sizes)
    return {
        "value": rng.normal(size=(locations, heads * depth)).astype(np.float32),
        "places": rng.uniform(-3, max(map(max, sizes)) + 3, shape).astype(np.float32),
        "scores": rng.normal(0, 4, (heads, len(sizes) * points, queries)).astype(np.float32),
    }


def reference(given: Any, sizes: list[tuple[int, int]]) -> np.ndarray:
    value, places, scores = (torch.from_numpy(each) for each in given.values())
    heads, levels, points = places.shape[:3]
    weights = scores.softmax(-2).unflatten(-2, (levels, points))
    shapes = tuple((h, w) for w, h in sizes)
    out = gather_sampler(value.unflatten(-1, (heads, -1)), shapes, places, weights)
    return out.flatten(-2).numpy()


SIZES = st.lists(st.tuples(st.integers(2, 9), st.integers(2, 9)), min_size=1, max_size=3)


@settings(deadline=None, max_examples=40)
@given(SIZES, st.integers(1, 3), st.integers(1, 4), st.integers(1, 70), st.integers(1, 20))
def test_the_operator(sizes: Any, heads: int, points: int, queries: int, depth: int) -> None:
    given = feeds(sizes, heads, points, queries, depth)
    [found] = sampling(sizes).run(None, given)
    np.testing.assert_allclose(found, reference(given, sizes), atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, -1e30])
@pytest.mark.parametrize("where", ["places", "scores"])
def test_what_is_no_number_reads_no_memory_outside(where: str, bad: float) -> None:
    sizes = [(4, 3), (2, 2)]
    given = feeds(sizes, 2, 2, 5, 8)
    given[where][0, 1, ..., 3] = bad
    [found] = sampling(sizes).run(None, given)
    expected = reference(given, sizes)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "shape", "told"),
    [
        ("value", (16, 15), "do not fit each other"),
        ("value", (15, 16), "not all of the locations"),
        ("scores", (2, 3, 5), "do not fit each other"),
        ("places", (2, 2, 2, 3, 5), "do not fit each other"),
    ],
)
def test_inputs_that_do_not_fit(name: str, shape: tuple[int, ...], told: str) -> None:
    sizes = [(4, 3), (2, 2)]
    given = feeds(sizes, 2, 2, 5, 8) | {name: np.zeros(shape, np.float32)}
    with pytest.raises(Exception, match=told):
        sampling(sizes).run(None, given)


def test_a_level_of_one_row() -> None:
    with pytest.raises(Exception, match="too small"):
        sampling([(4, 1)]).run(None, feeds([(4, 1)], 1, 1, 1, 1))


def two_way(heads: int) -> onnxruntime.InferenceSession:
    inputs = {"image": 2, "meant": 2, "bias": 1, "said": 2, "told": 2}
    return alone(TWO_WAY, inputs, 2, heads=np.array([heads]))


def dialogue(seed: int, locations: int, heads: int, tokens: int, padded: int, width: int) -> Any:
    """What image and text say to each other; the last ``padded`` tokens are padding, all alike."""
    rng = np.random.default_rng(seed)
    given = {
        "image": rng.normal(size=(locations, width)),
        "meant": rng.normal(0, 0.3, (heads, tokens, width)),
        "bias": rng.normal(size=(heads, tokens)),
        "said": rng.normal(size=(heads, tokens, width)),
        "told": rng.normal(size=(1, width)),
    }
    for name in ("meant", "bias", "said"):
        given[name][:, tokens - padded :] = given[name][:, -1:]
    given["bias"][:, tokens - padded :] -= 10_000
    flat = {name: given[name].reshape(heads * tokens, width) for name in ("meant", "said")}
    given |= flat | {"bias": given["bias"].ravel()}
    return {name: each.astype(np.float32) for name, each in given.items()}


def spoken(given: Any, heads: int) -> tuple[np.ndarray, np.ndarray]:
    """The same, as ``fuse`` says it."""
    image, meant, bias, said, told = (torch.from_numpy(each) for each in given.values())
    scores = image @ meant.T + bias
    to_image = scores.unflatten(-1, (heads, -1)).softmax(-1).flatten(-2)
    return (image + (to_image @ said + told)).numpy(), (scores.T.softmax(-1) @ image).numpy()


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 99),
    st.integers(1, 150),
    st.integers(1, 3),
    st.integers(1, 40),
    st.integers(0, 40),
    st.sampled_from([16, 32, 96]),
)
def test_attention_both_ways(
    seed: int, locations: int, heads: int, tokens: int, padded: int, width: int
) -> None:
    check_dialogue(dialogue(seed, locations, heads, tokens, min(padded, tokens), width), heads)


def check_dialogue(given: Any, heads: int) -> None:
    """What padding hears has scores of -10,000, whose last place is a thousandth."""
    found, expected = two_way(heads).run(None, given), spoken(given, heads)
    np.testing.assert_allclose(found[0], expected[0], atol=2e-5, rtol=1e-5)
    padding = given["bias"] < -5000
    for rows, close in ((~padding, 2e-5), (padding, 3e-3)):
        np.testing.assert_allclose(found[1][rows], expected[1][rows], atol=close, rtol=1e-5)


def test_padding_that_differs_is_told_apart() -> None:
    given = dialogue(0, 70, 2, 20, 15, 32)
    given["meant"][12, 5] += 1  # a padding token of the first head
    check_dialogue(given, 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_heard(bad: float) -> None:
    given = dialogue(0, 70, 2, 20, 15, 32)
    given["image"][3, 4] = bad
    image, heard = two_way(2).run(None, given)
    assert np.isnan(image[3]).all()
    assert np.isfinite(np.delete(image, 3, 0)).all()
    assert not np.isfinite(heard).all(axis=1).any()


@pytest.mark.parametrize(
    ("name", "shape"),
    [("meant", (40, 16)), ("said", (20, 32)), ("told", (1, 16)), ("bias", (39,))],
)
def test_what_is_said_has_to_fit(name: str, shape: tuple[int, ...]) -> None:
    given = dialogue(0, 70, 2, 20, 15, 32) | {name: np.zeros(shape, np.float32)}
    with pytest.raises(Exception, match="do not fit each other"):
        two_way(2).run(None, given)


def attention(heads: int, biased: bool) -> onnxruntime.InferenceSession:
    inputs = {"query": 2, "key": 2, "value": 2, **({"bias": 3} if biased else {})}
    operator = BIASED_ATTENTION if biased else ATTENTION
    return alone(operator, inputs, 1, heads=np.array([heads]))


def attended(seed: int, queries: int, keys: int, width: int, rows: int, masked: float) -> Any:
    """What an attention is given; ``rows`` of a bias, 0 for none, which masks some of the keys."""
    rng = np.random.default_rng(seed)
    given = {
        name: rng.normal(size=(count, width))
        for name, count in (("query", queries), ("key", keys), ("value", keys))
    }
    if rows:
        given["bias"] = np.where(rng.random((1, rows, keys)) < masked, -10_000, 0)
    return {name: each.astype(np.float32) for name, each in given.items()}


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 99),
    st.integers(1, 20),
    st.integers(1, 40),
    st.integers(1, 3),
    st.integers(1, 40),
    st.sampled_from([None, False, True]),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_attention(
    seed: int, queries: int, keys: int, heads: int, depth: int, each: bool | None, masked: float
) -> None:
    rows = 0 if each is None else queries if each else 1
    given = attended(seed, queries, keys, heads * depth, rows, masked)
    [found] = attention(heads, bool(rows)).run(None, given)
    tensors = {name: torch.from_numpy(array) for name, array in given.items()}
    expected = attend(**{"bias": None, **tensors}, heads=heads).numpy()
    bias = given.get("bias", np.zeros((1, 1, keys)))
    nothing = np.broadcast_to((bias < 0).all(-1)[0], queries)  # scores of -10,000 are coarse
    np.testing.assert_allclose(found[~nothing], expected[~nothing], atol=1e-5)
    np.testing.assert_allclose(found[nothing], expected[nothing], atol=3e-3)


def test_attention_to_what_is_no_number() -> None:
    given = attended(0, 9, 20, 8, 1, 0.0)
    given["key"][3] = np.nan
    assert np.isnan(attention(2, True).run(None, given)[0]).all()


@pytest.mark.parametrize(
    ("name", "shape"),
    [("key", (20, 9)), ("value", (19, 8)), ("bias", (1, 2, 20)), ("bias", (2, 1, 20))],
)
def test_what_is_attended_has_to_fit(name: str, shape: tuple[int, ...]) -> None:
    given = attended(0, 9, 20, 8, 1, 0.5) | {name: np.zeros(shape, np.float32)}
    with pytest.raises(Exception, match="do not fit each other"):
        attention(2, True).run(None, given)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 300), st.sampled_from([16, 32, 96]), st.booleans(), st.floats(0.3, 1e3))
def test_normalisation(rows: int, width: int, two: bool, size: float) -> None:
    rng = np.random.default_rng(rows)
    first, second = rng.normal(3, size, (2, rows, width)).astype(np.float32)
    scale, shift = rng.normal(size=(2, width)).astype(np.float32)
    epsilon = np.array([1e-5], np.float32)
    given = {"first": first, **({"second": second} if two else {})}
    operator, ranks = (NORM_OF_SUM if two else NORM), dict.fromkeys(given, 2)
    [found] = alone(operator, ranks, 1, scale=scale, shift=shift, epsilon=epsilon).run(None, given)
    whole = torch.from_numpy(first + second if two else first)
    tensors = (torch.from_numpy(scale), torch.from_numpy(shift))
    expected = torch.nn.functional.layer_norm(
        whole.double(), (width,), *map(torch.Tensor.double, tensors)
    )
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_normalisation_of_no_numbers(bad: float) -> None:
    rows = np.ones((3, 16), np.float32)
    rows[1, 2] = bad
    ones, epsilon = np.ones(16, np.float32), np.array([1e-5], np.float32)
    [found] = alone(NORM, {"x": 2}, 1, scale=ones, shift=ones, epsilon=epsilon).run(
        None, {"x": rows}
    )
    np.testing.assert_array_equal(np.isfinite(found).all(1), [True, False, True])


def test_what_is_normalised_has_to_fit() -> None:
    ones, epsilon = np.ones(16, np.float32), np.array([1e-5], np.float32)
    norm = alone(NORM_OF_SUM, {"a": 2, "b": 2}, 1, scale=ones, shift=ones, epsilon=epsilon)
    with pytest.raises(Exception, match="do not fit each other"):
        norm.run(None, {"a": np.ones((3, 16), np.float32), "b": np.ones((2, 16), np.float32)})


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 150), st.sampled_from([16, 96]), st.sampled_from([16, 32]), st.floats(0.1, 9))
def test_an_adapter(rows: int, width: int, bottleneck: int, size: float) -> None:
    rng = np.random.default_rng(rows)

    def drawn(*shape: int, by: float = 1.0) -> np.ndarray:
        return rng.normal(0, by, shape).astype(np.float32)

    given = {"first": drawn(rows, width, by=size), "second": drawn(rows, width, by=size)}
    given |= {"up bias": drawn(1, width)}
    weights = {"down": drawn(width, bottleneck, by=width**-0.5), "down bias": drawn(bottleneck)}
    weights |= {"up": drawn(bottleneck, width), "scale": drawn(width), "shift": drawn(width)}
    order = ("first", "second", "down", "down bias", "up", "up bias", "scale", "shift", "epsilon")
    constants = weights | {"epsilon": np.array([1e-5], np.float32)}
    adapt = alone(ADAPTER, dict.fromkeys(given, 2), 1, order=order, **constants)
    [found] = adapt.run(None, given)
    tensors = {name: torch.from_numpy(each).double() for name, each in (given | weights).items()}
    whole = tensors["first"] + tensors["second"]
    hidden = torch.nn.functional.gelu(whole @ tensors["down"] + tensors["down bias"])
    changed = whole + hidden @ tensors["up"] + tensors["up bias"]
    expected = torch.nn.functional.layer_norm(changed, (width,), tensors["scale"], tensors["shift"])
    np.testing.assert_allclose(found, expected.numpy(), atol=3e-5, rtol=1e-5)


def block(
    channels: int, filters: int, hw: tuple[int, int], *, summed: bool, turned: bool = False, **other
) -> bytes:
    """relu(convolution [+ residual]) of 3x3, ``other`` being attributes that differ."""
    rng = np.random.default_rng(channels)
    weights = rng.normal(0, (9 * channels) ** -0.5, (filters, channels, 3, 3)).astype(np.float32)
    bias = rng.normal(size=filters).astype(np.float32)
    same = {"pads": [1, 1, 1, 1], "strides": [1, 1], "dilations": [1, 1], "group": 1}
    terms = ["residual", "conv"] if turned else ["conv", "residual"]
    nodes = [
        helper.make_node("Conv", ["image", "weights", "bias"], ["conv"], **(same | other)),
        helper.make_node("Add", terms, ["sum"]),
        helper.make_node("Relu", ["sum" if summed else "conv"], ["out"]),
    ]
    given = [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, channels, *hw])]
    residual = helper.make_tensor_value_info("residual", TensorProto.FLOAT, [1, filters, *hw])
    graph = helper.make_graph(
        nodes if summed else [nodes[0], nodes[2]],
        "g",
        [*given, residual] if summed else given,
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, filters, None, None])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from([16, 32, 48]),
    st.sampled_from([16, 48, 96]),
    st.tuples(st.integers(9, 30), st.integers(13, 40)),
    st.booleans(),
    st.booleans(),
)
def test_a_convolution(
    channels: int, filters: int, hw: tuple[int, int], summed: bool, turned: bool
) -> None:
    model = block(channels, filters, hw, summed=summed, turned=turned)
    found = fused(model)
    assert found is not None
    assert nodes_of(found) == [CONVOLUTION_AND_SUM if summed else CONVOLUTION]
    rng = np.random.default_rng(hw)
    given = {"image": rng.normal(size=(1, channels, *hw)).astype(np.float32)}
    if summed:
        given["residual"] = rng.normal(size=(1, filters, *hw)).astype(np.float32)
    [expected], [out] = session(model).run(None, given), session(found).run(None, given)
    np.testing.assert_allclose(out, expected, atol=5e-5)


@pytest.mark.parametrize(
    "other",
    [{"strides": [2, 2]}, {"dilations": [2, 2], "pads": [2, 2, 2, 2]}, {"pads": [0, 0, 0, 0]}],
)
def test_other_convolutions_stay_as_they_are(other: dict[str, list[int]]) -> None:
    assert fused(block(16, 16, (20, 20), summed=False, **other)) is None


@pytest.mark.parametrize(("channels", "hw"), [(24, (20, 20)), (16, (8, 8)), (256, (20, 20))])
def test_convolutions_that_would_not_gain_stay_as_they_are(
    channels: int, hw: tuple[int, int]
) -> None:
    """Of features that no register divides, of few tiles, with filters beyond a cache."""
    assert fused(block(channels, channels, hw, summed=True)) is None


def test_a_convolution_of_no_number() -> None:
    model = block(16, 16, (20, 20), summed=False)
    image = np.zeros((1, 16, 20, 20), np.float32)
    image[0, 3, 1, 2] = np.nan
    [out] = session(fused(model)).run(None, {"image": image})
    assert np.isnan(out[0, :, 0, 1]).all()
    assert np.isfinite(out[0, :, 8:]).all()


@pytest.fixture
def ground(built: Path) -> bytes:
    return (built / "ground.onnx").read_bytes()


def nodes_of(model: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(model).graph.node]


def test_all_that_an_exported_network_has(ground: bytes) -> None:
    """A layer of the encoder, two of the decoder; what made them up is gone."""
    model = fused(ground)
    assert model is not None
    kinds = nodes_of(model)
    assert (kinds.count(SAMPLING), kinds.count(TWO_WAY)) == (3, 1)
    assert kinds.count(NORM) + kinds.count(NORM_OF_SUM) == 16
    # Of the text, and in each layer of the decoder of queries and from queries to the text.
    assert (kinds.count(ATTENTION), kinds.count(BIASED_ATTENTION)) == (2, 3)
    assert not {"LayerNormalization", "Softmax"}.intersection(kinds)
    assert "Floor" not in kinds
    assert len(kinds) < len(nodes_of(ground)) - 3 * 40


def test_of_the_bundled_engine() -> None:
    """The encoder has as many of the one as of the other, the decoder has samplings alone."""
    model = fused((default_engine() / "ground.onnx").read_bytes())
    assert model is not None
    kinds = nodes_of(model)
    assert "Floor" not in kinds
    assert kinds.count(SAMPLING) > kinds.count(TWO_WAY) > 0
    assert kinds.count(ADAPTER) == 4 * kinds.count(TWO_WAY)  # two for the image, two for the text
    assert "Erf" not in kinds


def inputs(network: OnnxNetwork) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    given = {}
    for name, shape in network.inputs.items():
        ids = name.endswith("_ids")
        given[name] = np.ones(shape, np.int32) if ids else rng.normal(size=shape).astype("f4")
    return {key: onnxruntime.OrtValue.ortvalue_from_numpy(each) for key, each in given.items()}


def test_networks_answer_as_without_them(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = OnnxNetwork(built / "ground.onnx", 1)
    many = OnnxNetwork(built / "ground.onnx", 3)
    monkeypatch.setattr(onnx_network, "library", lambda: None)  # as where it was not built
    plain = OnnxNetwork(built / "ground.onnx", 1)
    given = inputs(plain)
    expected = [each.numpy() for each in plain.run(plain.outputs, given)]
    for network in (one, many):
        for found, each in zip(network.run(network.outputs, given), expected, strict=True):
            np.testing.assert_allclose(found.numpy(), each, atol=1e-5)


def test_convolutions_of_the_bundled_engine() -> None:
    """All of its residual blocks, but for their steps of two."""
    path = default_engine() / "image.onnx"
    model = fused(path.read_bytes())
    assert model is not None
    kinds = nodes_of(model)
    assert (kinds.count(CONVOLUTION), kinds.count(CONVOLUTION_AND_SUM)) == (3, 6)
    with onnx_network.as_exported():
        plain = OnnxNetwork(path, 1)
    given = inputs(plain)
    [expected] = plain.run(plain.outputs, given)
    [found] = OnnxNetwork(path, 2).run(plain.outputs, given)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-4)


def test_other_networks_stay_as_they_are(built: Path) -> None:
    assert fused((built / "image.onnx").read_bytes()) is None


@pytest.mark.parametrize(
    ("wrong", "left"), [("constant", TWO_WAY), ("axis", TWO_WAY), ("turn", SAMPLING)]
)
def test_what_looks_nearly_so_stays_as_it_is(ground: bytes, wrong: str, left: str) -> None:
    """Each is changed a little: samplings' bounds or softmax, or the scores of the attention."""
    model = onnx.load_from_string(ground)
    for node in model.graph.node:
        if wrong == "axis" and node.op_type == "Softmax" and node.attribute[0].i == -2:
            node.attribute[0].i = -3
        if wrong == "turn" and node.op_type == "Softmax" and node.attribute[0].i == -1:
            node.attribute[0].i = 1
    for tensor in model.graph.initializer:
        if wrong == "constant" and tensor.data_type == TensorProto.INT32:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + 1, tensor.name))
    found = fused(model.SerializeToString())
    assert found is not None
    assert {SAMPLING, TWO_WAY}.intersection(nodes_of(found)) == {left}


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_an_adapter_of_other_factors_stays_as_it_is(name: str) -> None:
    model = onnx.load(default_engine() / "ground.onnx")
    for node in model.graph.node:
        for each in node.attribute:
            if node.op_type == "Gemm" and each.name == name:
                each.f = 0.5
    found = fused(model.SerializeToString())
    assert found is not None
    assert ADAPTER not in nodes_of(found)


def test_a_damaged_file_is_told_as_ever(built: Path, tmp_path: Path) -> None:
    broken = tmp_path / "ground.onnx"
    broken.write_bytes((built / "ground.onnx").read_bytes()[:-5000])
    with pytest.raises(EngineError, match="ONNX Runtime cannot load"):
        OnnxNetwork(broken, 1)
