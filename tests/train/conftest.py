"""Models and data small enough that a test of them takes a fraction of a second."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from evaluation.scenes import vocabulary
from sdk.text import Tokenizer
from train.checkpoint import load_checkpoint
from train.data.batches import Batch, SceneSamples, all_phrases
from train.data.samples import NOTHING, Ask, Labelled, Sampler
from train.data.vocabulary import write_tokenizer
from train.mmdet.convert import import_checkpoint
from train.models.few_shot.config import SMALL_BACKBONE, FewShotConfig
from train.models.few_shot.detector import FewShotDetector
from train.models.grounding_dino.config import PizaConfig, piza_tiny
from train.models.grounding_dino.grounder import PizaGrounder

RESNET = {"embedding_size": 8, "hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1]}
BERT = {"hidden_size": 32, "num_hidden_layers": 1, "intermediate_size": 32}


def tiny(vocab_size: int, base: dict[str, Any] | None = None, **changes: Any) -> PizaConfig:
    """piza-tiny, smaller still; ``base`` updates the transformers part, ``changes`` the rest."""
    preset = piza_tiny(vocab_size)
    small = {
        "backbone_config": preset.base["backbone_config"] | RESNET,
        "text_config": preset.base["text_config"] | BERT,
        "d_model": 32,  # the group norms have 32 groups
        "encoder_layers": 1,
        "encoder_ffn_dim": 32,
        "decoder_ffn_dim": 32,
        "num_queries": 5,
    }
    values = {"input_hw": (64, 96), "bottleneck": 8, "zoom_dim": 16, "landmarks": False, **changes}
    return dataclasses.replace(preset, base=preset.base | small | (base or {}), **values)


def randomise(model: torch.nn.Module, seed: int = 0) -> Any:
    """Fills every tensor, also those that are initialised to 0; returns the model in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            plain = "norm" not in name and parameter.ndim > 1
            scale = parameter.shape[-1] ** -0.5 if plain else 0.3
            parameter.normal_(0, scale, generator=generator)
            if "norm" in name and name.endswith("weight"):
                parameter.add_(1)
        for name, buffer in model.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.uniform_(0.5, 1.5, generator=generator)
    return model.eval()


