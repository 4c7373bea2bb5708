"""A checkpoint so small that everything made of it takes moments, and contestants that know."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.baselines.baseline import Contestant, Reply
from benchmarks.baselines.engines import export_at
from benchmarks.baselines.timing import Turn
from evaluation.scenes import vocabulary
from sdk.text import Tokenizer
from train.checkpoint import TOKENIZER, save_checkpoint
from train.commands.init import untrained
from train.data.vocabulary import write_tokenizer
from train.models.grounding_dino.config import PizaConfig, piza_tiny

RESNET = {"embedding_size": 8, "hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1]}
BERT = {"hidden_size": 32, "num_hidden_layers": 1, "intermediate_size": 32}
SMALL = {
    "d_model": 32,  # the group norms have 32 groups
    "encoder_layers": 1,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "num_queries": 5,
}
TWICE: dict[str, Any] = {"max_steps": 2, "stop_threshold": 1.0}


def least(vocab_size: int, **changes: Any) -> PizaConfig:
    preset = piza_tiny(vocab_size)
    parts = {
        "backbone_config": preset.base["backbone_config"] | RESNET,
        "text_config": preset.base["text_config"] | BERT,
    }
    values = {"name": "least", "input_hw": (60, 100), "max_tokens": 48, "bottleneck": 8}
    values |= {"zoom_dim": 16, "landmarks": False} | changes  # they take a second encoder layer
    return dataclasses.replace(preset, base=preset.base | parts | SMALL, **values)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def make_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``make_checkpoint(seed, **changes of the config)``: random weights in a folder."""

    def make(seed: int = 0, **changes: Any) -> Path:
        folder = tmp_path_factory.mktemp("checkpoints") / "least"
        write_tokenizer(vocabulary(), folder / TOKENIZER)
        size = Tokenizer.from_file(folder / TOKENIZER, 48).vocabulary_size
        save_checkpoint(folder, untrained(least(size, **changes), seed), folder / TOKENIZER)
        return folder

    return make


@pytest.fixture(scope="session")
def checkpoint(make_checkpoint: Callable[..., Path]) -> Path:
    """One that zooms, always twice: whatever end-of-search says, it may not go on."""
    return make_checkpoint(**TWICE)


@pytest.fixture(scope="session")
def exported(
    make_checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An engine of the same weights, exported at the input size of ``checkpoint`` from one of
    another size."""
    smaller = make_checkpoint(**TWICE, input_hw=(40, 70))
    return export_at(smaller, (60, 100), tmp_path_factory.mktemp("engines"))


def make_contestant(name: str, **changes: Any) -> Contestant:
    def ask(frame: np.ndarray, ref: str) -> Reply:
        return Reply(np.array([0, 0, 10, 10], np.float32), 1)

    values = {"group": "ours", "weights": "w", "ask": ask, "input_wh": (100, 50)}
    return Contestant(name, **(values | changes))


def make_turn(
    question: int,
    wall_ms: float = 1.0,
    iou: float = 1.0,
    box: Any = (0, 0, 10, 10),
    **stages: float,
) -> Turn:
    xyxy = None if box is None else np.array(box, np.float32)
    return Turn(question, wall_ms, iou, Reply(xyxy, 2, stages or None))


@pytest.fixture(scope="session")
def contestant() -> Callable[..., Contestant]:
    """``contestant(name, **changes)``: always answers with the same box."""
    return make_contestant


@pytest.fixture(scope="session")
def turn() -> Callable[..., Turn]:
    """``turn(question, wall_ms, iou, box, **stages)``."""
    return make_turn
