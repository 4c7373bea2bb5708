"""Scenes on disk and the command that writes them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.scenes import expressions, iterate, make_scene, write
from train.commands import scenes as command


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scenes") / "set"
    write(out, count=3, seed=70)
    return out


def contents(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_layout_of_the_folder(folder: Path) -> None:
    names = sorted(p.name for p in (folder / "images").iterdir())
    assert names == ["000000.jpg", "000001.jpg", "000002.jpg"]
    picture = cv2.imread(str(folder / "images" / names[0]))
    assert picture is not None
    assert picture.shape == (1080, 1920, 3)


def test_annotations_are_a_flat_list_as_in_sorec(folder: Path) -> None:
    rows = json.loads((folder / "annotations.json").read_text())
    assert [row["id"] for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        assert list(row) == ["image", "bbox", "ref", "id"]
        assert all(type(v) is int for v in row["bbox"])
        x, y, w, h = row["bbox"]
        assert x >= 0
        assert y >= 0
        assert x + w <= 1920
        assert y + h <= 1080
        assert 700 <= w * h <= 2000
    first = [row["ref"] for row in rows if row["image"] == "000001.jpg"]
    assert first == [e.ref for e in expressions(make_scene(71), 71)]


def test_same_seed_same_bytes(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "again", count=3, seed=70)
    assert contents(tmp_path / "again") == contents(folder)


def test_resumes(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "broken"
    write(out, count=1, seed=70)
    (out / "annotations.json").unlink()
    before = (out / "images" / "000000.jpg").stat().st_mtime_ns
    write(out, count=3, seed=70)
    assert (out / "images" / "000000.jpg").stat().st_mtime_ns == before
    assert contents(out) == contents(folder)


def test_refuses_to_mix_seeds(folder: Path) -> None:
    with pytest.raises(ValueError, match="not of"):
        write(folder, count=1, seed=5)


def test_iterate_gives_what_is_written(folder: Path) -> None:
    sample = next(iter(iterate(seed=70, count=1)))
    written = cv2.imread(str(folder / "images" / "000000.jpg"))
    assert sample.scene.seed == 70
    assert np.abs(sample.image.astype(int) - written).mean() < 4
    rows = json.loads((folder / "annotations.json").read_text())
    assert sample.refs[0].ref == rows[0]["ref"]


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(words)


def test_command_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "set"
    words = ("--out", str(out), "--count", "1", "--seed", "9", "--refs-per-object", "1")
    assert command.run(arguments(*words)) == 0
    rows = json.loads((out / "annotations.json").read_text())
    assert capsys.readouterr().out == f"1 scenes and {len(rows)} expressions in {out}\n"


@pytest.mark.parametrize(
    ("count", "seed", "refs", "message"),
    [
        ("0", "1", "2", "at least one scene, got count 0"),
        ("-3", "1", "2", "at least one scene, got count -3"),
        ("1", "-1", "2", "seed >= 0, got -1"),
        ("1", "1", "0", "at least one expression an object, got 0"),
    ],
)
def test_command_refuses_bad_numbers(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    count: str,
    seed: str,
    refs: str,
    message: str,
) -> None:
    out = tmp_path / "set"
    words = ("--out", str(out), "--count", count, "--seed", seed, "--refs-per-object", refs)
    assert command.run(arguments(*words)) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_command_refuses_an_unwritable_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    words = ("--out", str(tmp_path / "file" / "set"), "--count", "1", "--seed", "0")
    assert command.run(arguments(*words)) == 2
    assert "file" in capsys.readouterr().err
