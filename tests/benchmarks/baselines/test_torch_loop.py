"""PyTorch's peers on a very small model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.baselines import torch_loop as torch_peers
from benchmarks.baselines.baseline import UnavailableError
from benchmarks.baselines.torch_loop import compiled_peer, eager_peer, published_peers
from train.families import load
from train.families.grounding_dino import GroundingModel

REF = "the red car left of the white van"


def opened(checkpoint: Path) -> GroundingModel:
    model = load(checkpoint)
    assert isinstance(model, GroundingModel)
    return model


@pytest.fixture(scope="module")
def frame() -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 256, (9, 16, 3)).astype(np.uint8)
    return coarse.repeat(20, axis=0).repeat(20, axis=1)


class Stand:
    """A case without a scene."""

    def __init__(self, frame: np.ndarray) -> None:
        self.ref, self._frame = REF, frame

    def frame(self) -> np.ndarray:
        return self._frame


def counted(model: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    runs = dict.fromkeys(("encode_text", "encode_image", "ground"), 0)

    def wrap(name: str) -> Any:
        call = getattr(model, name)

        def wrapped(*args: Any) -> Any:
            runs[name] += 1
            return call(*args)

        return wrapped

    for name in runs:
        monkeypatch.setattr(model, name, wrap(name))
    return runs


def test_the_published_loop_takes_a_pass_more_than_it_zooms(
    checkpoint: Path, frame: np.ndarray, monkeypatch
) -> None:
    """Here end-of-search comes after the second zoom."""
    trained = opened(checkpoint)
    model = trained.model
    end = torch.tensor([9.0])
    monkeypatch.setattr(
        model.history,
        "forward",
        lambda h, valid: (end if h.shape[1] == 3 else -end, torch.tensor([0.2])),
    )
    runs = counted(model, monkeypatch)
    loop, demo, full = published_peers(trained, "w")
    assert (loop.name, demo.name) == ("published loop, 100x60", "published demo, 100x60")
    assert full.name == "published loop, 1333x800"
    assert (loop.every, full.every) == (1, 4)
    for peer, expected in ((loop, (3, 3, 2)), (demo, (3, 3, 3))):
        runs.update(dict.fromkeys(runs, 0))
        assert peer.ask(frame, REF).looks == 3
        assert tuple(runs.values()) == expected


def test_our_loop_says_what_the_searcher_says(checkpoint: Path, frame: np.ndarray) -> None:
    peer = eager_peer(opened(checkpoint), "w")
    reply = peer.ask(frame, REF)
    assert reply.looks == 2
    assert reply.xyxy is not None
    assert peer.compared
    assert peer.input_wh == (100, 60)


def test_compiled(checkpoint: Path, frame: np.ndarray, monkeypatch) -> None:
    """Three parts are compiled, before anything is measured; here by a compiler that does not."""
    compiled: list[str] = []

    def compile_(call: Any, dynamic: bool) -> Any:
        compiled.append(type(call).__name__)
        return call

    monkeypatch.setattr(torch_peers.torch, "compile", compile_)
    peer = compiled_peer(opened(checkpoint), "w", [Stand(frame)])  # type: ignore[list-item]
    assert compiled == ["TextNetwork", "ImageNetwork", "GroundNetwork"]
    assert "not counted" in peer.note
    mine, other = peer.ask(frame, REF), eager_peer(opened(checkpoint), "w").ask(frame, REF)
    assert mine.xyxy == pytest.approx(other.xyxy)


def test_without_a_compiler(checkpoint: Path, frame: np.ndarray, monkeypatch) -> None:
    def compile_(call: Any, dynamic: bool) -> Any:
        def fail(*args: Any) -> Any:
            raise RuntimeError("No working C++ compiler found\nand much more")

        return fail

    monkeypatch.setattr(torch_peers.torch, "compile", compile_)
    with pytest.raises(UnavailableError, match=r"failed: No working C\+\+ compiler found$"):
        compiled_peer(opened(checkpoint), "w", [Stand(frame)])  # type: ignore[list-item]