def random_batch(config: PizaConfig, seed: int = 0, length: int = 9) -> Batch:
    """Two samples with three and one targets, prompts of two phrases."""
    generator = torch.Generator().manual_seed(seed)
    height, width = config.input_hw
    row = torch.tensor([1, 2, 2, 2, 3, 3, 3, 4, 0])
    places = torch.tensor([1, 0, 1, 2, 0, 1, 2, 0, 0])
    assert length == len(row)
    segments = torch.stack([row, row])
    size = torch.rand(2, 3, 2, generator=generator) * 0.2 + 0.1
    centre = torch.rand(2, 3, 2, generator=generator) * 0.5 + 0.25
    boxes = torch.cat([centre, size], dim=-1)
    spans = torch.zeros(2, 3, length, dtype=torch.bool)
    spans[0, 0, 1:3] = spans[0, 1, 4:6] = spans[0, 2, 1:3] = spans[1, 0, 4:6] = True
    return Batch(
        pixels=torch.randn(2, 3, height, width, generator=generator),
        ids=torch.randint(8, 60, (2, length), generator=generator) * (segments > 0),
        segments=segments,
        positions=torch.stack([places, places]),
        progress=torch.tensor([0.0, 0.4]),
        boxes=boxes,
        places=boxes.clone(),
        spans=spans,
        valid=torch.tensor([[True, True, True], [True, False, False]]),
        seen_places=boxes.clone(),
        seen_kinds=torch.tensor([[0, 3, 5], [2, NOTHING, NOTHING]]),
        seen_colours=torch.tensor([[1, 1, 8], [0, NOTHING, NOTHING]]),
        mentions=spans.clone(),
    )


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test keeps is not for another, nor for whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(autouse=True)
def _denormals() -> Iterator[None]:
    """Commands that train flush them, in the whole process; hypothesis wants them."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tokenizer of models trained from scratch."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    write_tokenizer(vocabulary(), path)
    return path


@pytest.fixture(scope="session")
def tokenizer(tokenizer_file: Path) -> Tokenizer:
    return Tokenizer.from_file(tokenizer_file, 64)


@pytest.fixture(scope="session")
def make_config(tokenizer: Tokenizer) -> Callable[..., PizaConfig]:
    """``make_config(base, vocab_size=..., **changes)``: a very small configuration."""

    def make(
        base: dict[str, Any] | None = None, vocab_size: int | None = None, **changes: Any
    ) -> PizaConfig:
        return tiny(vocab_size or tokenizer.vocabulary_size, base, **changes)

    return make


@pytest.fixture(scope="session")
def config(make_config: Callable[..., PizaConfig]) -> PizaConfig:
    return make_config()


@pytest.fixture(scope="session")
def make_model(config: PizaConfig) -> Callable[..., PizaGrounder]:
    """``make_model(config, seed)``: random weights everywhere, eval mode."""

    def make(of: PizaConfig | None = None, seed: int = 0) -> PizaGrounder:
        return randomise(PizaGrounder(of or config), seed)

    return make


@pytest.fixture(scope="session", name="randomise")
def _randomise() -> Callable[..., Any]:
    """``randomise(model, seed)``: random values in every tensor, eval mode."""
    return randomise


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., Batch]:
    """``make_batch(config, seed)``: random pixels, two samples, four targets."""
    return random_batch


@pytest.fixture(scope="session")
def sampler(config: PizaConfig, tokenizer: Tokenizer) -> Sampler:
    return Sampler(config, tokenizer, all_phrases())


@pytest.fixture(scope="session")
def make_samples(config: PizaConfig, tokenizer_file: Path) -> Callable[..., SceneSamples]:
    """``make_samples(folder, plan, steps, seed)``: samples of four scenes."""

    def make(folder: Path, plan: Any, steps: int, seed: int = 0) -> SceneSamples:
        return SceneSamples(folder, range(900, 904), config, tokenizer_file, plan, steps, seed)

    return make


@pytest.fixture
def street() -> tuple[tuple[int, int], Labelled]:
    """The size of a frame, 640x480, and four objects in it."""
    boxes = [[60, 80, 90, 110], [300, 200, 330, 240], [320, 220, 352, 250], [600, 440, 640, 480]]
    labelled = Labelled(
        boxes=np.array(boxes, np.float64),
        phrases=("red car", "blue car", "white van", "red car"),
        kinds=np.array([0, 0, 1, 0]),
        colours=np.array([0, 4, 7, 0]),
        targetable=(0, 1, 2),
        expressions=(
            Ask("the red car on the left", 0, (("red car", 0),)),
            Ask("the blue car", 1, (("blue car", 1),)),
            Ask("the blue car near the van", 1, (("blue car", 1), ("van", 2))),
            Ask("the white van", 2, (("white van", 2),)),
        ),
        absent=("the green bus", "the yellow sign"),
    )
    return (640, 480), labelled


@pytest.fixture(scope="session")
def golden() -> Path:
    """Outputs of the published implementation; tests that use them skip where they are absent."""
    default = Path(__file__).resolve().parents[3] / "shared" / "golden" / "seed0"
    folder = Path(os.environ.get("PIZA_GOLDEN", default))
    if not folder.is_dir():
        pytest.skip(f"no golden data at {folder}: set PIZA_GOLDEN")
    return folder


@pytest.fixture(scope="session")
def golden_weights(golden: Path) -> Callable[[int], dict[str, torch.Tensor]]:
    """``golden_weights(bottleneck)``: the authors' state dict in float32, for 64 or 256."""

    def load(bottleneck: int) -> dict[str, torch.Tensor]:
        weights = load_file(golden / "state_dict_d64.f16.safetensors")
        if bottleneck == 256:
            weights |= load_file(golden / "state_dict_d256_delta.f16.safetensors")
        return {name: tensor.float() for name, tensor in weights.items()}

    return load


@pytest.fixture(scope="session")
def golden_checkpoint(
    golden: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], tuple[PizaGrounder, Tokenizer]]:
    """``golden_checkpoint(bottleneck)``: the authors' weights, imported into a checkpoint of ours.

    Half precision holds them exactly. Shapes do not show that their small BERT has four heads.
    """

    @functools.cache
    def load(bottleneck: int) -> tuple[PizaGrounder, Tokenizer]:
        folder = tmp_path_factory.mktemp("golden") / str(bottleneck)
        base = golden / "state_dict_d64.f16.safetensors"
        piza = golden / "state_dict_d256_delta.f16.safetensors" if bottleneck == 256 else None
        heads = {"base": {"text_config": {"num_attention_heads": 4}}}
        import_checkpoint(base, piza, folder, golden / "bert" / "vocab.txt", heads)
        return load_checkpoint(folder)

    return load


@pytest.fixture(scope="session")
def few_shot() -> Callable[..., FewShotDetector]:
    """``few_shot(seed=0, **changes)``: of the classes car and sign, inputs of 64 x 96 px, the
    smallest backbone; in eval mode."""

    def make(seed: int = 0, **changes: Any) -> FewShotDetector:
        torch.manual_seed(seed)
        small = {"embedding_size": 4, "hidden_sizes": [4, 6, 8, 10], "depths": [1] * 4}
        values: dict[str, Any] = {"labels": ("car", "sign"), "input_hw": (64, 96)}
        values |= {"backbone": SMALL_BACKBONE | small, "channels": 8, "proposals": 12, "pooled": 4}
        return FewShotDetector(FewShotConfig(**(values | changes))).eval()

    return make
