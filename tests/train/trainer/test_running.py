"""How a run ends: by its steps, or by an error that leaves something to go on from."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from sdk.errors import InputError
from train.storage import STATE
from train.trainer.running import run_to_the_end


def failing(batches: list, error: Exception, closed: list[bool]) -> Generator:
    try:
        yield from batches
        raise error
    finally:
        closed.append(True)


class Log:
    """Keeps the state alone."""

    def __init__(self, trainer, out: Path) -> None:
        self.trainer, self.out = trainer, out

    def __call__(self, _: dict[str, float]) -> bool:
        return False

    def keep(self) -> None:
        self.trainer.save(self.out / STATE)

    def finish(self) -> None:
        pytest.fail("it is not finished")


def test_an_error_of_the_data_leaves_the_last_step(make_trainer, batches, tmp_path: Path) -> None:
    trainer, closed = make_trainer(), []
    broken = failing(batches[:2], InputError("the image is truncated"), closed)
    with pytest.raises(InputError, match="truncated"):
        run_to_the_end(trainer, broken, lambda _: Log(trainer, tmp_path))
    assert closed == [True]
    again = make_trainer(seed=3)
    again.load(tmp_path / STATE)
    assert again.step == 2


def test_a_full_disk_hides_no_error(make_trainer, batches, tmp_path: Path) -> None:
    trainer = make_trainer()
    log = Log(trainer, tmp_path)

    def full() -> None:
        raise InputError("the disk is full")

    log.keep = full
    with pytest.raises(InputError, match="truncated"):
        run_to_the_end(trainer, failing([], InputError("truncated"), []), lambda _: log)


def test_a_process_that_is_killed_during_a_step(make_trainer, batches, tmp_path: Path) -> None:
    """torch raises it from a signal handler, wherever the run is; the step is lost, not the run."""
    trainer = make_trainer()

    def interrupted(_: object) -> None:
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")

    trainer.train_step = interrupted
    closed: list[bool] = []
    with pytest.raises(InputError, match="a process that loads data has ended") as raised:
        run_to_the_end(
            trainer, failing(batches, ValueError(), closed), lambda _: Log(trainer, tmp_path)
        )
    assert raised.value.__cause__ is None
    assert closed == [True]
    assert not (tmp_path / STATE).exists()


def test_other_errors_are_nobody_elses(make_trainer, batches, tmp_path: Path) -> None:
    trainer = make_trainer()
    with pytest.raises(RuntimeError, match="a bug"):
        run_to_the_end(
            trainer, failing([], RuntimeError("a bug"), []), lambda _: Log(trainer, tmp_path)
        )
