"""Squares of pictures and what their captions say: all that is in them, and no novel crop."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.fewshot.captions import AROUND, FILLED, write_captions
from sdk.errors import InputError
from sdk.geometry import area, as_boxes, clip
from train.data.annotations import read_usable

SIZE_WH = (640, 360)
CAR, BUS, SIGN = (60, 200, 160, 260), (300, 180, 420, 250), (500, 60, 540, 100)
BOXES = {"car": CAR, "bus": BUS, "sign": SIGN}
NOVEL = ("bus",)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Three pictures of a car, a bus and a sign."""
    (tmp_path / "images").mkdir()
    images, annotations = [], []
    for number in range(3):
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), np.zeros((360, 640, 3), np.uint8))
        images.append({"id": number, "file_name": f"{number}.png", "width": 640, "height": 360})
        for category, (x1, y1, x2, y2) in enumerate(BOXES.values()):
            box = [x1, y1, x2 - x1, y2 - y1]
            annotations.append(
                {"id": len(annotations), "image_id": number, "category_id": category, "bbox": box}
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(BOXES)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "instances.json").write_text(json.dumps(document))
    return tmp_path


def test_captions_are_true_and_no_crop_is_of_a_novel_object(place: Path) -> None:
    out = place / "captions.json"
    counts = write_captions(place / "instances.json", place / "images", NOVEL, 0, out)
    items = read_usable(out, place / "images").items  # as training reads them
    naming = [item for item in items if "bus" in item.ref.split()]
    assert counts == (len(items), len(naming))
    assert naming
    assert any("background" in item.ref for item in items)
    for item in items:
        x1, y1, x2, y2 = item.xyxy
        assert x2 - x1 == pytest.approx(y2 - y1, abs=0.03)
        assert 0 <= x1 < x2 <= SIZE_WH[0]
        assert 0 <= y1 < y2 <= SIZE_WH[1]
        told = item.ref.removeprefix("a photo of ").split(" and ")
        seen = {
            name: float(area(clip(as_boxes(box), item.xyxy)) / area(as_boxes(box)))
            for name, box in BOXES.items()
        }
        if set(told) == {"background"}:
            assert max(seen.values()) == 0
            continue
        assert set(told) <= {name for name, share in seen.items() if share > 0.999}
        if told == ["bus"]:
            assert area(as_boxes(BUS)) <= (FILLED + 0.01) * area(as_boxes(item.xyxy))
    crops = [item for item in items if item.ref == "a photo of car"]
    longer = CAR[2] - CAR[0]
    assert min(item.xyxy[2] - item.xyxy[0] for item in crops) < AROUND[1] * longer + 0.1


def test_the_same_seed_draws_the_same(place: Path) -> None:
    made = []
    for seed in (3, 3, 4):
        out = place / f"captions-{len(made)}.json"
        write_captions(place / "instances.json", place / "images", NOVEL, seed, out)
        made.append(out.read_text())
    assert made[0] == made[1] != made[2]


def test_what_is_no_annotation(place: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        write_captions(place / "none.json", place / "images", NOVEL, 0, place / "out.json")
