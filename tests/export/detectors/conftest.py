"""Small random detectors: in transformers' format, and a graph model of TensorFlow.js."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers.models.rf_detr.configuration_rf_detr import RfDetrConfig, RfDetrDinov2Config

HW = (64, 96)
SMALL = {"encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "d_model": 32, "num_queries": 6}
STAGES = {"embedding_size": 8, "hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1]}
THREE = ["stage2", "stage3", "stage4"]


def detr() -> Any:
    stem = STAGES | {"embedding_size": 64}  # as timm's
    backbone = transformers.ResNetConfig(**stem, layer_type="basic", out_features=["stage4"])
    layers = {"encoder_layers": 1, "decoder_layers": 2}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    config = transformers.DetrConfig(
        backbone_config=backbone, num_labels=3, **SMALL, **layers, **heads
    )
    return transformers.DetrForObjectDetection(config)


def yolos() -> Any:
    config = transformers.YolosConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=[48, 64],  # positions are interpolated
        patch_size=16,
        num_detection_tokens=6,
        num_labels=3,
    )
    return transformers.YolosForObjectDetection(config)


def hybrid(channels: list[int]) -> dict[str, Any]:
    """The encoder and decoder of RT-DETR and D-FINE."""
    return SMALL | {
        "encoder_hidden_dim": 32,
        "encoder_in_channels": channels,
        "encoder_attention_heads": 2,
        "encoder_layers": 1,
        "decoder_in_channels": [32, 32, 32],
        "decoder_layers": 2,
        "decoder_attention_heads": 2,
        "num_denoising": 0,
        "num_labels": 3,
    }


def rt_detr(version: str) -> Any:
    backbone = transformers.RTDetrResNetConfig(**STAGES, layer_type="basic", out_features=THREE)
    config = getattr(transformers, f"RTDetr{version}Config")(
        backbone_config=backbone, **hybrid([8, 16, 16])
    )
    return getattr(transformers, f"RTDetr{version}ForObjectDetection")(config)


def d_fine() -> Any:
    backbone = transformers.HGNetV2Config(
        embedding_size=8,
        stem_channels=[3, 8, 8],
        hidden_sizes=[8, 16, 16, 32],
        stage_in_channels=[8, 8, 16, 16],
        stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[8, 16, 16, 32],
        stage_num_blocks=[1, 1, 1, 1],
        stage_numb_of_layers=[1, 1, 1, 1],
        depths=[1, 1, 1, 1],
        out_features=THREE,
    )
    config = transformers.DFineConfig(
        backbone_config=backbone, max_num_bins=8, **hybrid([16, 16, 32])
    )
    return transformers.DFineForObjectDetection(config)


def rf_detr() -> Any:
    backbone = RfDetrDinov2Config(
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        mlp_ratio=2,
        image_size=64,
        patch_size=8,
        num_windows=2,
        out_features=["stage1", "stage3"],
        window_block_indices=[0],
    )
    config = RfDetrConfig(
        backbone_config=backbone,
        d_model=32,
        decoder_ffn_dim=32,
        decoder_layers=2,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2,
        decoder_n_points=2,
        num_queries=6,
        group_detr=1,
        c2f_num_blocks=1,
        num_labels=3,
    )
    return transformers.RfDetrForObjectDetection(config)


MAKE: dict[str, Callable[[], Any]] = {
    "detr": detr,
    "yolos": yolos,
    "rt_detr": lambda: rt_detr(""),
    "rt_detr_v2": lambda: rt_detr("V2"),
    "d_fine": d_fine,
    "rf_detr": rf_detr,
}


@pytest.fixture(scope="session")
def public(
    tmp_path_factory: pytest.TempPathFactory, randomise: Callable[[Any], Any]
) -> Callable[[str], tuple[Path, Any]]:
    """``public(kind)``: a folder in transformers' format, and its model."""
    made: dict[str, tuple[Path, Any]] = {}

    def get(kind: str) -> tuple[Path, Any]:
        if kind not in made:
            torch.set_num_threads(1)
            model = randomise(MAKE[kind]())
            model.config.id2label = {0: "car", 1: "person", 2: "sign"}
            folder = tmp_path_factory.mktemp(kind)
            model.save_pretrained(folder)
            made[kind] = folder, model
        return made[kind]

    return get


RANDOM = np.random.default_rng(0)


