"""Crops of objects and what is said of them: grouped, drawn, shown, and made into batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sdk.engine.manifest import ImageInput
from sdk.errors import InputError
from sdk.frame import read_image
from sdk.regions.clip import TextIds
from sdk.regions.views import usual_view
from train.data.entries import Annotation
from train.data.pairs import CropPairs, Pairs, Spoken, spoken_of, stack

INPUT = ImageInput((16, 16), (100.0, 110.0, 120.0), (50.0, 60.0, 70.0))
BOXES = ((0, 0, 1, 1), (10, 20, 50, 60), (99, 79, 100, 80), (30, 5, 90, 70))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """a.png, b.png and c.png of 100 x 80 px."""
    rng = np.random.default_rng(0)
    for name in "abc":
        cv2.imwrite(str(tmp_path / f"{name}.png"), rng.integers(0, 255, (80, 100, 3), np.uint8))
    return tmp_path


@pytest.fixture
def text_ids(public_clip) -> TextIds:
    return TextIds(public_clip("siglip")[0] / "tokenizer.json", 12, 0, False)


PHOTOGRAPHS = {
    "a.png": (Spoken(BOXES[0], ("the red car", "a van")), Spoken(BOXES[1], ("the red car",))),
    "b.png": tuple(Spoken(box, ("a white van",)) for box in BOXES),
    "c.png": (Spoken(BOXES[2], ("the bus",)),),
}


@pytest.fixture
def make(pictures, text_ids) -> Callable[..., CropPairs]:
    """``make(photographs=..., views=("tight",), seed=0, **changes)``"""

    def pairs(photographs=PHOTOGRAPHS, views=("tight",), seed=0, **changes) -> CropPairs:
        shown = [usual_view(kind) for kind in views]
        return CropPairs(photographs, pictures, text_ids, INPUT, shown, seed, **changes)

    return pairs


def test_annotations_with_the_same_box_are_of_one_object() -> None:
    box, other = (0.0, 0.0, 4.0, 4.0), (1.0, 0.0, 4.0, 4.0)
    items = [
        Annotation("a", box, "The red car.", 1),
        Annotation("a", other, "a van", 2),
        Annotation("a", box, "a  car", 3),
        Annotation("a", box, "the red car", 4),
        Annotation("b", box, "a van", 5),
    ]
    first = (Spoken(box, ("the red car", "a car")), Spoken(other, ("a van",)))
    assert spoken_of(items) == {"a": first, "b": (Spoken(box, ("a van",)),)}


def test_an_item_has_objects_of_one_photograph(make, text_ids) -> None:
    data = make(most=3)
    for index in range(6):
        name, item = data.name(index), data[index]
        objects = PHOTOGRAPHS[name]
        count = min(3, len(objects))
        assert item.crops.shape == (count, 3, 16, 16)
        assert item.crops.isfinite().all()
        assert item.ids.shape == (count, 12)
        assert len(set(item.objects.tolist())) == count
        places = item.objects - data.first[name]
        said = {number: ref for ref, number in data.numbers.items()}
        for place, number, ids in zip(places, item.said, item.ids, strict=True):
            assert said[int(number)] in objects[place].refs
            np.testing.assert_array_equal(ids, text_ids(said[int(number)])[0])
    assert sorted(data.name(index) for index in range(3)) == ["a.png", "b.png", "c.png"]
    assert sorted(data.name(index) for index in range(3, 6)) == ["a.png", "b.png", "c.png"]


def test_items_depend_on_seed_and_number_alone(make) -> None:
    def values(data: CropPairs, index: int) -> list[np.ndarray]:
        return [each.numpy() for each in vars(data[index]).values()]

    views = ("tight", "margin", "padded", "blurred")
    for index in (4, 1):
        twice = (values(make(views=views), index) for _ in range(2))
        for a, b in zip(*twice, strict=True):
            np.testing.assert_array_equal(a, b)
    assert any(
        not np.array_equal(values(make(seed=0), k)[0], values(make(seed=1), k)[0]) for k in range(3)
    )


@pytest.mark.parametrize("kind", ["tight", "margin", "padded", "blurred"])
def test_crops_are_those_of_the_vehicle(make, pictures, kind) -> None:
    data = make(views=(kind,), shift=0.0)
    for index in range(3):
        name, item = data.name(index), data[index]
        frame = read_image(pictures / name)
        places = (item.objects - data.first[name]).tolist()
        boxes = np.array([PHOTOGRAPHS[name][place].xyxy for place in places], np.float64)
        expected = usual_view(kind).crops(frame, "bgr", boxes, INPUT)
        np.testing.assert_array_equal(item.crops.numpy(), expected)


def test_boxes_are_shifted_a_little_and_stay_inside(make) -> None:
    data, rng = make(shift=0.25), np.random.default_rng(0)
    boxes = np.array(BOXES, np.float64)
    moved = np.stack([data._shifted(boxes, (80, 100, 3), rng) for _ in range(200)])
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    assert (moved[..., :2] >= 0).all()
    assert (moved[..., 2:] <= (100, 80)).all()
    assert (moved[..., 2:] - moved[..., :2] >= 1 - 1e-9).all()
    large = [1, 3]
    apart = np.abs(moved - boxes)[:, large] / sides[large]
    assert apart.max() <= 0.25
    assert apart.max() > 0.2


def test_one_of_several_views_for_each_crop(make) -> None:
    both, tight, padded = (
        make(views=v, shift=0.0) for v in (("tight", "padded"), ("tight",), ("padded",))
    )
    seen = set()
    for index in range(12):
        rows = zip(both[index].crops, tight[index].crops, padded[index].crops, strict=True)
        for crop, first, second in rows:
            if torch.equal(first, second):
                continue  # a square box of the input's size
            assert torch.equal(crop, first) or torch.equal(crop, second)
            seen.add(torch.equal(crop, first))
    assert seen == {True, False}


def test_sentences_that_are_too_long_are_counted(make) -> None:
    long = "the white van left of the bus behind the red car of a white van"
    data = make({"a.png": (Spoken(BOXES[1], (long, "a van")), Spoken(BOXES[3], ("the bus",)))})
    assert (data.too_long, data.sentences) == (1, 3)
    assert data[0].ids.shape == (2, 12)


def test_a_single_object_cannot_be_told_apart(make) -> None:
    with pytest.raises(InputError, match=r"at least two objects with sentences, .* got 1"):
        make({"c.png": PHOTOGRAPHS["c.png"]})


def test_batches(make) -> None:
    data = make()
    items = [data[0], data[1]]
    whole, cut = stack(items), stack(items, filler=0)
    assert len(whole.crops) == len(whole.objects) == sum(len(item.crops) for item in items)
    assert whole.ids.shape[1] == 12
    longest = int((whole.ids != 0).any(0).sum())
    assert cut.ids.shape[1] == longest + 1 < 12
    assert torch.equal(cut.ids, whole.ids[:, : longest + 1])
    assert isinstance(whole, Pairs)
    assert torch.equal(whole.said, torch.cat([item.said for item in items]))
