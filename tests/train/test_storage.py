"""Files that are whole or not there; disks that are full."""

from __future__ import annotations

import errno
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from sdk.errors import InputError
from train.checkpoint import TOKENIZER, WEIGHTS, load_checkpoint, save_checkpoint
from train.storage import STATE, room_for, size_of, whole_file

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 kB are free."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 200_000, 200_000))


def write_half(path: Path, error: Exception) -> None:
    path.write_text("half")
    raise error


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with whole_file(path) as partial:
        partial.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    with pytest.raises(KeyError), whole_file(path) as partial:
        write_half(partial, KeyError())
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.usefixtures("nearly_full")
def test_what_does_not_fit_is_not_begun(tmp_path: Path) -> None:
    full = pytest.raises(InputError, match=r"the disk is full; it needs 3 MB and 0 MB are free")
    with full, whole_file(tmp_path / "file", 3_000_000):
        pytest.fail("it was begun")
    with whole_file(tmp_path / "file", 100_000) as partial:
        partial.write_text("small")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_meanwhile(tmp_path: Path, code: int) -> None:
    hidden = RuntimeError("unexpected pos 704 vs 598")  # as torch does it
    hidden.__cause__ = OSError(code, "no space")
    for error in (hidden, OSError(code, "no space")):
        full = pytest.raises(InputError, match="the disk is full")
        with full, whole_file(tmp_path / "file") as partial:
            write_half(partial, error)
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_full(tmp_path: Path) -> None:
    """For real: everything written to it fails."""
    (tmp_path / f"{STATE}.partial").symlink_to("/dev/full")
    full = pytest.raises(InputError, match="the disk is full")
    with full, whole_file(tmp_path / STATE) as partial, partial.open("wb") as file:
        torch.save({"a": torch.zeros(100_000)}, file)
    assert list(tmp_path.iterdir()) == []


def test_other_reasons(tmp_path: Path) -> None:
    none = pytest.raises(InputError, match=r"cannot write .*nowhere.*: No such file")
    with none, room_for(tmp_path / "nowhere" / "file"):
        pytest.fail("there is no such folder")
    with pytest.raises(RuntimeError, match="a bug"), room_for(tmp_path / "file"):
        raise RuntimeError("a bug")


def test_the_size_of_a_state() -> None:
    state = {"a": torch.zeros(3), "b": [torch.zeros(2, dtype=torch.int64), {"c": 3, "d": "text"}]}
    assert size_of(state) == 12 + 16


@pytest.mark.usefixtures("nearly_full")
def test_states_and_checkpoints_stay_as_they_are(
    make_trainer_of, make_model, tokenizer_file: Path, tmp_path: Path
) -> None:
    model = make_model()
    (tmp_path / STATE).write_text("the last state")
    with pytest.raises(InputError, match="the disk is full"):
        make_trainer_of(model).save(tmp_path / STATE)
    with pytest.raises(InputError, match="the disk is full"):
        save_checkpoint(tmp_path / "last", model, tokenizer_file)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {STATE}
    assert (tmp_path / STATE).read_text() == "the last state"


def test_checkpoints_leave_no_partial_files(make_model, tokenizer_file, tmp_path: Path) -> None:
    save_checkpoint(tmp_path, make_model(), tokenizer_file)
    assert {p.name for p in tmp_path.iterdir()} == {"config.json", WEIGHTS, TOKENIZER}
    load_checkpoint(tmp_path)


@pytest.fixture
def make_trainer_of():
    from train.trainer.grounding_task import GroundingTask, all_but_history
    from train.trainer.loop import Trainer
    from train.trainer.recipe import scratch

    return lambda model: Trainer(
        GroundingTask(model), scratch(2), torch.device("cpu"), all_but_history(model)
    )
