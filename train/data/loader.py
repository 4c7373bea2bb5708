"""Batches in order, made by worker processes whose errors arrive as one line.

An exception in a worker would come as a traceback of two processes, and leave the others waiting:
they do not listen to signals. So errors travel like samples, and workers end with the loop.
"""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch.utils.data import DataLoader, Dataset

from sdk.errors import InputError
from train.data.batches import collate


@dataclass(frozen=True)
class Failure:
    """What went wrong in place of a result."""

    message: str


class Samples(Dataset[Any]):
    """A dataset whose items may be failures."""

    def __init__(self, dataset: Dataset[Any]) -> None:
        self._dataset = dataset

    def __getitem__(self, index: int) -> Any:
        try:
            return self._dataset[index]
        except Exception as error:  # whatever it is, the run is told
            return _failure(error)


def batch_order(
    steps: range, items: int, rank: int = 0, size: int = 1, parts: int = 1
) -> list[list[int]]:
    """Items of the dataset in each batch that process ``rank`` of ``size`` needs.

    ``items`` make a step; a process' share of them comes in ``parts`` batches.
    """
    share = items // (size * parts)
    starts = [
        step * items + (part * size + rank) * share for step in steps for part in range(parts)
    ]
    return [list(range(start, start + share)) for start in starts]


def loader(
    dataset: Dataset[Any],
    steps: range,
    items: int,
    workers: int,
    rank: int = 0,
    size: int = 1,
    parts: int = 1,
    stack: Callable[[list[Any]], Any] = collate,
) -> Generator[Any, None, None]:
    """The batches of ``steps`` in order (see ``batch_order``), made in ``workers`` processes.

    stack: makes a batch of items of the dataset; it is sent to those processes.

    A generator: closing it ends the processes. Raises InputError when a sample cannot be made,
    whatever the reason, or a process ends before its work.
    """
    made = iter(
        DataLoader(
            Samples(dataset),
            batch_sampler=batch_order(steps, items, rank, size, parts),
            num_workers=workers,
            collate_fn=partial(_stacked, stack),
            prefetch_factor=_ahead(workers),
            worker_init_fn=_leave_signals_to_the_run,
        )
    )
    try:
        while (batch := _next(made)) is not None:
            if isinstance(batch, Failure):
                raise InputError(batch.message)
            yield batch
    finally:
        del made  # nobody else holds it: its processes end here, not when Python does


def _next(batches: Iterator[Any]) -> Any:
    """The next batch; None after the last."""
    try:
        return next(batches, None)
    except (RuntimeError, OSError, EOFError) as error:  # the last two while it is received
        if isinstance(error, RuntimeError) and not is_of_a_worker(error):
            raise
        return Failure(ended(error))


def is_of_a_worker(error: RuntimeError) -> bool:
    """Whether it is torch's, about a process that was killed; it may interrupt a step."""
    return "DataLoader worker" in str(error)


def ended(error: Exception) -> str:
    """What to say about it."""
    said = " ".join(str(error).split())
    return (
        f"a process that loads data has ended ({said}): where memory is short, fewer --workers need"
        " less; the same command goes on from the last state"
    )


def _stacked(stack: Callable[[list[Any]], Any], items: list[Any]) -> Any:
    """A batch, or the first failure among its items or in making it."""
    failed = next((item for item in items if isinstance(item, Failure)), None)
    if failed is not None:
        return failed
    try:
        return stack(items)
    except Exception as error:
        return _failure(error)


def _failure(error: Exception) -> Failure:
    said = " ".join(str(error).split())
    if isinstance(error, InputError):
        return Failure(said)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Failure(
        f"cannot make a sample: {type(error).__name__}: {said} ({place.filename}:{place.lineno})"
    )


def _ahead(workers: int) -> int | None:
    """Batches that each process makes ahead: every tensor of them is an open file meanwhile."""
    return (4 if workers <= 4 else 2) if workers else None


def _leave_signals_to_the_run(_: int) -> None:
    """Terminals and launchers send them to every process; the run needs its workers for a step."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
