"""A small detector from end to end: trained, stopped, resumed, and what it is told of its data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from train.__main__ import main
from train.models.detector import detr
from train.models.detector.config import KINDS


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images with a bright car and a dark sign each, in COCO's layout."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for k in range(4):
        frame = rng.integers(90, 110, (90, 160, 3), np.uint8)
        for category, shade in ((1, 255), (2, 0)):
            x, y = rng.integers(0, 120), rng.integers(0, 60)
            frame[y : y + 25, x : x + 40] = shade
            box = [int(x), int(y), 40, 25]
            annotations.append(
                {"id": len(annotations), "image_id": k, "category_id": category, "bbox": box}
            )
        cv2.imwrite(str(folder / f"{k}.png"), frame)
        images.append({"id": k, "file_name": f"{k}.png", "width": 160, "height": 90})
    categories = [{"id": 1, "name": "car"}, {"id": 2, "name": "sign"}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(document))
    return folder


@pytest.fixture
def train(data: Path) -> Iterator[Callable[..., int]]:
    """``train(kind, out, *options)``: four steps of two images each."""

    def run(kind: str, out: Path, *more: str) -> int:
        files = ["--annotations", str(data / "instances.json"), "--images", str(data)]
        quick = "--steps 4 --batch 2 --input-hw 32 64 --workers 0 --threads 1 --device cpu"
        return main(["detector", kind, *files, *quick.split(), "-o", str(out), *more])

    yield run
    torch.set_flush_denormal(False)  # hypothesis refuses to work with it


def state(out: Path) -> dict[str, torch.Tensor]:
    return torch.load(out / "state.pt", weights_only=True)["model"]


@pytest.mark.parametrize("kind", KINDS)
def test_training_checking_and_resuming(train, data, tmp_path: Path, capsys, kind) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    fresh = ["--val-annotations", str(data / "instances.json"), "--check-every", "2"]
    assert train(kind, whole, *fresh) == 0
    assert "8 objects of 2 categories in 4 images" in capsys.readouterr().out
    entries = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    checks = [entry for entry in entries if "ap50" in entry]
    assert [entry["step"] for entry in checks] == [2, 4]
    assert all(0 <= entry["recall"] <= 1 for entry in checks)
    assert all(np.isfinite(entry["loss"]) for entry in entries if "loss" in entry)
    for name in ("last", "best"):
        assert (whole / name / "model.safetensors").is_file()
    assert train(kind, parts, "--stop-after", "1e-9") == 0
    assert train(kind, parts) == 0
    assert "from step 1 on" in capsys.readouterr().out
    ours, theirs = state(whole), state(parts)
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    assert train(kind, parts, "--batch", "4") == 2
    assert "batch 2 (now 4)" in capsys.readouterr().err


def test_more_boxes_than_queries(train, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(detr, "QUERIES", 1)
    assert train("detr", tmp_path, "--bfloat16") == 0
    assert "4 images have more boxes than the 1 queries" in capsys.readouterr().out


def test_what_cannot_be_trained_on(train, data, tmp_path: Path, capsys) -> None:
    assert train("yolo", tmp_path, "--input-hw", "40", "64") == 2
    assert "multiples of 32" in capsys.readouterr().err
    assert train("yolo", tmp_path, "--split", "train") == 2
    assert "expected no split" in capsys.readouterr().err
    document = json.loads((data / "instances.json").read_text())
    empty, other = tmp_path / "empty.json", tmp_path / "other.json"
    empty.write_text(json.dumps(document | {"annotations": []}))
    assert train("yolo", tmp_path, "--annotations", str(empty)) == 2
    assert "found none that can be used" in capsys.readouterr().err
    names = [{"id": 1, "name": "van"}, {"id": 2, "name": "sign"}]
    other.write_text(json.dumps(document | {"categories": names}))
    assert train("yolo", tmp_path, "--val-annotations", str(other), "--checks", "4") == 0
    assert "4 objects are of categories that" in capsys.readouterr().err
    other.write_text(json.dumps(document | {"categories": [{"id": 1, "name": "van"}]}))
    assert train("yolo", tmp_path, "--val-annotations", str(other)) == 2
    assert "expected objects of car, sign in" in capsys.readouterr().err
