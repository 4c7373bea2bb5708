"""Photographs, a base, and the command that fine-tunes it on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from train.__main__ import main
from train.checkpoint import save_checkpoint

REFS = (
    "the red car",
    "the blue sign near the white van",
    "the person on the left",
    "the traffic light",
)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four images of noise and ``all.json``, SOREC's layout, eight annotations."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    entries = []
    for k in range(8):
        name = f"{k // 2}.png"
        if k % 2 == 0:
            cv2.imwrite(str(folder / name), rng.integers(0, 255, (120, 160, 3), np.uint8))
        x, y = rng.integers(5, 90, 2).tolist()
        entries.append({"image": name, "bbox": [x, y, 12, 15], "ref": REFS[k % 4], "id": k})
    (folder / "all.json").write_text(json.dumps(entries))
    return folder


@pytest.fixture(scope="module")
def base(make_model, make_config, tokenizer_file, tmp_path_factory) -> Path:
    """A checkpoint that nothing was added to."""
    folder = tmp_path_factory.mktemp("base")
    save_checkpoint(folder, make_model(make_config(method="zero-shot")), tokenizer_file)
    return folder


def options(base: Path, photographs: Path, out: Path) -> list[str]:
    """Of a quick run: four steps of two photographs each."""
    files = ["--annotations", str(photographs / "all.json"), "--images", str(photographs)]
    quick = "--epochs 1 --batch 2 --workers 0 --threads 1 --device cpu"
    return ["--base", str(base), *files, *quick.split(), "-o", str(out)]


@pytest.fixture(scope="session")
def tune_options() -> Callable[..., list[str]]:
    """``tune_options(base, photographs, out)``"""
    return options


@pytest.fixture
def tune(base: Path, photographs: Path) -> Iterator[Callable[..., int]]:
    """``tune(out, *options, method=...)``: four steps of two photographs each."""

    def run(out: Path, *more: str, method: str = "piza-adapter+", start: Path = base) -> int:
        return main(["tune", method, *options(start, photographs, out), *more])

    yield run
    torch.set_flush_denormal(False)  # hypothesis refuses to work with it
