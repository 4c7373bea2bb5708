"""The commands of docs/few-shot.md, one after the other, on a folder of the smallest size."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from evaluation.questions import Question
from sdk.cli import piza
from sdk.engine.folder import read_manifest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "few-shot.md"
QUICK = "--steps 2 --batch 2 --workers 0 --threads 1 --device cpu"
SMALL = {"base": f"{QUICK} --input-hw 64 96", "shots": QUICK, "build-engine": "--searches 1"}
KINDS = ("car", "sign", "e-scooter")


def commands() -> list[str]:
    """The lines of the page's first block of commands."""
    block = PAGE.read_text(encoding="utf-8").split("```sh\n")[1].split("```")[0]
    return block.strip().splitlines()


@pytest.fixture
def place(tmp_path: Path, public_clip: Callable[[str], Any], monkeypatch) -> Iterator[Path]:
    """A folder with all that the page speaks of; the process works in it."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "crops").mkdir()
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for k in range(10):
        frame = rng.integers(90, 110, (64, 96, 3), np.uint8)
        for category, shade in enumerate((255, 0, 180)):
            x, y = 32 * category + int(rng.integers(0, 8)), int(rng.integers(0, 40))
            frame[y : y + 20, x : x + 20] = shade
            box = [x, y, 20, 20]
            annotations.append(
                {"id": len(annotations), "image_id": k, "category_id": category, "bbox": box}
            )
        cv2.imwrite(str(tmp_path / "photos" / f"{k}.png"), frame)
        images.append({"id": k, "file_name": f"{k}.png", "width": 96, "height": 64})
    cv2.imwrite(str(tmp_path / "street.png"), frame)
    cv2.imwrite(str(tmp_path / "crops" / "car.png"), np.full((20, 20, 3), 255, np.uint8))
    categories = [{"id": number, "name": name} for number, name in enumerate(KINDS)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "photos.json").write_text(json.dumps(document))
    (tmp_path / "split.json").write_text(json.dumps({"novel": ["e-scooter"]}))
    (tmp_path / "CLIP_FOLDER").symlink_to(public_clip("clip")[0])
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    torch.set_flush_denormal(False)  # hypothesis refuses to work with it


def plain_questions(_: int, count: int) -> Iterator[Question]:
    """Instead of rendered scenes."""
    frame = np.full((64, 96, 3), 120, np.uint8)
    return (Question(frame, f"the {KINDS[k % 3]}", None) for k in range(count))


@pytest.mark.filterwarnings("ignore:.*longer than the 12 tokens")  # of the small text network
def test_the_commands_of_the_page(place, monkeypatch, capsys) -> None:
    monkeypatch.setattr("export.certificate.comparison.questions", plain_questions)
    lines = commands()
    assert [line.split()[1] for line in lines] == [
        "train",
        "train",
        "build-engine",
        "detect",
        "teach",
    ]
    for line in lines:
        words = shlex.split(line)[1:]
        more = next((SMALL[word] for word in words[:3] if word in SMALL), "")
        code = piza([*words, *more.split()])
        # random networks find what they find; whether CLIP knows a car is not for them to say
        assert code in ((0, 1) if words[0] == "teach" else (0,)), line
    said = capsys.readouterr().out
    assert "30 objects of 3 classes in 10 images" in said
    manifest = read_manifest(place / "build" / "scooter.engine")
    assert manifest.proven
    assert manifest.block["labels"] == list(KINDS)
    assert "e-scooter" in manifest.block["bank"]["texts"]
    assert cv2.imread("found.jpg").shape == (64, 96, 3)
