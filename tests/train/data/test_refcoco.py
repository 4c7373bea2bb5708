"""RefCOCO's pickles: read without running what they name."""

from __future__ import annotations

import collections
import copyreg
import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import InputError
from train.data.annotations import Annotation, read_annotations
from train.data.refcoco import load_plain_pickle

INSTANCES = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}],
    "annotations": [{"id": 5, "image_id": 1, "bbox": [10.5, 20, 30, 40], "category_id": 3}],
    "categories": [{"id": 3, "name": "car"}],
}
REF = {
    "ref_id": 0,
    "ann_id": 5,
    "image_id": 1,
    "file_name": "a_5.jpg",
    "split": "train",
    "category_id": 3,
    "sent_ids": [11, 12],
    "sentences": [
        {"sent_id": 11, "sent": "left car", "raw": "Left car!", "tokens": ["left", "car"]},
        {"sent_id": 12, "sent": "red one", "raw": "red one", "tokens": ["red", "one"]},
    ],
}


def write(folder: Path, refs: Any, protocol: int = 2) -> Path:
    (folder / "instances.json").write_text(json.dumps(INSTANCES))
    path = folder / "refs(unc).p"
    path.write_bytes(pickle.dumps(refs, protocol))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_one_annotation_a_sentence(tmp_path: Path, protocol: int) -> None:
    found = read_annotations(write(tmp_path, [REF], protocol))
    box = (10.5, 20.0, 40.5, 60.0)
    assert found.problems == ()
    assert found.items == (
        Annotation("a.jpg", box, "left car", 11, "car"),
        Annotation("a.jpg", box, "red one", 12, "car"),
    )


def test_splits(tmp_path: Path) -> None:
    path = write(tmp_path, [REF, REF | {"split": "testA"}, REF | {"split": "val"}])
    assert len(read_annotations(path).items) == 6
    assert len(read_annotations(path, split="testA").items) == 2
    with pytest.raises(InputError, match="one of the splits testA, train, val"):
        read_annotations(path, split="testC")


def test_python_2_pickles(tmp_path: Path) -> None:
    """Its texts are byte strings: here "café" in UTF-8 and a byte that is not."""
    path = tmp_path / "old.p"
    path.write_bytes(b"(lp0\nS'caf\\xc3\\xa9'\np1\naS'\\xff'\np2\naL7L\na.")
    assert load_plain_pickle(path) == ["café", "\N{REPLACEMENT CHARACTER}", 7]


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        (3, "expected an object"),
        ({}, "no ann_id, sentences"),
        (REF | {"ann_id": 6}, "no annotation with the id 6"),
        (REF | {"ann_id": []}, "expected an id"),
        (REF | {"ann_id": 10**5000}, "expected an id"),
        (REF | {"sentences": []}, "expected a list of sentences"),
        (REF | {"sentences": "left car"}, "expected a list of sentences"),
        (REF | {"sentences": ["left car"]}, "expected an object with sent_id, sent"),
        (REF | {"sentences": [{"sent_id": 1, "sent": ""}]}, "at least one word"),
    ],
)
def test_problems(tmp_path: Path, ref: Any, message: str) -> None:
    found = read_annotations(write(tmp_path, [ref, REF]))
    assert len(found.items) == 2
    assert [problem.entry for problem in found.problems] == [0]
    assert message in found.problems[0].reason


class Runs:
    """Unpickled in the usual way, this makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


class Plain:
    """An object of a class, harmless in itself."""


def extension(code: int) -> bytes:
    """A pickle that names ``os.mkdir`` by a number of the extension registry."""
    return b"\x80\x02\x82" + bytes([code]) + b"."


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_malicious_pickle_runs_nothing(tmp_path: Path, protocol: int) -> None:
    made = tmp_path / "made"
    path = write(tmp_path, [REF | {"split": Runs(made)}], protocol)
    with pytest.raises(InputError, match=r"plain lists, dicts, numbers and texts.*mkdir"):
        read_annotations(path)
    assert not made.exists()
    pickle.loads(path.read_bytes())
    assert made.exists()  # it would have


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Plain()),
        pickle.dumps(Plain(), 0),
        pickle.dumps(collections.OrderedDict(a=1)),
        pickle.dumps(print),
        pickle.dumps({1, 2}, 2),
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        b"cbuiltins\ngetattr\n.",
        b"P1\n.",
        b"\x80\x02K\x01Q.",
        b"",
        b"no pickle",
        b"\x80\x63.",
        b"]q\x00",
        b"]h\x05.",
        b"K",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f",
        b".",
        b"0.",
    ],
)
def test_files_that_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file.p"
    path.write_bytes(data)
    with pytest.raises(InputError, match="expected a pickle of plain"):
        load_plain_pickle(path)


def test_registered_extensions_are_refused(tmp_path: Path) -> None:
    copyreg.add_extension("os", "getcwd", 240)
    try:
        path = tmp_path / "file.p"
        path.write_bytes(extension(240))
        with pytest.raises(InputError, match="expected a pickle of plain"):
            load_plain_pickle(path)
    finally:
        copyreg.remove_extension("os", "getcwd", 240)


@given(st.binary(max_size=60))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.p"
    path.write_bytes(data)
    try:
        found = load_plain_pickle(path)
    except InputError:
        return
    allowed = list | tuple | dict | set | frozenset | str | int | float | bytes | bytearray
    assert found is None or isinstance(found, allowed)


@pytest.mark.parametrize("refs", [{"a": 1}, 3, "text"])
def test_refs_are_a_list(tmp_path: Path, refs: Any) -> None:
    with pytest.raises(InputError, match="expected a list of refs"):
        read_annotations(write(tmp_path, refs))


def test_instances_must_lie_beside_it(tmp_path: Path) -> None:
    path = write(tmp_path, [REF])
    (tmp_path / "instances.json").unlink()
    with pytest.raises(InputError, match=r"cannot read .*instances\.json"):
        read_annotations(path)
    (tmp_path / "instances.json").write_text("[]")
    with pytest.raises(InputError, match="COCO's layout"):
        read_annotations(path)


def test_ids_of_several_annotations(tmp_path: Path) -> None:
    path = write(tmp_path, [REF])
    instances = json.loads((tmp_path / "instances.json").read_text())
    [entry] = [e for e in instances["annotations"] if e["id"] == REF["ann_id"]]
    instances["annotations"].append(entry | {"bbox": [1, 2, 3, 4]})
    (tmp_path / "instances.json").write_text(json.dumps(instances))
    found = read_annotations(path)
    assert found.items == ()
    assert f"several annotations of instances.json have the id {entry['id']}" in (
        found.problems[0].reason
    )
