"""Boxes and categories of a COCO file, and what of it cannot be used."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from sdk.errors import InputError
from train.data.boxes import CROWD, Box, read_boxes, read_usable_boxes

CATEGORIES = [{"id": 7, "name": "sign"}, {"id": 3, "name": "car"}, {"id": 9}]
IMAGE = {"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}


def entry(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": number, "image_id": 1, "bbox": [10, 20, 30, 40], "category_id": 3} | changes


def write(folder: Path, *entries: Any, images: Any = (IMAGE,)) -> Path:
    document = {"images": list(images), "annotations": list(entries), "categories": CATEGORIES}
    path = folder / "instances.json"
    path.write_text(json.dumps(document))
    return path


def test_boxes_by_image_and_categories_by_number(tmp_path, images) -> None:
    known = read_boxes(write(tmp_path, entry(1), entry(2, category_id=7)), images)
    assert known.images == {"a.jpg": (Box((10, 20, 40, 60), "car"), Box((10, 20, 40, 60), "sign"))}
    assert known.categories == ("car", "sign")
    assert (known.count, known.problems, known.complaints()) == (2, (), [])
    assert known.of("a.jpg") == known.images["a.jpg"]
    assert known.of("b.jpg") == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iscrowd": 1}, CROWD),
        ({"bbox": [10, 20, 0, 40]}, "positive width and height"),
        ({"bbox": [10, 20, 300, 40]}, "outside its image"),
        ({"bbox": "here"}, "expected a box"),
        ({"category_id": 9}, "no category with a name has the id 9"),
        ({"category_id": 8}, "no category with a name has the id 8"),
        ({"category_id": None}, "no category with a name has the id None"),
        ({"image_id": 2}, "no image has the id 2"),
        ({"image_id": [2]}, "expected an id"),
    ],
)
def test_what_cannot_be_used_is_counted(tmp_path, images, changes, reason) -> None:
    known = read_boxes(write(tmp_path, entry(1), entry(2, **changes), entry(3, **changes)), images)
    assert known.count == 1
    assert [problem.entry for problem in known.problems] == [1, 2]
    [line] = known.complaints()
    assert line.startswith("2 left out, the first is entry 1: ")
    assert reason in line


def test_images_that_are_missing_or_none(tmp_path, images, capsys) -> None:
    shown = [
        IMAGE,
        IMAGE | {"id": 2, "file_name": "b.jpg"},
        IMAGE | {"id": 3, "file_name": "no.jpg"},
    ]
    path = write(tmp_path, entry(1), entry(2, image_id=2), entry(3, image_id=3), images=shown)
    assert set(read_usable_boxes(path, images).images) == {"a.jpg"}
    said = capsys.readouterr().err.splitlines()
    assert "missing image: no b.jpg" in said[0]
    assert len(said) == 2
    with pytest.raises(InputError, match="found none that can be used"):
        read_usable_boxes(write(tmp_path, entry(1, iscrowd=True)), images)
    with pytest.raises(InputError, match="found none that can be used"):
        read_usable_boxes(write(tmp_path), images)


def test_splits_of_refcoco(tmp_path, images) -> None:
    other = IMAGE | {"id": 2}
    write(tmp_path, entry(1), entry(2, image_id=2, category_id=7), images=(IMAGE, other))
    refs = [{"split": "train", "image_id": 1}, {"split": "val", "image_id": 2}, "no ref"]
    path = tmp_path / "refs(umd).p"
    path.write_bytes(pickle.dumps(refs))
    assert [box.category for box in read_boxes(path, images, "val").of("a.jpg")] == ["sign"]
    assert read_boxes(path, images).count == 2
    with pytest.raises(InputError, match=r"one of the splits train, val of .*, got 'test'"):
        read_boxes(path, images, "test")
    with pytest.raises(InputError, match="expected no split"):
        read_boxes(tmp_path / "instances.json", images, "val")


@pytest.mark.parametrize("text", ["[]", '{"images": []}', "not JSON"])
def test_files_of_another_layout(tmp_path, text) -> None:
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(InputError):
        read_boxes(tmp_path / "file.json")
    with pytest.raises(InputError, match="cannot read"):
        read_boxes(tmp_path / "nothing.json")
