"""Weight files of others: wrappers are taken off, damage is refused, nothing is run."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from sdk.errors import CheckpointError, InputError
from train.mmdet.files import read_weights

WEIGHTS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1, 2])}
OTHERS = {name: tensor + 1 for name, tensor in WEIGHTS.items()}


class Loss:
    """A class of the training that its reader does not have."""

    def __init__(self) -> None:
        self.values = np.arange(3.0)


class Runs:
    """A pickle of it calls a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def saved(path: Path, content: Any, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


def parallel(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"module.{name}": tensor for name, tensor in weights.items()}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor] = WEIGHTS) -> None:
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize(
    "content",
    [
        WEIGHTS,
        OrderedDict(WEIGHTS),
        {"state_dict": WEIGHTS, "meta": {"epoch": 5, "time": "now"}},
        {"state_dict": parallel(WEIGHTS)},
        {"ema_state_dict": {"steps": torch.tensor(7), **parallel(WEIGHTS)}},
        # the averaged weights are those of ``state_dict``: mmengine swaps them on saving
        {"ema_state_dict": parallel(OTHERS), "state_dict": WEIGHTS},
        {name: torch.nn.Parameter(t, requires_grad=False) for name, t in WEIGHTS.items()},
    ],
    ids=["plain", "ordered", "wrapped", "parallel", "average", "both", "parameters"],
)
def test_wrappers(tmp_path: Path, content: Any) -> None:
    assert_same(read_weights(saved(tmp_path / "w.pth", content)))


def test_safetensors_and_old_files(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "w.safetensors")
    assert_same(read_weights(tmp_path / "w.safetensors"))
    old = saved(tmp_path / "old.pth", WEIGHTS, _use_new_zipfile_serialization=False)
    assert_same(read_weights(old))


def test_bookkeeping_of_unknown_classes_is_ignored(tmp_path: Path) -> None:
    content = {"state_dict": WEIGHTS, "message_hub": {"loss": Loss(), "lr": np.float64(0.1)}}
    assert_same(read_weights(saved(tmp_path / "w.pth", content)))


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("command", [os.system, subprocess.call, eval, Path.touch])
def test_nothing_is_run(tmp_path: Path, command: Any, wrapped: bool) -> None:
    """Neither by a function that PyTorch blocks, nor by one that it does not know."""
    mark = tmp_path / "mark"
    argument = {eval: f"open({str(mark)!r}, 'w')", Path.touch: mark}.get(command, f"touch {mark}")
    content = {"w": Runs(command, argument)}
    path = saved(tmp_path / "w.pth", {"state_dict": WEIGHTS, **content} if wrapped else content)
    try:
        assert_same(read_weights(path))
        assert wrapped
    except CheckpointError:
        pass
    assert not mark.exists()


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        7,
        torch.ones(2),
        {"a": 1.0},
        {1: torch.ones(1)},
        {"a": [torch.ones(1)]},
        {"state_dict": {}},
        {"state_dict": {"a": None}},
    ],
    ids=repr,
)
def test_anything_but_tensors_by_name(tmp_path: Path, content: Any) -> None:
    with pytest.raises(CheckpointError, match="tensors by name"):
        read_weights(saved(tmp_path / "w.pth", content))


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"weights", pickle.dumps([1], 2)])
def test_other_files(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"expected weights in .*w\."):
        read_weights(tmp_path / name)


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "found nothing"),
        (b"hello, this is a text", "found something else"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab", "a pointer of Git LFS"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"PK\x03\x04 and no more", "an archive that is damaged or cut off"),
        (pickle.dumps({"a": 1}), "a pickle that is damaged or holds more than tensors"),
    ],
)
def test_what_a_file_is_instead(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    """torch would advise to run it."""
    (tmp_path / name).write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CheckpointError, match=what) as raised:
            read_weights(tmp_path / name)
    assert "weights_only" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="found none"):
        read_weights(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="found none"):
        read_weights(tmp_path / name)


@pytest.fixture(scope="module")
def bytes_of(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path]:
    folder = tmp_path_factory.mktemp("damaged")
    return saved(folder / "w.pth", {"state_dict": WEIGHTS}).read_bytes(), folder / "w.pth"


@given(share=st.floats(0, 0.999))
def test_truncated_files(bytes_of, share: float) -> None:
    data, path = bytes_of
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CheckpointError):
        read_weights(path)


@given(at=st.floats(0, 0.999), value=st.integers(0, 255))
def test_a_wrong_byte_is_refused_or_harmless(bytes_of, at: float, value: int) -> None:
    data, path = bytes_of
    damaged = bytearray(data)
    damaged[int(len(data) * at)] = value
    path.write_bytes(damaged)
    with contextlib.suppress(CheckpointError):
        read_weights(path)
