"""Splits of classes, published and from files."""

from __future__ import annotations

import json

import pytest

from sdk.errors import InputError
from train.data.class_splits import PUBLISHED, VOC, read_split


def test_published_splits_of_voc() -> None:
    for name in ("voc1", "voc2", "voc3"):
        split = read_split(name, VOC)
        assert len(split.base) == 15
        assert set(split.classes) == set(VOC)
        assert split.classes == (*split.base, *split.novel)
    assert len({PUBLISHED[f"voc{k}"] for k in (1, 2, 3)}) == 3


def test_published_split_of_coco_by_its_own_names() -> None:
    others = [f"other {k}" for k in range(60)]
    split = read_split("coco", [*PUBLISHED["coco"], *others])
    assert split.base == tuple(others)
    assert len(split.novel) == len(VOC) == 20
    assert {"airplane", "couch", "tv", "dining table", "potted plant"} <= set(split.novel)
    with pytest.raises(InputError, match="no category airplane"):
        read_split("coco", VOC)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"novel": ["scooter"], "base": ["car", "scooter"]}, "scooter on both"),
        ({"novel": ["bike"]}, "no category bike"),
        ({"novel": []}, "no novel one"),
        ({"novel": ["car", "scooter", "sign"]}, "no base one"),
        ({"base": ["car"]}, "'novel'"),
        (["scooter"], "JSON object"),
    ],
)
def test_files_that_make_no_split(tmp_path, document, message) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=message):
        read_split(str(path), ("car", "sign", "scooter"))


def test_a_split_of_ones_own(tmp_path) -> None:
    path, known = tmp_path / "split.json", ("car", "sign", "scooter")
    path.write_text(json.dumps({"novel": ["scooter"]}))
    assert read_split(str(path), known).base == ("car", "sign")
    path.write_text(json.dumps({"novel": ["scooter"], "base": ["sign"]}))
    assert read_split(str(path), known).classes == ("sign", "scooter")
    with pytest.raises(InputError, match="expected --split coco, voc1"):
        read_split("voc4", known)
