"""A small graph model of TensorFlow.js against PyTorch."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional as F

from export.detectors.tfjs_graph import convert
from sdk.errors import InputError


def test_every_operator(tfjs) -> None:
    model = convert(*tfjs.make(tfjs.nodes))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    image = np.random.default_rng(1).normal(0, 1, (1, 3, 8, 10)).astype(np.float32)
    flat, joined = session.run(["Identity", "Identity_1"], {"image": image})

    kernel = torch.from_numpy(tfjs.arrays["kernel"][0].astype(np.float32)).permute(3, 2, 0, 1)
    maps = F.conv2d(
        torch.from_numpy(image), kernel, torch.from_numpy(tfjs.arrays["bias"][0]), (2, 1), 1
    )
    maps = F.max_pool2d(F.leaky_relu(maps, 0.1), 2, 1)
    maps = F.interpolate(maps, (6, 10), mode="bilinear", align_corners=False)
    np.testing.assert_allclose(flat, maps[:, 1:].flatten(2), atol=1e-5)
    scores = maps[:, :1].sigmoid()
    np.testing.assert_allclose(joined, torch.cat([scores, scores], 1), atol=1e-6)


def test_the_shift_goes_with_the_convolution(tfjs) -> None:
    model = convert(*tfjs.make(tfjs.nodes))
    [conv] = [each for each in model.graph.node if each.op_type == "Conv"]
    assert len(conv.input) == 3
    assert not any(each.op_type == "Add" for each in model.graph.node)


def test_what_is_not_known(tfjs) -> None:
    other = [each | {"op": "Softmax"} if each["op"] == "Sigmoid" else each for each in tfjs.nodes]
    with pytest.raises(InputError, match="the operator Softmax"):
        convert(*tfjs.make(other))
    model, data = tfjs.make(tfjs.nodes)
    with pytest.raises(InputError, match=r"weights of \d+ bytes, found"):
        convert(model, data + b"more")
    for damaged in ({}, {"signature": {}}, model | {"modelTopology": {"node": []}}):
        with pytest.raises(InputError, match="expected a graph model"):
            convert(damaged, data)
