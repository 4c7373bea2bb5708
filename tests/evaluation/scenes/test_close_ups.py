"""Close-ups: what is in them, what is said of them, how they lie on disk."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.scenes import make_scene, render
from evaluation.scenes.close_ups import SIZE_WH, CloseUp, close_ups, picture, sentences
from evaluation.scenes.refcoco_writer import CATEGORIES, IMAGES, INSTANCES, REFS, write_close_ups
from sdk.geometry import as_boxes, contains, iou
from train.data.annotations import read_annotations
from train.data.refcoco import load_plain_pickle

SEEDS = range(300, 330)


@pytest.fixture(scope="module")
def shown() -> list[CloseUp]:
    found = [each for seed in SEEDS for each in close_ups(make_scene(seed), 3)]
    assert len(found) > 1.5 * len(SEEDS)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("close-ups") / "set"
    write_close_ups(out, count=2, seed=70, split="val")
    return out


def test_nothing_is_cut_off(shown: list[CloseUp]) -> None:
    for each in shown:
        whole = make_scene(each.scene.seed)
        x1, y1, x2, y2 = each.window_xyxy
        assert 0 <= x1 < x2 <= whole.size_wh[0]
        assert 0 <= y1 < y2 <= whole.size_wh[1]
        inside = 0
        for item in whole.objects:
            left, top, right, bottom = item.xyxy
            if left < x2 and right > x1 and top < y2 and bottom > y1:
                assert contains(each.window_xyxy, item.xyxy), (each.scene.seed, item)
                inside += 1
        assert inside == len(each.scene.objects) >= 3


def test_no_two_show_the_same() -> None:
    for seed in SEEDS:
        windows = as_boxes([each.window_xyxy for each in close_ups(make_scene(seed), 3)])
        overlaps = iou(windows[:, None], windows) - np.eye(len(windows))
        assert overlaps.max() < 0.6


def test_objects_are_as_large_as_those_of_refcoco(shown: list[CloseUp]) -> None:
    sides = []
    for each in shown:
        assert (x := each.scene.size_wh)[0] * SIZE_WH[1] == x[1] * SIZE_WH[0]
        for item in each.scene.objects:
            x1, y1, x2, y2 = each.xyxy(item)
            assert 0 <= x1 < x2 <= SIZE_WH[0]
            assert 0 <= y1 < y2 <= SIZE_WH[1]
            sides.append(max(x2 - x1, y2 - y1))
    assert np.mean([40 <= side <= 200 for side in sides]) > 0.8


def test_a_phrase_is_true_of_one_object(shown: list[CloseUp]) -> None:
    phrases = relations = 0
    for each in shown:
        said = sentences(each, 5)
        assert said == sentences(each, 5)
        assert {one.target for one in said} <= {o.id for o in each.scene.objects}
        texts = [o.phrase for o in each.scene.objects]
        for one in said:
            if one.ref in texts:
                assert texts.count(one.ref) == 1
                assert each.scene.objects[one.target].phrase == one.ref
                phrases += 1
        relations += sum(one.relation for one in said)
    assert phrases > len(shown)
    assert relations > len(shown) / 4


def test_the_picture_is_the_enlarged_window(shown: list[CloseUp]) -> None:
    each = shown[0]
    frame = render(make_scene(each.scene.seed))
    found = picture(each, frame)
    assert found.shape == (SIZE_WH[1], SIZE_WH[0], 3)
    assert found.dtype == np.uint8
    x1, y1, x2, y2 = each.window_xyxy
    small = cv2.resize(found, each.scene.size_wh, interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - frame[y1:y2, x1:x2]).mean() < 4


def test_layout_of_the_folder(folder: Path) -> None:
    """As ``refs(umd).p`` and ``instances.json`` of RefCOCOg are read everywhere."""
    refs = load_plain_pickle(folder / REFS)
    document = json.loads((folder / INSTANCES).read_text())
    boxes = {each["id"]: each for each in document["annotations"]}
    images = {each["id"]: each for each in document["images"]}
    assert {each["name"]: each["id"] for each in document["categories"]} == CATEGORIES
    assert len(boxes) == len(document["annotations"])
    numbers = []
    for ref in refs:
        box, image = boxes[ref["ann_id"]], images[ref["image_id"]]
        assert box["image_id"] == ref["image_id"]
        assert box["category_id"] == ref["category_id"]
        assert ref["split"] == "val"
        stem = image["file_name"].removesuffix(".jpg")
        assert ref["file_name"] == f"{stem}_{ref['ann_id']}.jpg"
        assert ref["sent_ids"] == [sentence["sent_id"] for sentence in ref["sentences"]]
        assert all(s["tokens"] == s["sent"].split() for s in ref["sentences"])
        numbers += ref["sent_ids"]
    assert numbers == list(range(len(numbers)))
    for image in images.values():
        found = cv2.imread(str(folder / IMAGES / image["file_name"]))
        assert found.shape == (image["height"], image["width"], 3)


def test_our_reader_reads_all_of_it(folder: Path) -> None:
    known = read_annotations(folder / REFS, folder / IMAGES, "val")
    refs = load_plain_pickle(folder / REFS)
    assert not known.problems
    assert len(known.items) == sum(len(ref["sentences"]) for ref in refs) > 0
    assert {item.category for item in known.items} <= set(CATEGORIES)


def test_a_run_that_was_stopped_goes_on(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    write_close_ups(out, count=1, seed=70, split="val")
    kept = {path.name: path.stat().st_mtime_ns for path in (out / IMAGES).iterdir()}
    pictures, spoken = write_close_ups(out, count=2, seed=70, split="val")
    assert {n: (out / IMAGES / n).stat().st_mtime_ns for n in kept} == kept
    assert (out / REFS).read_bytes() == (folder / REFS).read_bytes()
    assert (out / INSTANCES).read_bytes() == (folder / INSTANCES).read_bytes()
    assert pictures == len(list((out / IMAGES).iterdir()))
    assert spoken > pictures


@pytest.mark.parametrize(("count", "seed"), [(0, 1), (1, -1)])
def test_numbers_that_make_no_sense(tmp_path: Path, count: int, seed: int) -> None:
    with pytest.raises(ValueError, match="at least one scene"):
        write_close_ups(tmp_path / "set", count, seed)


@pytest.mark.parametrize("window_w", [(8, 80), (160, 80), (80, 2000)])
def test_windows_that_make_no_sense(tmp_path: Path, window_w: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="windows of 16 to 640 px"):
        write_close_ups(tmp_path / "set", 1, 70, window_w=window_w)


def test_narrow_windows_show_one_object_large() -> None:
    """A tenth of the picture, in the middle."""
    shares = []
    for seed in SEEDS[:10]:
        for each in close_ups(make_scene(seed), 3, (80, 160)):
            x1, _, x2, _ = each.window_xyxy
            assert 80 <= x2 - x1 <= 160
            assert each.scene.objects
            largest = max(item.area for item in each.scene.objects)
            shares.append(largest * each.scale**2 / (SIZE_WH[0] * SIZE_WH[1]))
    assert 0.05 < np.median(shares) < 0.3


def test_two_sets_do_not_mix(folder: Path) -> None:
    with pytest.raises(ValueError, match="holds scenes of"):
        write_close_ups(folder, count=2, seed=71, split="val")
    with pytest.raises(ValueError, match="holds scenes of"):
        write_close_ups(folder, count=2, seed=70, split="val", window_w=(80, 160))
