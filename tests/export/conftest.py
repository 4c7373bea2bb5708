"""A very small checkpoint, and the engine that is built from it, once."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from evaluation.questions import Question
from evaluation.scenes import vocabulary
from export.build import build, open_reference
from export.options import BuildOptions
from sdk.engine.folder import read_manifest
from sdk.text import Tokenizer
from train.checkpoint import TOKENIZER, load_checkpoint, save_checkpoint
from train.commands.init import untrained
from train.data.vocabulary import write_tokenizer
from train.models.box_refiners.checkpoint import hash_of, save_box
from train.models.box_refiners.config import BoxConfig
from train.models.box_refiners.heads import make_head
from train.models.clip.public import open_public_clip
from train.models.grounding_dino.config import PizaConfig, piza_tiny
from train.models.grounding_dino.grounder import PizaGrounder

REFS = ("the red car", "the white van left of the bus", "the person in a blue jacket")
SEARCHES = 4


def tiny(vocab_size: int) -> PizaConfig:
    """piza-tiny with the least of everything; the sides of the input are no multiples of 32."""
    preset = piza_tiny(vocab_size)
    resnet = {"embedding_size": 8, "hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1]}
    bert = {"hidden_size": 32, "num_hidden_layers": 1, "intermediate_size": 32}
    small = {
        "backbone_config": preset.base["backbone_config"] | resnet,
        "text_config": preset.base["text_config"] | bert,
        "d_model": 32,  # the group norms have 32 groups
        "encoder_layers": 1,
        "encoder_ffn_dim": 32,
        "decoder_ffn_dim": 32,
        "num_queries": 5,
    }
    return dataclasses.replace(
        preset,
        name="least",
        base=preset.base | small,
        input_hw=(60, 100),
        max_tokens=24,
        bottleneck=8,
        zoom_dim=16,
        landmarks=False,  # which takes a second encoder layer
        calibration={"threshold": 0.25},
    )


def randomise(model: Any, seed: int = 1) -> Any:
    """Random values in every tensor, of a size at which nothing grows through the layers."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, each in model.named_parameters():
            if name.endswith(("reg_scale", "up")) or not each.numel():  # constants of D-FINE
                continue
            fan_in = each[0].numel() if each.ndim > 1 else 10
            each.normal_(0, fan_in**-0.5, generator=generator)
            if each.ndim == 1 and name.endswith("weight"):
                each.add_(1)
        for name, each in model.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                each.uniform_(0.5, 1.5, generator=generator)
    return model.eval()


def cheap_questions(seed: int, count: int) -> Iterator[Question]:
    """Instead of rendered scenes: coloured noise, and sentences about it."""
    for number in range(seed, seed + count):
        coarse = np.random.default_rng(number).integers(0, 256, (15, 20, 3)).astype(np.uint8)
        frame = coarse.repeat(16, axis=0).repeat(16, axis=1)
        yield Question(frame, REFS[number % len(REFS)], None)


@pytest.fixture(name="randomise", scope="session")
def randomise_fixture() -> Callable[[Any], Any]:
    return randomise


@pytest.fixture(name="make_tiny", scope="session")
def tiny_fixture() -> Callable[[int], PizaConfig]:
    return tiny


@pytest.fixture(autouse=True, scope="session")
def _cheap() -> Iterator[None]:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("export.certificate.comparison.questions", cheap_questions)
        yield


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "least"
    write_tokenizer(vocabulary(), folder / TOKENIZER)
    size = Tokenizer.from_file(folder / TOKENIZER, 24).vocabulary_size
    save_checkpoint(folder, untrained(tiny(size), 0), folder / TOKENIZER)
    return folder


@pytest.fixture(scope="session")
def built(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory, _cheap: None) -> Path:
    """The proven engine; not to be changed."""
    folder = tmp_path_factory.mktemp("engines") / "least.engine"
    manifest = build(open_reference(checkpoint), folder, BuildOptions(SEARCHES))
    assert manifest.proven
    return folder


