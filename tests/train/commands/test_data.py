"""Statistics and the contact sheet of an annotation file."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from evaluation.scenes import vocabulary, write
from sdk.errors import InputError
from sdk.visual.panels import FOUND
from train.__main__ import main
from train.data.annotations import Annotation, AnnotationSet, Problem
from train.data.contact_sheet import COLUMNS, ROWS, choose, contact_sheet
from train.data.statistics import statistics, statistics_lines


def item(number: int, image: str = "a.png", side: float = 20.0, ref: str = "the car") -> Annotation:
    return Annotation(image, (5.0, 5.0, 5.0 + side, 5.0 + side), ref, number)


def test_statistics() -> None:
    items = [item(k, f"{k % 3}.png", side=10.0 * k, ref="the car " * k) for k in range(1, 5)]
    items.append(item(9, "9.png", 20, "the sign near the bus and behind the van"))
    found = statistics(AnnotationSet(tuple(items), (Problem(7, "no ref"),)))
    assert (found["count"], found["images"]) == (5, 4)
    assert found["area_px2"] == pytest.approx({"p1": 112, "p50": 400, "p99": 1572})
    assert found["words"]["p50"] == 6
    assert found["sizes"]["144 to 400 px2"] == 0.4
    assert found["relations"]["near"] == found["relations"]["behind"] == 0.2
    assert found["bad"] == [{"entry": 7, "reason": "no ref"}]
    text = "\n".join(statistics_lines(found))
    assert "5 sentences about 4 images" in text
    assert "above" not in text


def test_statistics_of_nothing() -> None:
    found = statistics(AnnotationSet((), ()))
    assert found["count"] == found["images"] == 0
    assert math.isnan(found["area_px2"]["p50"])
    assert statistics_lines(found) == ["0 sentences about 0 images"]


@pytest.mark.parametrize("count", [0, 1, 5, 12, 40])
def test_chosen_annotations(count: int) -> None:
    items = [item(k, f"{k % 7}.png") for k in range(30)]
    chosen = choose(items, count, 3)
    assert len(chosen) == min(count, 30)
    assert len({c.image for c in chosen}) == min(count, 7)
    assert [c.id for c in chosen] == sorted(c.id for c in chosen)
    assert chosen == choose(items, count, 3)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((60, 100, 3), np.uint8))
    return tmp_path


def green(picture: np.ndarray) -> int:
    return int((picture == FOUND).all(axis=-1).sum())


def test_contact_sheet(images: Path) -> None:
    one = contact_sheet([item(1)], images, "a title")
    assert green(one) > 100
    many = contact_sheet([item(k, ref="word " * 90) for k in range(50)], images, "t" * 500)
    assert many.shape[1] > one.shape[1]
    assert green(many) > 0.9 * COLUMNS * ROWS * green(one)
    again = contact_sheet([item(k, ref="word " * 90) for k in range(50)], images, "t" * 500)
    np.testing.assert_array_equal(many, again)


@pytest.mark.parametrize("xyxy", [(0, 0, 100, 60), (0, 0, 0.5, 0.5), (99, 59, 100, 60)])
def test_objects_of_every_size(images: Path, xyxy: Any) -> None:
    sheet = contact_sheet([Annotation("a.png", xyxy, "x" * 300, "id" * 300, "car")], images, "")
    assert green(sheet) > 0


def test_a_photograph_that_is_gone(images: Path) -> None:
    with pytest.raises(InputError, match="cannot read the image"):
        contact_sheet([item(1, "b.png")], images, "t")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One rendered scene, and a file with entries that cannot be used."""
    folder = tmp_path_factory.mktemp("scenes")
    write(folder, 1, 41)
    good = json.loads((folder / "annotations.json").read_text())[0]
    bad = [{"image": "x"}, *({"image": f"{k}.jpg"} for k in range(9)), {"bbox": [1900, 9, 90, 9]}]
    (folder / "bad.json").write_text(json.dumps([good, 3, *(good | changes for changes in bad)]))
    return folder


def test_a_folder_of_scenes(scenes: Path, tmp_path: Path, capsys) -> None:
    file, sheet = tmp_path / "new" / "figures.json", tmp_path / "sheet.jpg"
    assert main(["data", str(scenes), "--json", str(file), "--sheet", str(sheet)]) == 0
    figures = json.loads(file.read_text())
    assert {"count", "images", "area_px2", "words", "bad"} <= set(figures)
    assert set(figures["area_px2"]) == {"p1", "p50", "p99"}
    assert figures["count"] == len(json.loads((scenes / "annotations.json").read_text()))
    assert figures["bad"] == []
    printed = capsys.readouterr().out
    assert "about 1 images" in printed
    assert "every entry can be used" in printed
    assert cv2.imread(str(sheet)).shape[1] > 1500


