"""``piza teach``: the bank changes, the networks do not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sdk import Detector
from sdk.__main__ import main as vehicle
from sdk.engine.folder import read_manifest

ROWS = [(8, 8, 40, 30, 0.5, 0.02, 0.02), (60, 10, 90, 40, 0.02, 0.5, 0.02)]
TEXTS = {"scooter": "green"}


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """Two crops of red things, and a file that is none."""
    folder = tmp_path / "crops"
    folder.mkdir()
    for k in range(2):
        crop = np.full((20, 30, 3), (20, 20, 220), np.uint8)
        cv2.imwrite(str(folder / f"{k}.png"), crop)
    (folder / "notes.txt").write_text("red")
    return folder


def test_a_class_more_is_corrected(make_few_shot, crops, capsys):
    folder = make_few_shot(ROWS, TEXTS)
    before = read_manifest(folder)
    frame = np.full((96, 128, 3), 120, np.uint8)
    frame[8:30, 8:40] = (20, 20, 220)
    with Detector(folder) as detector:
        plain = detector.detect(frame)
    teach = ["teach", str(folder), "--class", "car"]
    assert vehicle([*teach, "--text", "red", "--images", str(crops)]) == 0
    said = capsys.readouterr().out
    assert "2 of 2 crops look like 'red' most" in said
    assert "CLIP corrects scooter, car" in said
    after = read_manifest(folder)
    assert after.files == before.files
    assert after.proven
    assert after.fingerprint != before.fingerprint
    with Detector(folder) as detector:
        better = detector.detect(frame)
    assert plain.scores[plain.labels == 0] == pytest.approx(0.5, abs=1e-6)
    assert better.scores[better.labels == 0] == pytest.approx(0.65, abs=0.01)
    assert better.scores[better.labels == 1] == pytest.approx(0.5, abs=1e-6)
    assert vehicle([*teach, "--forget"]) == 0
    assert read_manifest(folder).block == before.block


def test_a_class_that_clip_does_not_know(make_few_shot, crops, capsys):
    folder = make_few_shot(ROWS, TEXTS)
    before = read_manifest(folder)
    teach = ["teach", str(folder), "--class", "car", "--images", str(crops)]
    assert vehicle([*teach, "--text", "blue"]) == 1
    said = capsys.readouterr().out
    assert "0 of 2 crops" in said
    assert "nothing is changed" in said
    assert "piza train risf shots" in said
    assert read_manifest(folder) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--class", "bus"], "the detector knows no 'bus', only car, sign, scooter: a new class"),
        (["--class", "car", "--images", "/nowhere"], "cannot read the folder"),
        (["--class", "car", "--images", "EMPTY"], "expected crops"),
    ],
)
def test_what_cannot_be_taught(make_few_shot, tmp_path, capsys, options, message):
    (tmp_path / "empty").mkdir()
    told = [str(tmp_path / "empty") if option == "EMPTY" else option for option in options]
    assert vehicle(["teach", str(make_few_shot(ROWS, TEXTS)), *told]) == 2
    assert message in capsys.readouterr().err


def test_engines_that_cannot_be_taught(make_few_shot, make_two_stage, capsys):
    assert vehicle(["teach", str(make_few_shot(ROWS)), "--class", "car"]) == 2
    assert "no image and text networks" in capsys.readouterr().err
    two = make_two_stage([(0, 0, 10, 10, 0.9, 0)])
    assert vehicle(["teach", str(two), "--class", "car"]) == 2
    assert "family few-shot, found one of two-stage" in capsys.readouterr().err