def text(value: str) -> dict[str, str]:
    return {"s": base64.b64encode(value.encode()).decode()}


def numbers(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(value) for value in values]}}


def node(name: str, kind: str, *inputs: str, **attributes: Any) -> dict[str, Any]:
    return {"name": name, "op": kind, "input": list(inputs), "attr": attributes}


ARRAYS = {
    "kernel": (RANDOM.normal(0, 0.3, (3, 3, 3, 4)).astype(np.float16), "float32", "float16"),
    "bias": (RANDOM.normal(0, 1, 4).astype(np.float32), "float32", None),
    "last": (np.array([0, 2, 3, 1], np.int32), "int32", None),
    "first": (np.array([0, 3, 1, 2], np.int32), "int32", None),
    "margin": (np.array([[0, 0], [0, 0], [1, 1], [1, 1]], np.int32), "int32", None),
    "size": (np.array([6, 10], np.int32), "int32", None),
    "parts": (np.array([1, 3], np.int32), "int32", None),
    "axis": (np.array(1, np.int32), "int32", None),
    "nothing": (np.zeros((0, 1), np.int32), "int32", None),
    "one": (np.array([3], np.int32), "int32", None),
    "none": (np.zeros(0, np.int32), "int32", None),
    "zero": (np.array(0, np.int32), "int32", None),
    "shape": (np.array([1, 3, -1], np.int32), "int32", None),
}
CONV = {"strides": numbers(1, 2, 1, 1), "dilations": numbers(1, 1, 1, 1)}
HWC = {"data_format": text("NHWC"), "padding": text("VALID")}
NODES = [
    node("image", "Placeholder"),
    node("padded", "Pad", "image", "margin"),
    node("turned", "Transpose", "padded", "last"),
    node("conv", "Conv2D", "turned", "kernel", **CONV, **HWC),
    node("shifted", "AddV2", "conv", "bias"),
    node("back", "Transpose", "shifted", "first"),
    node("leaky", "LeakyRelu", "back", alpha={"f": 0.1}),
    node("turned again", "Transpose", "leaky", "last"),
    node(
        "pool",
        "MaxPool",
        "turned again",
        ksize=numbers(1, 2, 2, 1),
        strides=numbers(1, 1, 1, 1),
        **HWC,
    ),
    node(
        "larger",
        "ResizeBilinear",
        "pool",
        "size",
        half_pixel_centers={"b": True},
        align_corners={"b": False},
    ),
    node("maps", "Transpose", "larger", "first"),
    node("split", "SplitV", "maps", "parts", "axis", num_split={"i": "2"}),
    node("scores", "Sigmoid", "split"),
    node("dense", "SparseToDense", "nothing", "one", "none", "zero"),
    node("whole shape", "AddV2", "shape", "dense"),
    node("flat", "Reshape", "split:1", "whole shape"),
    node("joined", "ConcatV2", "scores", "scores", "axis"),
    node("Identity", "Identity", "flat"),
    node("Identity_1", "Identity", "joined"),
]


def graph_model(nodes: list[dict[str, Any]]) -> tuple[dict[str, Any], bytes]:
    weights, data = [], b""
    for name, (value, kind, stored) in ARRAYS.items():
        entry = {"name": name, "shape": list(value.shape), "dtype": kind}
        if stored:
            entry["quantization"] = {"dtype": stored}
        weights.append(entry)
        data += value.tobytes()
    constants = [node(name, "Const") for name in ARRAYS]

    def value(*sizes: int) -> dict[str, Any]:
        return {"tensorShape": {"dim": [{"size": str(size)} for size in sizes]}}

    model = {
        "signature": {
            "inputs": {"image:0": value(1, 3, 8, 10)},
            "outputs": {"Identity:0": value(1, 3, 60), "Identity_1:0": value(1, 2, 6, 10)},
        },
        "modelTopology": {"node": [*constants, *nodes]},
        "weightsManifest": [{"paths": ["model.bin"], "weights": weights}],
    }
    return json.loads(json.dumps(model)), data


@pytest.fixture(scope="session")
def tfjs() -> SimpleNamespace:
    """A graph model's ``nodes`` and ``arrays``, and ``make(nodes)``: its JSON and weights."""
    return SimpleNamespace(nodes=NODES, arrays=ARRAYS, make=graph_model)
