"""The benchmark commands from end to end, on an engine that always points at the same places."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tokenizers
from onnx import TensorProto, helper, numpy_helper
from tokenizers.models import WordLevel
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from benchmarks.__main__ import main
from benchmarks.demo import main as demo
from sdk.engine import Manifest, Preprocess, ZoomPolicy, write_manifest
from sdk.history import WEIGHT_SHAPES
from train.data.scenes import vocabulary

LENGTH, HEIGHT, WIDTH, FEATURES = 64, 54, 96, 4
PROMPT = ["segment_ids", "position_ids"]


def write_constant_network(
    path: Path, inputs: dict[str, tuple[Any, ...]], outputs: dict[str, np.ndarray]
) -> None:
    """A network that takes these inputs and always gives these outputs."""
    kinds = {"i": TensorProto.INT32, "f": TensorProto.FLOAT}
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))
            for name, value in outputs.items()
        ],
        path.stem,
        [helper.make_tensor_value_info(n, kinds[kind], s) for n, (kind, *s) in inputs.items()],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape)
            for name, value in outputs.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, path)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engines") / "still.engine"
    folder.mkdir()
    prompt = dict.fromkeys(PROMPT, ("i", 1, LENGTH))
    text = {"text_features": np.zeros((1, LENGTH, FEATURES), np.float32)}
    image = {"image_features": np.zeros((1, 9, FEATURES), np.float32)}
    ground = {
        "boxes": np.array([[[0.25, 0.25, 0.75, 0.75], [0, 0, 1, 1]]], np.float32),
        "scores": np.array([[0.9, 0.1]], np.float32),
    }
    write_constant_network(folder / "text.onnx", {"input_ids": ("i", 1, LENGTH), **prompt}, text)
    write_constant_network(folder / "image.onnx", {"pixels": ("f", 1, 3, HEIGHT, WIDTH)}, image)
    features = {name: ("f", *value.shape) for name, value in {**image, **text}.items()}
    inputs = {**features, **prompt, "progress": ("f", 1)}
    write_constant_network(folder / "ground.onnx", inputs, ground)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", "?", ",", *vocabulary()]
    ids = {word: k for k, word in enumerate(dict.fromkeys(words))}
    tokenizer = tokenizers.Tokenizer(WordLevel(ids, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    weights = {
        name: np.zeros([side or 64 for side in shape], np.float32)
        for name, shape in WEIGHT_SHAPES.items()
    }
    np.savez(folder / "history.npz", **weights)
    manifest = Manifest(
        name="still",
        input_hw=(HEIGHT, WIDTH),
        max_tokens=LENGTH,
        preprocess=Preprocess((114.0,) * 3, (127.0,) * 3),
        zoom=ZoomPolicy(max_steps=2),
        calibration={"threshold": 0.5},
        certificate={"passed": True, "networks": {}, "searches": {}},
    )
    write_manifest(folder, manifest)
    return folder


def test_accuracy(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "accuracy.json"
    command = ["accuracy", "--scenes", "3", "--seed", "900000", "--engine", str(engine)]
    assert main([*command, "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert {"acc50", "acc75", "macc", "steps", "first_window"} <= set(figures["zoom"])
    assert figures["zoom"]["steps"] == 2.0
    assert figures["zoom"]["acc50"] == 0.0
    assert "acc50" in figures["shuffled"]
    assert figures["absent"]["found"] == 1.0
    assert (figures["scenes"], figures["seed"]) == (3, 900000)
    assert len(figures["rows"]) == 3
    printed = capsys.readouterr().out
    assert "still@" in printed
    assert "sentences shuffled" in printed


def test_latency(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "latency.json"
    command = ["latency", "--runs", "7", "--warmup", "2", "--engine", str(engine)]
    assert main([*command, "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert 0 < figures["p50_ms"] <= figures["p90_ms"] <= figures["p99_ms"]
    assert (figures["n"], figures["warmup"]) == (7, 2)
    assert set(figures["stages_ms"]) == {"crop", "text", "image", "ground", "host"}
    assert figures["stages_ms"]["text"] > 0  # no sentence was remembered
    assert "after 2 for warm-up (not counted)" in capsys.readouterr().out


def test_no_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["latency", "--engine", str(tmp_path / "none")]) == 3
    assert "expected an engine folder" in capsys.readouterr().err


def test_json_in_a_bad_place(engine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["latency", "--runs", "1", "--warmup", "0", "--engine", str(engine)]
    assert main([*command, "--json", "/proc/no/figures.json"]) == 2
    assert "cannot write /proc/no/figures.json" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--scenes", "0"], ["--seed", "-1"], ["--threads", "0"]])
def test_options_out_of_range(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["accuracy", *option])
    assert stopped.value.code == 2
    assert "expected a number of at least" in capsys.readouterr().err


def test_demo(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo(["--engine", str(engine), "--out", str(tmp_path / "out")]) == 0
    answer = json.loads((tmp_path / "out" / "demo.json").read_text())
    assert answer["frame_wh"] == [1920, 1080]
    assert (tmp_path / "out" / "demo.jpg").stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert answer["ref"] in printed
    assert "python -m sdk locate" in printed


def test_demo_without_an_engine(tmp_path: Path) -> None:
    assert demo(["--engine", str(tmp_path / "none"), "--out", str(tmp_path)]) == 3
    assert not (tmp_path / "demo.json").exists()
