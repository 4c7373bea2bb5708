"""What all training commands do alike: choose a device, train until the end or a wish to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

from sdk.errors import InputError
from train.data.batches import Batch
from train.trainer.interrupts import wish_to_stop
from train.trainer.journal import Journal
from train.trainer.loop import Trainer

EXIT_INTERRUPTED = 130  # as shells have it for Ctrl-C


def pick_device(name: str | None) -> torch.device:
    """The device of that name, the best there is for None; raises InputError when there is none."""
    cuda = torch.cuda.is_available()
    try:
        device = torch.device(name or ("cuda" if cuda else "cpu"))
    except RuntimeError as error:
        raise InputError(f"expected a device such as cpu or cuda, got {name!r}") from error
    if device.type == "cuda" and not cuda:
        raise InputError(f"expected a CUDA device for {name!r}, found none")
    return device


def run_to_the_end(
    trainer: Trainer,
    batches: Iterable[Batch],
    journal: Callable[[Callable[[], bool]], Journal],
) -> int:
    """Trains, and leaves what there is to leave; returns the exit code.

    journal: makes the journal of the leading process, from what tells it to stop.
    """
    with wish_to_stop() as interrupted:
        if trainer.crew.leads:
            log = journal(interrupted)
            trainer.run(batches, log)
            log.finish()
            print(f"checkpoint in {log.last} after {trainer.step} of {trainer.recipe.steps} steps")
        else:
            trainer.run(batches, lambda _: False)
    done = trainer.step >= trainer.recipe.steps
    return EXIT_INTERRUPTED if interrupted() and not done else 0
