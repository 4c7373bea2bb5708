"""Annotation files in the layouts of SOREC and COCO; boxes held against images."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import InputError
from train.data import sorec
from train.data.annotations import MISSING_IMAGE, Annotation, AnnotationSet, read_annotations

GOOD = {"image": "a.jpg", "bbox": [10, 20, 30, 40], "ref": "The red car.", "id": 7}
READ = Annotation("a.jpg", (10.0, 20.0, 40.0, 60.0), "The red car.", 7)

Read = Callable[..., AnnotationSet]


def reason(read: Read, **changes: Any) -> str:
    """Why an entry between two good ones cannot be used."""
    found = read([GOOD, GOOD | changes, GOOD])
    assert found.items == (READ, READ)
    [problem] = found.problems
    assert problem.entry == 1
    return problem.reason


def test_sorec(read: Read) -> None:
    found = read([GOOD, GOOD | {"id": "b", "ref": "  a sign\n", "image": "sub/b.jpg"}])
    assert found.items == (READ, Annotation("sub/b.jpg", READ.xyxy, "a sign", "b"))
    assert found.problems == ()
    assert read([]) == AnnotationSet((), ())


@pytest.mark.parametrize("name", ["trainS", "val"])
def test_published_files(sorec_folder: Path, name: str) -> None:
    found = read_annotations(sorec_folder / f"{name}.json")
    assert found.problems == ()
    assert len(found.items) == {"trainS": 10_000, "val": 10_712}[name]
    boxes = np.array([item.xyxy for item in found.items])
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    assert (areas.min(), areas.max()) == (714, 2000)


def test_published_photograph(sorec_folder: Path, read: Read) -> None:
    box = {"image": "sample_2.jpg", "bbox": [1340, 1638, 42, 45]}
    outside = {"image": "sample.jpg", "bbox": [2540, 1638, 42, 45]}
    found = read([GOOD | box, GOOD | outside, GOOD], sorec_folder)
    assert [item.xyxy for item in found.items] == [(1340, 1638, 1382, 1683)]
    assert "outside its image sample.jpg (2560 x 1920 px)" in found.problems[0].reason
    assert found.problems[1].reason.startswith(f"{MISSING_IMAGE}: no a.jpg in")


@pytest.mark.parametrize("name", ["image", "bbox", "ref", "id"])
def test_missing_fields(read: Read, name: str) -> None:
    entry = {key: value for key, value in GOOD.items() if key != name}
    [problem] = read([entry]).problems
    assert problem.reason.startswith(f"no {name}: expected the fields image, bbox, ref, id")


@pytest.mark.parametrize("entry", [None, 3, "text", [], [1, 2]])
def test_entries_that_are_no_objects(read: Read, entry: Any) -> None:
    found = read([entry, GOOD])
    assert found.items == (READ,)
    assert "expected an object with image, bbox, ref, id" in found.problems[0].reason


@pytest.mark.parametrize(
    "bbox",
    [
        None,
        "10 20 30 40",
        {"x": 1},
        [],
        [10, 20, 30],
        [10, 20, 30, 40, 50],
        [10, 20, "30", 40],
        [10, 20, True, 40],
        [10, 20, None, 40],
        [[10], 20, 30, 40],
        [math.nan, 20, 30, 40],
        [10, 20, math.inf, 40],
        [10**400, 20, 30, 40],
        [10, 20, 0, 40],
        [10, 20, 30, -1],
        [1e17, 20, 1, 40],
        [1e308, 20, 1e308, 40],
    ],
)
def test_boxes_that_are_none(read: Read, bbox: Any) -> None:
    assert "expected a box" in reason(read, bbox=bbox)


@pytest.mark.parametrize("ref", [None, 5, "", " . ", "x" * 5000, "\ud800", ["a", "b"]])
def test_sentences_that_are_none(read: Read, ref: Any) -> None:
    assert "expected" in reason(read, ref=ref)


@pytest.mark.parametrize(
    "name",
    [
        None,
        5,
        "",
        " ",
        "/etc/a.jpg",
        "../a.jpg",
        "sub/../../a.jpg",
        "..\\a.jpg",
        "C:\\a.jpg",
        "a\0.jpg",
        "\ud800.jpg",
    ],
)
def test_file_names_that_are_none(read: Read, name: Any) -> None:
    assert "expected" in reason(read, image=name)


@pytest.mark.parametrize("number", [None, True, 1.5, [1], {}, 2**70])
def test_ids_that_are_none(read: Read, number: Any) -> None:
    assert "expected an id" in reason(read, id=number)


def test_reasons_are_short(read: Read) -> None:
    assert len(reason(read, bbox=list(range(100_000)))) < 150
    assert len(reason(read, id={"deep": [[[["x" * 10_000]]]]})) < 150


@pytest.mark.parametrize(
    ("bbox", "expected"),
    [
        ([0, 0, 100, 80], (0, 0, 100, 80)),
        ([-0.5, 0, 10, 10], (0, 0, 9.5, 10)),  # a rounding
        ([90, 70, 10.25, 10.9], (90, 70, 100, 80)),
        ([-1, 0, 10, 10], None),
        ([91, 0, 10, 10], None),
        ([0, 71, 10, 10], None),
        ([200, 200, 10, 10], None),
        ([-0.9, 0, 0.5, 10], None),  # nothing of it is inside
    ],
)
def test_boxes_and_images(read: Read, images: Path, bbox: Any, expected: Any) -> None:
    found = read([GOOD | {"bbox": bbox}], images)
    assert [item.xyxy for item in found.items] == ([expected] if expected else [])
    assert all("outside its image a.jpg (100 x 80 px)" in p.reason for p in found.problems)


def test_without_images_only_the_first_corner_is_known(read: Read) -> None:
    assert read([GOOD | {"bbox": [5000, 5000, 9, 9]}]).problems == ()
    assert "outside its image a.jpg" in reason(read, bbox=[-4, 20, 30, 40])


def test_images_that_are_none(read: Read, images: Path) -> None:
    names = ["no.jpg", "gone.jpg", "x" * 300, "."]
    found = read([GOOD | {"image": name} for name in names], images)
    assert found.items == ()
    assert "expected an image" in found.problems[0].reason
    assert all(p.reason.startswith(MISSING_IMAGE) for p in found.problems[1:])


def test_each_image_is_looked_at_once(read: Read, images: Path, monkeypatch) -> None:
    looked = []
    monkeypatch.setattr("train.data.annotations.image_wh", lambda p: looked.append(p) or (100, 80))
    assert len(read([GOOD] * 50, images).items) == 50
    assert looked == [images / "a.jpg"]


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "3", '"text"', "{}", '{"images": []}', '{"images": 1, "annotations": 2}'],
)
def test_files_of_no_layout(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(InputError, match="expected"):
        read_annotations(path)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"[" * 200_000, b"[1" + b"0" * 5000 + b"]"])
def test_hostile_json(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(data)
    with pytest.raises(InputError, match="expected JSON"):
        read_annotations(path)


def test_paths_that_lead_nowhere(tmp_path: Path, read: Read) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_annotations(tmp_path / "gone.json")
    with pytest.raises(InputError, match="cannot read"):
        read_annotations(tmp_path)
    with pytest.raises(InputError, match="expected a folder of images"):
        read([GOOD], tmp_path / "gone")


def test_only_refcoco_has_splits(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(InputError, match="expected no split"):
        read_annotations(tmp_path / "a.json", split="val")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.lists(st.fixed_dictionaries({key: st.just(GOOD[key]) | JSON for key in GOOD}) | JSON))
def test_every_entry_is_an_item_or_a_problem(entries: list[Any]) -> None:
    found = sorec.read(entries, lambda _, annotation: annotation)
    assert len(found.items) + len(found.problems) == len(entries)
    assert all(p.reason for p in found.problems)
    for item in found.items:
        x1, y1, x2, y2 = item.xyxy
        assert x1 < x2 < math.inf
        assert y1 < y2 < math.inf


def test_images_that_are_cut_off(read: Read, images: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (80, 100, 3), np.uint8)
    for suffix in (".jpg", ".png"):
        data = cv2.imencode(suffix, noise)[1].tobytes()
        (images / f"cut{suffix}").write_bytes(data[: len(data) // 3])
    found = read([GOOD | {"image": name} for name in ("cut.jpg", "cut.png", "a.jpg")], images)
    assert [problem.entry for problem in found.problems] == [0, 1]
    assert all("truncated" in problem.reason for problem in found.problems)


@pytest.mark.parametrize("decode", [False, True])
def test_images_are_decoded_when_asked_for(images: Path, monkeypatch, decode: bool) -> None:
    decoded = []
    monkeypatch.setattr(
        "train.data.image_size.read_image",
        lambda path: decoded.append(path.name) or np.zeros((80, 100, 3), np.uint8),
    )
    file = images / "annotations.json"
    file.write_text(json.dumps([GOOD, GOOD]))
    assert len(read_annotations(file, images, decode=decode).items) == 2
    assert decoded == ["a.jpg"] * decode


def test_a_run_goes_on_with_the_entries_that_it_began_with(images: Path) -> None:
    names = ["gone.jpg", "a.jpg", "b.jpg"]
    cv2.imwrite(str(images / "b.jpg"), np.zeros((80, 100, 3), np.uint8))
    file = images / "annotations.json"
    file.write_text(json.dumps([GOOD | {"image": name} for name in names]))
    began = read_annotations(file, images)
    left_out = {problem.entry for problem in began.problems}
    assert (left_out, began.lost) == ({0}, {})
    (images / "b.jpg").unlink()  # what was there is gone, what was not has come
    cv2.imwrite(str(images / "gone.jpg"), np.zeros((80, 100, 3), np.uint8))
    again = read_annotations(file, images, left_out=left_out)
    assert again.items == began.items
    assert [problem.entry for problem in again.problems] == [0]
    assert list(again.lost) == ["b.jpg"]
    assert again.lost["b.jpg"].startswith(MISSING_IMAGE)