@pytest.fixture
def engine(built: Path, tmp_path: Path) -> Path:
    """A copy of the engine that a test may damage."""
    return Path(shutil.copytree(built, tmp_path / "least.engine"))


@pytest.fixture
def builds_here(
    fake_tensorrt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """The FAKE TensorRT builds, in this process in place of one of its own. Its inspector says that
    all products have their types: of each, what ``fake_tensorrt.described(product)`` says.

    Itself it is that description, of a product in ``kind``, as TensorRT 11 has it.
    """
    from export.tensorrt import one_plan
    from export.tensorrt.builder import Built, Order
    from export.tensorrt.layers import read_inspector
    from export.tensorrt.products import find_products

    def described(product: Any, kind: str = "Float") -> dict[str, Any]:
        tensors = [
            {"Name": each.source, "Dimensions": [each.elements], "DataType": kind}
            for each in product.factors
        ]
        return {"Name": "gemm", "Inputs": tensors, "Metadata": f"[ONNX Layer: {product.node}]"}

    def build_plan(order: Order) -> Built:
        products = find_products(onnx.load(order.source))
        fake_tensorrt.layers = [fake_tensorrt.described(each) for each in products]
        facts = one_plan._build(dataclasses.asdict(order))
        return Built(facts["version"], tuple(read_inspector(facts["inspector"])), None)

    fake_tensorrt.described = described
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("export.tensorrt.plans.build_plan", build_plan)
    return described


@pytest.fixture
def swin_model() -> PizaGrounder:
    """The backbone of the published size, in miniature; four levels."""
    swin = {
        "model_type": "swin",
        "embed_dim": 8,
        "depths": [1, 2, 1, 1],
        "num_heads": [1, 2, 2, 4],
        "window_size": 4,
        "out_indices": [2, 3, 4],
    }
    config = tiny(100)
    base = config.base | {"backbone_config": swin, "num_feature_levels": 4}
    return untrained(dataclasses.replace(config, base=base), 0)


@pytest.fixture
def model(checkpoint: Path) -> PizaGrounder:
    return load_checkpoint(checkpoint)[0]


@pytest.fixture
def make_model(model: PizaGrounder) -> Callable[[str], PizaGrounder]:
    """``make_model(method)``: random weights, one decoder layer."""
    one = {
        "decoder_layers": 1,
        "decoder_bbox_embed_share": False,
        "decoder_cls_embed_share": False,
    }
    config = dataclasses.replace(model.config, base=model.config.base | one)
    return lambda method: untrained(dataclasses.replace(config, method=method), 1)


@pytest.fixture
def ready_made(built: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Exporting copies the engine instead, which is quick; returns how often it was done."""
    counter = itertools.count()
    calls = [0]

    def copy(*args: object) -> object:
        folder = args[-1]
        calls[0] = next(counter) + 1
        shutil.copytree(built, folder, dirs_exist_ok=True)
        return read_manifest(folder)

    monkeypatch.setattr("export.references.checkpoint.export_model", copy)
    monkeypatch.setattr("export.portable.export_checkpoint", copy)
    return lambda: calls[0]


@pytest.fixture(scope="session")
def box_checkpoint(public_clip, tmp_path_factory) -> Callable[[str], Path]:
    """``box_checkpoint(method)``: boxes over the least CLIP, with random weights."""

    @cache
    def make(method: str) -> Path:
        opened = open_public_clip(str(public_clip("clip")[0]))
        folder = tmp_path_factory.mktemp("boxes") / method
        clip = {"file": "clip", "sha256": hash_of(opened)}
        small = {"hidden": (16,), "unrolled": 4, "starts": 3}
        config = BoxConfig(name="boxes", method=method, features=16, clip=clip, **small)
        save_box(folder, make_head(config), opened)
        return folder

    return make
