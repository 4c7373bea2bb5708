"""A RefCOCOg folder in the published layout goes through training, evaluation, export and the zoo.

Its pictures are rendered close-ups; everything else is as in the folder that one downloads: names,
ids with gaps, a licence, outlines, a crowd, the splits of UMD.
"""

from __future__ import annotations

import json
import pickle
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main as bench
from benchmarks.own_process import run_logged
from benchmarks.zoo import making
from evaluation.scenes.refcoco_writer import IMAGES, INSTANCES, REFS, write_close_ups
from export.__main__ import main as export
from train.__main__ import main as train

SPLITS = ("train", "train", "val", "test")  # of the pictures in turn
COMMON = ("--seed", "0", "--threads", "1")


@pytest.fixture(scope="module")
def refcocog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``refs(umd).p``, ``instances.json`` and ``train2014``."""
    drawn, out = tmp_path_factory.mktemp("drawn"), tmp_path_factory.mktemp("refcocog")
    write_close_ups(drawn, 2, 1_300_000)
    document = json.loads((drawn / INSTANCES).read_text())
    (out / "train2014").mkdir()
    names, splits = {}, {}
    for number, image in enumerate(document["images"]):
        before = image["file_name"]
        image["id"], old = 380_440 + 7 * number, image["id"]
        image["file_name"] = f"COCO_train2014_{image['id']:012d}.jpg"
        image |= {"license": 1, "coco_url": "", "date_captured": "2013-11-19 23:47:00"}
        names[old], splits[old] = image["id"], SPLITS[number % len(SPLITS)]
        shutil.copy(drawn / IMAGES / before, out / "train2014" / image["file_name"])
    for box in document["annotations"]:
        x, y, w, h = box["bbox"]
        box["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
        box["id"] += 490_000
        box["category_id"] += 20
        box["image_id"] = names[box["image_id"]]
    crowd = {**document["annotations"][0], "id": 900_100, "iscrowd": 1}
    document["annotations"].append(crowd | {"segmentation": {"counts": [1, 2], "size": [540, 960]}})
    for category in document["categories"]:
        category["id"] += 20
        category["supercategory"] = "vehicle"
    document |= {"info": {"year": 2014}, "licenses": [{"id": 1, "name": ""}]}
    (out / INSTANCES).write_text(json.dumps(document))
    refs = pickle.loads((drawn / REFS).read_bytes())
    for ref in refs:
        old = ref["image_id"]
        ref |= {"image_id": names[old], "split": splits[old], "ann_id": ref["ann_id"] + 490_000}
        ref["category_id"] += 20
        ref["file_name"] = f"COCO_train2014_{ref['image_id']:012d}_{ref['ann_id']}.jpg"
    (out / "refs(umd).p").write_bytes(pickle.dumps(refs, protocol=0))  # as Python 2 wrote them
    return out


@pytest.fixture
def given(refcocog: Path) -> Callable[..., list[str]]:
    """``given(split, prefix, boxes)``: the folder as options of a command."""

    def options(split: str, prefix: str = "", boxes: bool = False) -> list[str]:
        name = INSTANCES if boxes else "refs(umd).p"
        found = [f"--{prefix}annotations", str(refcocog / name)]
        found += [f"--{prefix}images", str(refcocog / "train2014")]
        return found if boxes else [*found, f"--{prefix}split", split]

    return options


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests run beside this one."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_from_the_folder_to_an_answer(given, refcocog, tmp_path: Path, one_thread, capsys) -> None:
    clip, detector, engine = (tmp_path / name for name in ("clip", "yolo", "two.engine"))
    steps = ["--steps", "2", "--workers", "0", *COMMON]
    assert train(["clip", *given("train"), *given("val", "val-"), *steps, "-o", str(clip)]) == 0
    boxes = given("train", boxes=True)
    assert train(["detector", "yolo", *boxes, *steps, "-o", str(detector)]) == 0
    options = ["--family", "two-stage", "--look", "frame", "--detector", str(detector / "last")]
    options += ["--scorer", f"clip={clip / 'last'},words", "--searches", "2", "-o", str(engine)]
    assert export(["build-engine", *options]) == 0, capsys.readouterr()
    figures = tmp_path / "figures.json"
    told = ["--absent", "2", "--threads", "1", "--json", str(figures)]
    assert train(["evaluate", str(engine), *given("test"), *told]) == 0
    said: dict[str, Any] = json.loads(figures.read_text())
    assert said["zoom"]["n"] > 5


@pytest.mark.parametrize("command", ["mdetr", "transvg", "box"])
def test_those_that_make_a_box(
    command: str, given, public_clip, tmp_path: Path, one_thread
) -> None:
    """Trained, checked on the way, and evaluated with all the published figures."""
    clip = ["--clip", str(public_clip("clip")[0])]
    own = ["--method", "projection-iou", *clip] if command == "box" else ["--batch", "1"]
    files = [*given("train"), *given("val", "val-"), "-o", str(tmp_path / "run")]
    steps = ["--steps", "2", "--checks", "2", "--workers", "0", *COMMON]
    assert train([command, *own, *files, *steps]) == 0
    figures = tmp_path / "figures.json"
    told = ["--absent", "2", "--threads", "1", "--json", str(figures)]
    assert train(["evaluate", str(tmp_path / "run" / "best"), *given("test"), *told, *clip]) == 0
    said: dict[str, Any] = json.loads(figures.read_text())
    assert said["zoom"]["n"] == said["category"]["n"] > 5
    for share in (said["zoom"]["mean_iou"], said["zoom"]["acc50"], said["category"]["accuracy"]):
        assert 0 <= share <= 1


def here(command: Sequence[str], log: Path) -> None:
    """In this process, which has imported everything; what the zoo trains side by side in threads
    wants to be told of signals, and so a process of its own."""
    if threading.current_thread() is not threading.main_thread():
        run_logged(command, log)
        return
    assert {"train": train, "export": export}[command[0]](command[1:]) == 0


def test_the_zoo(
    refcocog: Path, tmp_path: Path, one_thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything for real, but next to no training."""
    monkeypatch.setattr(making, "run_logged", here)
    rows = tmp_path / "zoo.json"
    options = ["--out", str(tmp_path / "zoo"), "--json", str(rows), "--prompt", "a photo of {}"]
    for name in ("train", "val", "test"):
        options += [f"--{name}", str(refcocog / "refs(umd).p"), str(refcocog / "train2014")]
        options += [f"--{name}-split", name]
    options += ["--pipeline", "yolo", "--sentences", "2", "--minutes", "0.01", "--threads", "1"]
    assert bench(["zoo", *options]) == 0
    found = json.loads(rows.read_text())["rows"]
    by_name = {(row["pipeline"], row["variant"]): row for row in found}
    assert {row["n"] for row in found} == {2}
    assert by_name["true boxes", "words"]["proposed"] == 1.0
    assert {row["family"] for row in found} == {"two-stage"}
