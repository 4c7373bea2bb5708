"""Pseudo-queries are held against what people say of the same images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from evaluation.scenes.refcoco_writer import ref_of, write_layout
from train.data.pseudo import Phrase, Query, Things
from train.data.pseudo_truth import true_things, truth

CAR, OTHER, BUS = (10, 10, 30, 30), (50, 10, 70, 30), (10, 40, 60, 58)


def test_what_is_true(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((60, 80, 3), np.uint8))
    images = [{"id": 7, "file_name": "a.png", "width": 80, "height": 60}]
    annotations = [
        {"id": k, "image_id": 7, "category_id": category, "iscrowd": 0, "area": 1.0,
         "bbox": [x1, y1, x2 - x1, y2 - y1]}
        for k, (category, (x1, y1, x2, y2)) in enumerate([(1, CAR), (1, OTHER), (2, BUS)], 1)
    ]  # fmt: skip
    texts = (["the red car"], ["the blue car", "the car on the right"], ["the bus"])
    refs = [
        ref_of(each, said, each["id"], "train", "a")
        for each, said in zip(annotations, texts, strict=True)
    ]
    write_layout(tmp_path / "refs(x).p", images, annotations, {"car": 1, "bus": 2}, refs)
    known = true_things(tmp_path / "refs(x).p", tmp_path / "images")
    assert known["a.png"].colours == ("red", "blue", "")
    assert known["a.png"].nouns == ("car", "car", "bus")

    seen = Things(np.array([CAR, BUS], float), ("car", "bus"), ("blue", ""), (80, 60))
    said = {
        0: [
            Query(Phrase("car", "red")),
            Query(Phrase("car", "blue")),  # which is the other one
            Query(Phrase("car")),  # of which there are two
            Query(Phrase("car"), "left"),
        ],
        1: [
            Query(Phrase("bus", "white")),  # of which nobody says the colour
            Query(Phrase("bus"), "bottom", Phrase("car", "red")),
        ],
    }
    found = truth([("a.png", seen, said), ("b.png", seen, said)], known)
    assert found == {
        "all": (3, 5), "noun": (0, 1), "noun, colour": (1, 2), "place": (1, 1),
        "relation, colour": (1, 1),
    }  # fmt: skip
    far = replace(seen, xyxy=seen.xyxy + 100)
    assert truth([("a.png", far, said)], known)["all"] == (0, 5)
