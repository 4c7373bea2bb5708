"""Batches from processes: in order, or one line of what went wrong and no process left."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from torch.utils.data import Dataset, get_worker_info

from sdk.errors import InputError
from train.data.batches import Plan, SceneSamples
from train.data.loader import batch_order, loader
from train.data.samples import Sample


class Failing(Dataset[list[Sample]]):
    """Good samples up to item 2, then this error."""

    def __init__(self, good: SceneSamples, error: BaseException | None) -> None:
        self.good, self.error = good, error

    def __getitem__(self, index: int) -> list[Sample]:
        if index < 2:
            return self.good[index]
        if self.error is None and get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        assert self.error is not None
        raise self.error


@pytest.fixture
def good(make_samples, tmp_path: Path) -> SceneSamples:
    return make_samples(tmp_path, Plan(scenes=1, phrase_steps=0), 9)


ERRORS = (
    (InputError("the image a.jpg is\ntruncated"), "^the image a.jpg is truncated$"),
    (MemoryError(), "^cannot make a sample: MemoryError"),
    (KeyError("a bug"), "^cannot make a sample: KeyError: 'a bug' .*test_loader.py"),
)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("error", "message"), ERRORS)
def test_an_error_is_one_line_and_the_end(good, workers: int, error, message: str) -> None:
    batches = loader(Failing(good, error), range(9), 1, workers)
    assert next(batches).pixels.shape[0] == 3
    next(batches)
    with pytest.raises(InputError, match=message) as raised:
        next(batches)
    assert "\n" not in str(raised.value)
    assert multiprocessing.active_children() == []


def test_a_process_that_is_killed(good) -> None:
    batches = loader(Failing(good, None), range(9), 1, 1)
    with pytest.raises(InputError, match=r"a process that loads data has ended .*--workers") as e:
        list(batches)
    assert "\n" not in str(e.value)
    assert multiprocessing.active_children() == []


def test_closing_ends_the_processes(good) -> None:
    batches = loader(good, range(9), 1, 2)
    next(batches)
    assert len(multiprocessing.active_children()) == 2
    batches.close()
    assert multiprocessing.active_children() == []


def test_the_order_of_batches() -> None:
    assert batch_order(range(1, 3), 4) == [[4, 5, 6, 7], [8, 9, 10, 11]]
    assert batch_order(range(1), 4, rank=1, size=2, parts=2) == [[1], [3]]
