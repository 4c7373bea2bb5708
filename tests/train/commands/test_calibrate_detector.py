"""Calibrated scores of a few-shot checkpoint, from labelled images to what a detection is worth."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sdk.frame import read_image
from train.__main__ import main
from train.evaluation.asking import open_detector
from train.families.few_shot import FAMILY
from train.models.few_shot.checkpoint import CONFIG, save_few_shot


@pytest.fixture
def checkpoint(few_shot, tmp_path: Path) -> Path:
    """A random detector that is sure of something everywhere."""
    model = few_shot()
    with torch.no_grad():
        model.classes.weight.normal_(0, 2)
        model.objectness.weight.normal_(0, 0.5)
    save_few_shot(tmp_path / "model", model.eval())
    return tmp_path / "model"


@pytest.fixture
def images(checkpoint: Path, tmp_path: Path) -> Path:
    """Four images whose objects are what the detector finds first and last."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    entries, annotations = [], []
    with open_detector(FAMILY.load(checkpoint), 0.0) as detector:
        names = detector.names
        for number in range(4):
            frame = np.kron(rng.integers(0, 256, (6, 9, 3)), np.ones((20, 20, 1))).astype(np.uint8)
            path = tmp_path / "images" / f"{number}.png"
            cv2.imwrite(str(path), frame)
            entries.append({"id": number, "file_name": path.name, "width": 180, "height": 120})
            seen = detector.detect(read_image(path))
            for row in {0, len(seen) - 1}:
                x1, y1, x2, y2 = seen.xyxy[row].tolist()
                annotation = {"id": len(annotations), "image_id": number}
                annotation |= {"category_id": int(seen.labels[row])}
                annotations.append(annotation | {"bbox": [x1, y1, x2 - x1, y2 - y1]})
    categories = [{"id": number, "name": name} for number, name in enumerate(names)]
    document = {"images": entries, "annotations": annotations, "categories": categories}
    (tmp_path / "boxes.json").write_text(json.dumps(document))
    return tmp_path / "images"


def test_scores_become_probabilities(checkpoint: Path, images: Path, capsys) -> None:
    data = ["--annotations", str(images.parent / "boxes.json"), "--images", str(images)]
    frame = read_image(images / "0.png")
    with open_detector(FAMILY.load(checkpoint), 0.0) as detector:
        before = detector.detect(frame)
    assert main(["calibrate-detector", str(checkpoint), *data, "--threads", "1"]) == 0
    assert "expected calibration error" in capsys.readouterr().out
    calibration = json.loads((checkpoint / CONFIG).read_text())["calibration"]
    assert calibration["source"] == "4 images of boxes.json"
    with open_detector(FAMILY.load(checkpoint), 0.0) as detector:
        after = detector.detect(frame)
    np.testing.assert_array_equal(before.xyxy, after.xyxy)
    np.testing.assert_array_equal(before.own_scores, after.own_scores)
    assert (np.diff(after.scores) <= 0).all()  # the order stays
    again = calibration | {"source": ""}
    assert main(["calibrate-detector", str(checkpoint), *data, "--threads", "1"]) == 0
    twice = json.loads((checkpoint / CONFIG).read_text())["calibration"]
    assert twice | {"source": ""} == again  # of the scores as they were


def test_what_cannot_be_calibrated(checkpoint: Path, images: Path, capsys) -> None:
    data = ["--images", str(images), "--annotations"]
    assert main(["calibrate-detector", str(checkpoint), *data, "/nowhere.json"]) == 2
    assert "cannot read" in capsys.readouterr().err
    boxes = str(images.parent / "boxes.json")
    assert main(["calibrate-detector", str(images), *data, boxes]) == 3
    assert "cannot read the detector's configuration" in capsys.readouterr().err
