"""Shots: as many as were asked for, alike every time, or as published."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import InputError
from train.data.boxes import Box
from train.data.shots import draw_shots, published_shots

CLASSES = ("car", "sign", "scooter")


@st.composite
def labelled(draw: st.DrawFn) -> dict[str, tuple[Box, ...]]:
    """Images with some objects each, at least three of every class."""
    kinds = draw(st.lists(st.sampled_from(CLASSES), max_size=12)) + list(CLASSES) * 3
    images: dict[str, list[Box]] = {}
    for number, kind in enumerate(kinds):
        image = f"{draw(st.integers(0, 5))}.png"
        images.setdefault(image, []).append(Box((number, 0.0, number + 1.0, 1.0), kind))
    return {name: tuple(boxes) for name, boxes in images.items()}


@given(labelled(), st.integers(1, 3), st.integers(0, 100))
def test_shots_are_of_the_images_and_as_many_as_asked(images, k, seed) -> None:
    shots = draw_shots(images, CLASSES, k, seed)
    assert Counter(box.category for boxes in shots.values() for box in boxes) == dict.fromkeys(
        CLASSES, k
    )
    for name, boxes in shots.items():
        assert len(set(boxes)) == len(boxes) > 0
        assert set(boxes) <= set(images[name])
    assert draw_shots(images, CLASSES, k, seed) == shots
    alone = draw_shots(images, ("sign",), k, seed)
    assert {b for each in alone.values() for b in each} == {
        b for each in shots.values() for b in each if b.category == "sign"
    }


def test_seeds_draw_others() -> None:
    images = {f"{k}.png": (Box((0.0, 0.0, 1.0, 1.0), "car"),) for k in range(30)}
    drawn = {tuple(draw_shots(images, ("car",), 2, seed)) for seed in range(10)}
    assert len(drawn) > 5


def test_fewer_objects_than_shots() -> None:
    images = {"a.png": (Box((0.0, 0.0, 1.0, 1.0), "car"),)}
    with pytest.raises(InputError, match="at least 2 objects of 'car' for 2 shots, found 1"):
        draw_shots(images, ("car",), 2, 0)


def write(folder: Path, name: str, boxes: list[list[float]], **changes) -> None:
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}],
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "sign"}],
        "annotations": [
            {"id": k, "image_id": 1, "category_id": 1 + (name == "sign"), "bbox": box, **changes}
            for k, box in enumerate(boxes)
        ],
    }
    (folder / f"full_box_2shot_{name}_trainval.json").write_text(json.dumps(document))


def test_published_shots_are_read(tmp_path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 60, 3), np.uint8))
    write(tmp_path, "car", [[0, 0, 9, 9], [20, 0, 9, 9]])
    write(tmp_path, "sign", [[0, 20, 9, 9], [20, 20, 9, 9]])
    shots = published_shots(tmp_path, tmp_path, ("car", "sign"), 2)
    assert Counter(box.category for box in shots["a.png"]) == {"car": 2, "sign": 2}
    with pytest.raises(InputError, match="cannot read"):
        published_shots(tmp_path, tmp_path, ("car",), 3)
    write(tmp_path, "car", [[0, 0, 9, 9], [20, 0, 9, 9]], iscrowd=1)
    with pytest.raises(InputError, match=r"expected 2 objects of 'car'.*found 0.*crowd"):
        published_shots(tmp_path, tmp_path, ("car",), 2)
    write(tmp_path, "car", [[0, 0, 9, 9], [500, 0, 9, 9]])
    with pytest.raises(InputError, match=r"expected 2 objects of 'car'.*found 1"):
        published_shots(tmp_path, tmp_path, ("car",), 2)
