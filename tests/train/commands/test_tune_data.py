"""Fine-tuning on data with faults: photographs that cannot be read, sets that overlap."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from sdk.errors import InputError
from train.data import photographs as photographs_module
from train.evaluation import validation


def state(out: Path) -> dict[str, torch.Tensor]:
    return torch.load(out / "state.pt", weights_only=True)["model"]


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A folder of its own, with six photographs and an annotation of each."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "six"
    folder.mkdir()
    entries = []
    for k in range(6):
        cv2.imwrite(str(folder / f"{k}.jpg"), rng.integers(0, 255, (120, 160, 3), np.uint8))
        entries.append(
            {"image": f"{k}.jpg", "bbox": [9 + k, 7, 12, 15], "ref": "the red car", "id": k}
        )
    (folder / "all.json").write_text(json.dumps(entries))
    return folder


def at(folder: Path) -> list[str]:
    return ["--annotations", str(folder / "all.json"), "--images", str(folder)]


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """``spoil(name)``: from now on a photograph of this name cannot be decoded."""
    lost: set[str] = set()
    real = photographs_module.read_image

    def read(path: Path) -> np.ndarray:
        if path.name in lost:
            raise InputError(f"cannot decode the image {path}")
        return real(path)

    monkeypatch.setattr(photographs_module, "read_image", read)
    return lost.add


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_bad_photograph_ends_a_run_in_one_line(
    tune, damaged, spoil, tmp_path, capfd, workers: str
) -> None:
    """Nothing hangs, no process is left, and the run goes on without it."""
    out, options = tmp_path / "out", [*at(damaged), "--epochs", "3", "--workers", workers]
    assert tune(tmp_path / "whole", *options) == 0
    spoil("3.jpg")
    capfd.readouterr()
    assert tune(out, *options) == 2
    said = capfd.readouterr().err
    errors = [line for line in said.splitlines() if "error" in line]
    assert len(errors) == 1
    assert "3.jpg" in errors[0]
    assert "--skip-unreadable" in errors[0]
    assert "Traceback" not in said
    assert multiprocessing.active_children() == []
    assert torch.load(out / "state.pt", weights_only=True)["step"] < 9
    assert tune(out, *options, "--resume", "--skip-unreadable") == 0
    assert (
        "1 photographs could not be read, others took their place: 3.jpg\n"
        in capfd.readouterr().out
    )
    at_once = tmp_path / "at_once"
    assert tune(at_once, *options, "--skip-unreadable") == 0
    assert same(state(out), state(at_once))  # whenever it was found out
    assert not same(state(out), state(tmp_path / "whole"))


def test_a_run_goes_on_without_what_was_lost_meanwhile(tune, damaged, tmp_path, capsys) -> None:
    (damaged / "5.jpg").unlink()
    out, options = tmp_path / "out", [*at(damaged), "--epochs", "2"]
    assert tune(out, *options, "--stop-after", "1e-9") == 0
    (damaged / "2.jpg").write_bytes((damaged / "2.jpg").read_bytes()[:500])  # cut off
    shutil.copyfile(damaged / "1.jpg", damaged / "5.jpg")  # come back
    capsys.readouterr()
    assert tune(out, *options) == 2
    said = capsys.readouterr().err
    assert "1 photographs that this run began with cannot be read any more" in said
    assert "2.jpg" in said
    assert tune(out, *options, "--skip-unreadable") == 0
    assert "after 5 of 5 steps" in capsys.readouterr().out


def test_photographs_for_the_checks_are_read_first(
    tune, damaged, tmp_path, capsys, monkeypatch
) -> None:
    real = validation.read_image

    def read(path: Path) -> np.ndarray:
        if path.name == "4.jpg":
            raise InputError(f"cannot decode the image {path}")
        return real(path)

    monkeypatch.setattr(validation, "read_image", read)
    check = ["--val-annotations", str(damaged / "all.json"), "--val-images", str(damaged)]
    assert tune(tmp_path / "out", *check) == 2
    assert "4.jpg; --skip-unreadable" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert tune(tmp_path / "out", *check, "--skip-unreadable") == 0


def test_checks_on_what_is_trained_on(tune, photographs, damaged, tmp_path, capsys) -> None:
    check = ["--val-annotations", str(damaged / "all.json"), "--val-images", str(damaged)]
    assert tune(tmp_path / "apart", *check, "--checks", "1") == 0
    assert "are trained on" not in capsys.readouterr().err
    shutil.copyfile(photographs / "0.png", damaged / "1.jpg")  # under another name
    assert tune(tmp_path / "out", *check, "--checks", "1") == 0
    assert "warning: 1 of the 6 photographs" in capsys.readouterr().err


def test_words_that_the_base_does_not_know(tune, damaged, tmp_path, capsys) -> None:
    entries = json.loads((damaged / "all.json").read_text())
    entries += [entries[0], entries[1] | {"ref": "das rote Auto"}]
    (damaged / "all.json").write_text(json.dumps(entries))
    assert tune(tmp_path / "out", *at(damaged)) == 0
    said = capsys.readouterr().out
    assert "note: 12.5% of the words are unknown to the model, in 12.5% of the sentences" in said
    assert "note: 1 annotations repeat" in said
    assert "note: 2 annotations have the id of another" in said


def test_entries_that_cannot_be_used_are_named(tune, photographs, tmp_path, capsys) -> None:
    entries = json.loads((photographs / "all.json").read_text())
    entries[0]["image"] = "gone.png"
    some_good = tmp_path / "some.json"
    some_good.write_text(json.dumps(entries))
    assert tune(tmp_path / "out", "--annotations", str(some_good)) == 0
    found = capsys.readouterr()
    assert "1 entries" in found.err
    assert "gone.png" in found.err
    assert "7 annotations" in found.out
    some_good.write_text("[]")
    assert tune(tmp_path / "none", "--annotations", str(some_good)) == 2
    assert "found none that can be used" in capsys.readouterr().err
