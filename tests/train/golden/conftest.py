"""Outputs of published implementations of other ways to ground a sentence, and their weights."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

_BODY = "backbone.0.body."
_TABLES = (
    *("query_embed", "vl_pos_embed", "reg_token"),
    *("word_embeddings", "position_embeddings", "token_type_embeddings"),
)


def zoo_folder(name: str) -> Path:
    """Where the files of one of them are, if they are anywhere."""
    default = Path(__file__).resolve().parents[4] / "shared" / "golden"
    return Path(os.environ.get("PIZA_GOLDEN_ZOO", default)) / name


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``mdetr_case_file`` and its like: every file of a folder, or one test that is skipped."""
    for argument in set(metafunc.fixturenames) & set(FILES):
        folder, pattern = FILES[argument]
        found = sorted(zoo_folder(folder).glob(pattern))
        names = [file.stem for file in found] or ["absent"]
        metafunc.parametrize(argument, found or [None], ids=names, scope="module")


FILES = {
    "mdetr_case_file": ("mdetr", "case_*.npz"),
    "mdetr_single_file": ("mdetr", "single_*.npz"),
    "mdetr_full_file": ("mdetr", "full_*.npz"),
    "mdetr_keys_file": ("mdetr", "keys_full_*.json"),
    "transvg_case_file": ("transvg", "case*.npz"),
    "transvg_full_file": ("transvg", "full_*.npz"),
    "transvg_keys_file": ("transvg", "keys_full_*.json"),
}


@pytest.fixture(scope="session")
def golden_zoo() -> Callable[[str], Path]:
    """``golden_zoo(name)``: the folder of one implementation; skips where it is absent."""

    def find(name: str) -> Path:
        folder = zoo_folder(name)
        if not folder.is_dir():
            pytest.skip(f"no golden data at {folder}: set PIZA_GOLDEN_ZOO")
        return folder

    return find


@pytest.fixture(scope="session")
def stored() -> Callable[[Path | None], dict[str, Tensor]]:
    """``stored(file)``: the arrays of a file as tensors; skips where there is none."""

    def read(file: Path | None) -> dict[str, Tensor]:
        if file is None:
            pytest.skip("no golden data of this kind: set PIZA_GOLDEN_ZOO")
        with np.load(file) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays.files}

    return read


@pytest.fixture(scope="session")
def formula_weights() -> Callable[[Path, Path], dict[str, Tensor]]:
    """``formula_weights(keys_file, about_file)``: every tensor of a published model, by the formula
    that the full-size outputs were made with; held against the values that are stored of it."""

    def make(keys_file: Path, about_file: Path | None) -> dict[str, Tensor]:
        keys = json.loads(keys_file.read_text())["keys"]
        made = {name: _tensor(name, about) for name, about in keys.items()}
        if about_file is not None:
            for name, first in json.loads(about_file.read_text())["formula_check"].items():
                assert made[name].flatten()[: len(first)].tolist() == first
        return made

    return make


def _tensor(name: str, about: Mapping[str, Any]) -> Tensor:
    shape = tuple(about["shape"])
    if not about["dtype"].startswith("float"):
        return torch.zeros(shape, dtype=getattr(torch, about["dtype"]))
    count = int(np.prod(shape, dtype=np.int64))
    return torch.from_numpy(_rule(name, shape, _noise(name, count)).reshape(shape))


def _noise(name: str, count: int) -> np.ndarray:
    """Numbers in -1..1 by a hash of the name and the place."""
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761)
        x += np.uint32(zlib.crc32(name.encode()))
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
            x ^= x >> np.uint32(shift)
            x *= np.uint32(factor)
    return x / 2.0**31 - 1


def _rule(name: str, shape: tuple[int, ...], noise: np.ndarray) -> np.ndarray:
    if name.endswith("running_mean"):
        found = 0.1 * noise
    elif name.endswith("running_var"):
        found = 1 + 0.2 * noise
    elif len(shape) == 1 and name.endswith("weight"):
        last = _BODY in name and name.endswith(".bn3.weight")
        found = 0.25 + 0.05 * noise if last else 1 + 0.1 * noise
    elif len(shape) == 1:
        found = 0.05 * noise
    elif name.endswith(tuple(f"{table}.weight" for table in _TABLES)):
        found = noise
    else:
        gain = (2.0 if ".blocks." in name else 1.4) if _BODY in name else 1.0
        found = noise * (np.sqrt(3 / np.prod(shape[1:])) * gain)
    return found.astype(np.float32)
