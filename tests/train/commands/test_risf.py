"""Base classes, then a few shots of a novel one: trained, stopped, resumed, refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from train.__main__ import main
from train.commands.risf import LOSSES
from train.losses.bnrl import CLASS_LOSSES
from train.models.few_shot.checkpoint import load_few_shot, save_few_shot

KINDS = ("car", "sign", "scooter")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images with one of each kind, in COCO's layout; ``split.json``: the scooter is novel."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for k in range(6):
        frame = rng.integers(90, 110, (90, 160, 3), np.uint8)
        for category, shade in enumerate((255, 0, 180)):
            x, y = rng.integers(0, 120), rng.integers(0, 60)
            frame[y : y + 25, x : x + 40] = shade
            box = [int(x), int(y), 40, 25]
            annotations.append(
                {"id": len(annotations), "image_id": k, "category_id": category, "bbox": box}
            )
        cv2.imwrite(str(folder / f"{k}.png"), frame)
        images.append({"id": k, "file_name": f"{k}.png", "width": 160, "height": 90})
    categories = [{"id": number, "name": name} for number, name in enumerate(KINDS)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(document))
    (folder / "split.json").write_text(json.dumps({"novel": ["scooter"]}))
    return folder


@pytest.fixture
def train(data: Path) -> Iterator[Callable[..., int]]:
    """``train(stage, out, *options)``: four steps of two images each."""

    def run(stage: str, out: Path, *more: str) -> int:
        files = ["--annotations", str(data / "instances.json"), "--images", str(data)]
        files += ["--split", str(data / "split.json")]
        quick = "--steps 4 --batch 2 --workers 0 --threads 1 --device cpu"
        return main(["risf", stage, *files, *quick.split(), "-o", str(out), *more])

    yield run
    torch.set_flush_denormal(False)  # hypothesis refuses to work with it


@pytest.fixture(scope="module")
def base(few_shot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of the base classes."""
    folder = tmp_path_factory.mktemp("base")
    save_few_shot(folder, few_shot())
    return folder


def test_losses_are_told_by_name() -> None:
    assert set(LOSSES) == set(CLASS_LOSSES)


def state(out: Path) -> dict[str, torch.Tensor]:
    return torch.load(out / "state.pt", weights_only=True)["model"]


def test_base_classes(train, data, tmp_path: Path, capsys) -> None:
    fresh = ["--val-annotations", str(data / "instances.json"), "--checks", "2"]
    assert train("base", tmp_path, "--input-hw", "32", "64", *fresh) == 0
    said = capsys.readouterr()
    assert "12 objects of 2 classes in 6 images (6 other objects in them are not" in said.out
    assert "2 objects are of classes that are not learned here" in said.err
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    checks = [entry for entry in entries if "base_ap" in entry]
    assert [entry["step"] for entry in checks] == [3, 4]  # an epoch, the end
    assert all(0 <= entry["base_ap50"] <= 1 for entry in checks)
    assert all(np.isfinite(entry["loss"]) for entry in entries if "loss" in entry)
    assert load_few_shot(tmp_path / "last").config.labels == ("car", "sign")


def test_shots_and_resuming(train, base, data, tmp_path: Path, capsys) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    shots = ["--k", "2", "--base", str(base), "--seed", "3"]
    fresh = ["--val-annotations", str(data / "instances.json"), "--checks", "2"]
    assert train("shots", whole, *shots, *fresh, "--check-every", "2") == 0
    said = capsys.readouterr().out
    assert "6 objects of 3 classes in" in said
    entries = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    checks = [entry for entry in entries if "novel_ap" in entry]
    assert [entry["step"] for entry in checks] == [2, 4]
    assert {"base_ap", "ap50", "novel_ap75"} <= set(checks[0])
    model = load_few_shot(whole / "best")
    assert model.config.labels == KINDS
    assert model.config.taught == ("scooter",)
    assert train("shots", parts, *shots, "--stop-after", "1e-9") == 0
    assert train("shots", parts, *shots) == 0
    assert "from step 1 on" in capsys.readouterr().out
    ours, theirs = state(whole), state(parts)
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    norms = [name for name in ours if name.endswith("running_mean")]
    known = load_few_shot(base).state_dict()
    assert all(torch.equal(ours[name], known[name]) for name in norms)  # a few shots say nothing
    assert train("shots", parts, *shots, "--loss", "focal") == 2
    assert "loss bnrl (now focal)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stage", "options", "message"),
    [
        ("shots", ["--k", "2"], "expected --base with the stage shots"),
        ("base", ["--k", "2"], "expected no --k with the stage base"),
        ("shots", ["--k", "7", "--base", "BASE"], "at least 7 objects of 'car'"),
        ("shots", ["--k", "1", "--base", "BASE", "--split", "voc1"], "no category bird"),
        ("base", ["--input-hw", "40", "64"], "multiples of 32"),
        ("shots", ["--k", "1", "--base", "/nowhere"], "cannot read the detector's configuration"),
        ("shots", ["--k", "1", "--base", "BASE", "--shot-files", "/nowhere"], "cannot read"),
    ],
)
def test_what_cannot_be_taught(train, base, tmp_path, capsys, stage, options, message) -> None:
    told = [str(base) if option == "BASE" else option for option in options]
    assert train(stage, tmp_path, *told) in (2, 3)  # options and data; folders that are none
    assert message in capsys.readouterr().err


def test_a_base_of_other_classes(train, few_shot, tmp_path: Path, capsys) -> None:
    save_few_shot(tmp_path / "other", few_shot(labels=("car", "bus")))
    assert train("shots", tmp_path, "--k", "1", "--base", str(tmp_path / "other")) == 2
    assert "base classes car, sign, found one of car, bus" in capsys.readouterr().err
