"""What all training commands do alike: train until the end, a wish to stop, or an error."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress

import torch

from sdk.errors import InputError
from train.data.loader import ended, is_of_a_worker
from train.trainer.checkpointing import Checkpointing
from train.trainer.loop import Trainer
from train.trainer.task import B

EXIT_INTERRUPTED = 130  # as shells have it for Ctrl-C


def hurry(device: torch.device) -> None:
    """Lets a GPU round products as training may, and choose its convolutions by trying them."""
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True


def run_to_the_end(
    trainer: Trainer[B],
    batches: Generator[B, None, None],
    journal: Callable[[Callable[[], bool]], Checkpointing],
) -> int:
    """Trains, and leaves what there is to leave; returns the exit code.

    batches: closed in the end, with the processes that make them.
    journal: makes the journal of the leading process, from what tells it to stop.

    Raises InputError when a sample cannot be made, or what there is to leave cannot be written; the
    state is that of the last whole step.
    """
    with wish_to_stop() as interrupted, closing(batches):
        try:
            if trainer.crew.leads:
                log = journal(interrupted)
                _lead(trainer, batches, log)
            else:
                trainer.run(batches, lambda _: False)
        except RuntimeError as error:
            if not is_of_a_worker(error):
                raise
            raise InputError(ended(error)) from None
    return EXIT_INTERRUPTED if interrupted() and not trainer.done else 0


def _lead(trainer: Trainer[B], batches: Iterable[B], log: Checkpointing) -> None:
    try:
        trainer.run(batches, log)
    except InputError:  # of the data or the disk, between two steps
        with suppress(InputError):
            log.keep()
        raise
    log.finish()
    of_all = f" of {trainer.recipe.steps}" if trainer.recipe.minutes is None else ""
    print(f"checkpoint in {log.last} after {trainer.step}{of_all} steps")


SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def wish_to_stop() -> Iterator[Callable[[], bool]]:
    """Inside it, the signals only make the function it gives return True.

    Weights, optimiser and average belong together: a run stops between two steps. Signals come in
    numbers (launchers pass on what the terminal already sent), so more of them change nothing.
    """
    wished = False

    def wish(*_: object) -> None:
        nonlocal wished
        if not wished:
            os.write(2, b"stopping after this step\n")  # print may be what was interrupted
        wished = True

    before = {number: signal.signal(number, wish) for number in SIGNALS}
    try:
        yield lambda: wished
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
