"""``piza train pseudo``: photographs and a detector become annotations that training reads."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sdk.regions.refiners import Teller
from train.__main__ import main
from train.data.annotations import read_annotations

RED, BLUE, WALKER = (40, 200, 100, 240), (300, 200, 360, 240), (380, 190, 400, 250)
ROWS = [(*RED, 0.9, 0), (*BLUE, 0.8, 0), (*WALKER, 0.85, 2), (0, 0, 640, 20, 0.3, 1)]


@pytest.fixture
def streets(tmp_path: Path) -> Path:
    """A folder with a photograph, another one, and a text."""
    folder = tmp_path / "streets"
    folder.mkdir()
    frame = np.full((480, 640, 3), 120, np.uint8)
    for (x1, y1, x2, y2), bgr in ((RED, (20, 20, 220)), (BLUE, (220, 40, 20))):
        frame[y1:y2, x1:x2] = bgr
    for name in ("b.png", "a.jpg"):
        cv2.imwrite(str(folder / name), frame)
    (folder / "notes.txt").write_text("no photograph")
    return folder


def test_sentences_that_training_reads(make_two_stage, streets, tmp_path, capsys) -> None:
    out, figures = tmp_path / "pseudo", tmp_path / "figures.json"
    options = ["--detector", str(make_two_stage(ROWS)), "-o", str(out), "--least-share", "0"]
    assert main(["pseudo", str(streets), *options, "--queries", "5"]) == 0
    assert "10 sentences about 6 things of 2 photographs" in capsys.readouterr().out
    found = read_annotations(out / "refs(pseudo).p", streets)
    assert not found.problems
    assert len(found.items) == 10
    assert {item.image for item in found.items} == {"a.jpg", "b.png"}
    boxes = {"red": RED, "blue": BLUE, "left": RED}
    for item in found.items:
        if item.category == "person":
            assert item.xyxy == WALKER
        for word, box in boxes.items():
            if item.ref in (f"{word} car", f"car on the {word}"):
                assert item.xyxy == box
    assert {item.category for item in found.items} == {"car", "person"}

    again = ["--truth", str(out / "refs(pseudo).p"), "--json", str(figures)]
    assert main(["pseudo", str(streets), *options, *again]) == 0
    said = json.loads(figures.read_text())
    assert said["true"]["all"][0] == said["true"]["all"][1] > 0
    assert "true, 100.0%" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("folder", "more", "message"),
    [
        ("streets", [], "nothing can be said of the 2 photographs"),  # all are too small
        ("nowhere", [], "expected photographs"),
        ("streets", ["--truth", "nowhere.p"], "cannot read instances.json"),
    ],
)
def test_errors(make_two_stage, streets, tmp_path, capsys, folder, more, message) -> None:
    engine = str(make_two_stage(ROWS))
    command = ["pseudo", str(tmp_path / folder), "--detector", engine, "-o", str(tmp_path / "o")]
    assert main([*command, *more]) == 2
    assert message in capsys.readouterr().err


def test_an_engine_that_does_not_detect(make_clip_box, streets, tmp_path, capsys) -> None:
    engine = make_clip_box(Teller("projection", "head"), [(0, 0, 1, 1)])
    assert main(["pseudo", str(streets), "--detector", str(engine), "-o", str(tmp_path / "o")]) == 2
    assert "expected an engine of the family two-stage" in capsys.readouterr().err
