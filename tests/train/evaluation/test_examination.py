"""Questions about annotated photographs, and the command that asks them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.scenes import write
from sdk.engine.folder import default_engine
from sdk.errors import InputError
from sdk.results.grounding import Zoom
from train.__main__ import main
from train.checkpoint import save_checkpoint
from train.data.annotations import Annotation
from train.evaluation.examination import ask, foreign_refs
from train.evaluation.locators import Found, open_locator

ITEMS = [
    Annotation("b.png", (10, 10, 40, 50), "the red car near the van", 1),
    Annotation("a.png", (20, 20, 30, 30), "the blue sign", 2),
    Annotation("b.png", (60, 10, 90, 50), "the van", 3),
    Annotation("a.png", (50, 20, 70, 30), "too long", 4),
]


class Oracle:
    """Knows which box each sentence means, wherever it is asked."""

    def __init__(self) -> None:
        self.boxes = {item.ref: item.xyxy for item in ITEMS}
        self.asked: list[list[str]] = []

    def locate(self, frame: np.ndarray, ref: list[str]) -> list[Found]:
        self.asked.append(ref)
        if "too long" in ref:
            raise InputError("expected an expression of at most 1 token")
        return [self.answer(self.boxes[each]) for each in ref]

    def answer(self, xyxy: tuple[float, ...]) -> Found:
        box = np.array(xyxy, np.float32)
        zoom = Zoom(box, box, 0.9, box[None], np.ones(1, np.float32), 0.0, 1.0)
        return Found(True, 0.9, box, (zoom,))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((60, 100, 3), np.uint8))
    return tmp_path


def test_asks_for_every_annotation(images: Path, monkeypatch) -> None:
    read = []
    monkeypatch.setattr(
        "train.evaluation.examination.read_image",
        lambda path: read.append(path.name) or np.zeros((60, 100, 3), np.uint8),
    )
    oracle = Oracle()
    rows = ask(oracle, ITEMS, images, 0, 0)
    assert [row.ref for row in rows] == [item.ref for item in ITEMS]
    assert [row.true.iou for row in rows] == [1, 1, 1, 0]  # the last was refused
    assert [row.needs_relation for row in rows] == [True, False, False, False]
    assert all(row.shuffled is row.absent is None for row in rows)
    assert sorted(read) == ["a.png", "b.png"]  # once each
    assert oracle.asked[0] == ["the red car near the van", "the van"]


def test_asks_for_what_other_photographs_show(images: Path) -> None:
    rows = ask(Oracle(), ITEMS, images, 4, 0)
    assert [row.true.iou for row in rows] == [1, 1, 1, 0]
    assert all(row.absent is not None and row.absent is not row.true for row in rows)
    assert all(row.absent.iou < 1 and row.shuffled == row.absent for row in rows)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 100])
def test_foreign_sentences(count: int) -> None:
    chosen = foreign_refs(ITEMS, count, 7)
    assert len(chosen) == min(count, 4)
    assert chosen == foreign_refs(ITEMS, count, 7)
    image_of = {item.ref: item.image for item in ITEMS}
    assert all(image_of[ref] != ITEMS[index].image for index, ref in chosen.items())


def test_foreign_sentences_that_do_not_exist() -> None:
    assert foreign_refs([], 5, 0) == {}
    assert foreign_refs(ITEMS[:1], 5, 0) == {}
    same = [Annotation(name, (0, 0, 1, 1), "the car", name) for name in ("a", "b")]
    assert foreign_refs(same, 5, 0) == {}


def test_nothing_to_ask(images: Path) -> None:
    assert ask(Oracle(), [], images, 10, 0) == []


def test_a_missing_photograph(images: Path) -> None:
    with pytest.raises(InputError, match="cannot read the image"):
        ask(Oracle(), [Annotation("c.png", (0, 0, 9, 9), "the van", 1)], images, 0, 0)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rendered scenes with three sentences, and one about a missing picture."""
    folder = tmp_path_factory.mktemp("scenes")
    write(folder, 2, 40)
    entries = json.loads((folder / "annotations.json").read_text())
    kept = [*entries[:2], entries[-1], entries[0] | {"image": "gone.jpg"}]
    (folder / "few.json").write_text(json.dumps(kept))
    return folder


@pytest.fixture
def checkpoint(make_model: Callable, tokenizer_file: Path, tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "checkpoint", make_model(), tokenizer_file)
    return tmp_path / "checkpoint"


def evaluate(model: Path, scenes: Path, *options: str) -> int:
    files = ["--annotations", str(scenes / "few.json"), "--images", str(scenes / "images")]
    return main(["evaluate", str(model), *files, "--threads", "1", *options])


KEYS = {"zoom", "attribute", "relation", "shuffled", "absent", "by_size", "by_relation"}
KEYS |= {"scenes", "seed", "engine", "environment", "rows"}


def test_a_checkpoint(checkpoint: Path, scenes: Path, tmp_path: Path, capsys) -> None:
    file = tmp_path / "figures.json"
    assert evaluate(checkpoint, scenes, "--json", str(file), "--device", "cpu") == 0
    figures = json.loads(file.read_text())
    assert set(figures) >= KEYS
    assert {"acc50", "acc75", "macc", "steps", "first_window", "n"} <= set(figures["zoom"])
    assert (figures["zoom"]["n"], figures["absent"]["n"], figures["scenes"]) == (3, 3, 2)
    assert figures["left_out"] == 1
    printed = capsys.readouterr()
    assert "PyTorch on cpu" in printed.out
    assert "3 of" in printed.out
    assert "missing image: no gone.jpg" in printed.err


def test_the_published_search(checkpoint: Path, scenes: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    options = ["--json", str(file), "--device", "cpu", "--absent", "0", "--published"]
    assert evaluate(checkpoint, scenes, *options) == 0
    figures = json.loads(file.read_text())
    assert "published search" in figures["engine"]
    assert figures["absent"] == {"found": None, "steps": None, "score": None, "n": 0}


def test_an_engine(scenes: Path, tmp_path: Path, capsys) -> None:
    file = tmp_path / "figures.json"
    assert evaluate(default_engine(), scenes, "--json", str(file), "--absent", "1") == 0
    assert set(json.loads(file.read_text())) >= KEYS
    assert "onnxruntime" in capsys.readouterr().out


def test_what_cannot_be_evaluated(checkpoint: Path, scenes: Path, tmp_path: Path, capsys) -> None:
    assert evaluate(tmp_path, scenes) == 2
    assert "expected a checkpoint (config.json) or an engine" in capsys.readouterr().err
    assert evaluate(default_engine(), scenes, "--published") == 2
    assert "expected a checkpoint for --device or --published" in capsys.readouterr().err
    (tmp_path / "few.json").write_text("[]")
    (tmp_path / "images").mkdir()
    assert evaluate(checkpoint, tmp_path) == 2
    assert "found none that can be used" in capsys.readouterr().err


def test_labels(checkpoint: Path) -> None:
    with open_locator(checkpoint, device="cpu") as (_, label):
        assert "input 96x64, threshold 0.5" in label
