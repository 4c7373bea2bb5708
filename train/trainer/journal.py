"""What a run writes down, as the options ask for it that trainings share (``train.options``)."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from train.trainer.checkpointing import Checkpointing

LAST = "last"
KEEP_S = 45.0  # between two states of a run that goes by the clock
Check = Callable[[Any], dict[str, float]]


def journal(
    args: argparse.Namespace,
    trainer: Any,
    save: Callable[[Path, Any], None],
    check: Check | None,
    best_by: str,
    check_every: int,
) -> Callable[[Callable[[], bool]], Checkpointing]:
    """What makes the journal of a run, from what tells the run to stop.

    Args:
        args: ``--out``, ``--save-every``, ``--check-every``, ``--minutes``, ``--stop-after``.
        trainer: what is trained.
        save: writes a model into a folder.
        check: scores of a model, ``best_by`` among them; None for no checks.
        best_by: the score that the best checkpoint has the most of.
        check_every: steps between two checks where the options do not say.
    """

    def make(interrupted: Callable[[], bool]) -> Checkpointing:
        return Checkpointing(
            trainer,
            args.out,
            args.out / LAST,
            save,
            check,
            best_by=best_by,
            save_every=args.save_every,
            check_every=args.check_every or check_every,
            keep_s=math.inf if args.minutes is None else KEEP_S,
            stop_after_minutes=args.stop_after,
            interrupted=interrupted,
        )

    return make


def aloud(
    check: Check | None, trainer: Any, told: Callable[[float], str] = "{:.3f}".format
) -> Check | None:
    """The check, which also prints its scores; ``told``: a score in words."""
    if check is None:
        return None

    def checked(model: Any) -> dict[str, float]:
        scores = check(model)
        print(f"step {trainer.step}: {_listed(scores, told)}", flush=True)
        return scores

    return checked


def percent(score: float) -> str:
    """A share, for ``aloud``."""
    return f"{100 * score:.1f} %"


def _listed(scores: Mapping[str, float], told: Callable[[float], str]) -> str:
    return ", ".join(f"{name} {told(value)}" for name, value in scores.items())