def test_entries_that_cannot_be_used(scenes: Path, tmp_path: Path, capsys) -> None:
    file = tmp_path / "figures.json"
    command = ["data", str(scenes / "bad.json"), "--images", str(scenes / "images")]
    assert main([*command, "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert figures["count"] == 1
    assert [bad["entry"] for bad in figures["bad"]] == list(range(1, 13))
    assert "outside its image" in figures["bad"][-1]["reason"]
    printed = capsys.readouterr().out
    assert "12 entries cannot be used, 10 for a missing image" in printed
    assert "entry 1: expected an object" in printed
    assert f"and 7 more: in {file}" in printed


def test_no_entry_that_can_be_used(scenes: Path, tmp_path: Path, capsys) -> None:
    file = tmp_path / "figures.json"
    command = ["data", str(scenes / "annotations.json"), "--images", str(tmp_path)]
    assert main([*command, "--json", str(file)]) == 2
    found = capsys.readouterr()
    assert "for a missing image" in found.out
    assert found.err.count("\n") == 1
    assert "found none that can be used" in found.err
    assert json.loads(file.read_text())["count"] == 0


def test_what_is_odd_about_annotations() -> None:
    items = [
        item(1),
        item(1, ref="  The CAR. "),  # the same again, and its id
        item(2, side=30.0),  # the same words mean another object
        item(3, "b.png"),
        dataclasses.replace(item(4, "c.png"), crowd=True),
    ]
    found = statistics(AnnotationSet(tuple(items), ()))
    odd = ("repeated", "contradictory", "repeated_ids", "crowds")
    assert [found[name] for name in odd] == [1, 1, 1, 1]
    text = "\n".join(statistics_lines(found))
    assert "1 annotations repeat the image, the box and the sentence" in text
    assert "crowd" in text
    fine = statistics(AnnotationSet((item(1), item(2, "b.png")), ()))
    assert [fine[name] for name in odd] == [0, 0, 0, 0]
    assert "annotations" not in "\n".join(statistics_lines(fine))


def test_words_that_the_model_does_not_know(images: Path, tokenizer_file: Path, capsys) -> None:
    refs = ["the red car", "Das rote Auto.", "赤い車", "the red car, the Lastwagen"]
    entries = [
        {"image": "a.png", "bbox": [5, 5, 9, 9], "ref": ref, "id": k} for k, ref in enumerate(refs)
    ]
    (images / "all.json").write_text(json.dumps(entries))
    command = ["data", str(images / "all.json"), "--json", str(images / "figures.json")]
    assert main([*command, "--tokenizer", str(tokenizer_file)]) == 0
    assert "41.7% of the words are unknown to the model, in 75.0%" in capsys.readouterr().out
    figures = json.loads((images / "figures.json").read_text())
    assert figures["unknown_words"] == pytest.approx(5 / 12)
    assert main([*command, "--tokenizer", str(tokenizer_file.parent)]) == 0
    assert main([*command, "--tokenizer", str(images)]) == 3
    assert main(command) == 0
    assert "unknown_words" not in json.loads((images / "figures.json").read_text())


def test_words_that_a_grammar_does_not_utter(images: Path, capsys) -> None:
    refs = ["the pedestrian beside the lorry", "sidewalk cones, 42 zebras"]
    entries = [
        {"image": "a.png", "bbox": [5, 5, 9, 9], "ref": ref, "id": k} for k, ref in enumerate(refs)
    ]
    (images / "all.json").write_text(json.dumps(entries))
    command = ["data", str(images / "all.json"), "--json", str(images / "figures.json")]
    assert main([*command, "--grammar", "rich"]) == 0
    printed = capsys.readouterr().out
    assert f"the rich grammar utters {len(vocabulary('rich'))} words" in printed
    assert "77.8% of the words are whole" in printed
    figures = json.loads((images / "figures.json").read_text())
    assert (figures["whole_words"], figures["unknown_words"]) == (pytest.approx(7 / 9), 0.0)
    assert main([*command, "--grammar", "plain"]) == 0
    assert json.loads((images / "figures.json").read_text())["unknown_words"] > 0.5


def test_decoding_needs_images(images: Path, capsys) -> None:
    (images / "all.json").write_text("[]")
    assert main(["data", str(images / "all.json"), "--decode"]) == 2
    assert "--images DIR with --decode" in capsys.readouterr().err


def test_published_annotations(sorec_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    assert main(["data", str(sorec_folder / "trainS.json"), "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert (figures["count"], figures["images"], figures["bad"]) == (10_000, 1446, [])
    assert figures["area_px2"] == {"p1": 725, "p50": 1350, "p99": 2000}
    assert figures["words"]["p50"] == 24


def test_what_cannot_be_done(scenes: Path, tmp_path: Path, capsys) -> None:
    file = str(scenes / "annotations.json")
    assert main(["data", file, "--sheet", str(tmp_path / "sheet.jpg")]) == 2
    assert "expected --images DIR for a contact sheet" in capsys.readouterr().err
    assert main(["data", file, "--images", str(tmp_path / "gone")]) == 2
    assert "expected a folder of images" in capsys.readouterr().err
    assert main(["data", str(scenes), "--sheet", str(tmp_path / "sheet.txt")]) == 2
    assert "expected an image suffix" in capsys.readouterr().err
    sheet = ["--images", str(tmp_path), "--sheet", str(tmp_path / "sheet.jpg")]
    assert main(["data", file, *sheet]) == 2
    assert "found none that can be used" in capsys.readouterr().err
    assert main(["data", str(tmp_path)]) == 2
    assert "expected a folder of images" in capsys.readouterr().err
