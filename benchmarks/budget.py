"""What an experiment of several trainings may cost: a record of numbers, which its options are, and
which its folder belongs to."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import field, fields
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.options import BenchmarkError
from sdk.options import positive

B = TypeVar("B")


def said(default: Any, text: str, reads: Callable[[str], Any] = positive) -> Any:
    """A field of a budget.

    Args:
        default: its value where nobody says another.
        text: what it means; the default is added in the help of its option.
        reads: makes a value of the option's text.
    """
    return field(default=default, metadata={"help": text, "reads": reads})


def add_budget(parser: argparse.ArgumentParser, budget: type[Any]) -> None:
    """An option for each field of a budget, whose fields ``said`` made.

    Args:
        parser: gets them.
        budget: a dataclass.
    """
    for each in fields(budget):
        parser.add_argument(
            f"--{each.name.replace('_', '-')}",
            type=each.metadata["reads"],
            default=each.default,
            help=f"{each.metadata['help']} (default: {each.default})",
        )


def budget_of(args: argparse.Namespace, budget: type[B]) -> B:
    """The budget that the options of ``add_budget`` say.

    Args:
        args: the options.
        budget: as given to ``add_budget``.
    """
    return budget(**{each.name: getattr(args, each.name) for each in fields(budget)})  # type: ignore[arg-type]


def claim(folder: Path, settings: Any, otherwise: str) -> None:
    """Makes a folder, which belongs to one experiment: results of different ones do not mix.

    Args:
        folder: of the experiment.
        settings: what it is made by, in JSON's types.
        otherwise: what the folder holds where it belongs to other settings already.

    Raises:
        BenchmarkError: it does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    note, mine = folder / "budget.json", json.dumps(settings, indent=1)
    if not note.is_file():
        note.write_text(mine + "\n")
    elif note.read_text().strip() != mine:
        raise BenchmarkError(
            f"{folder} holds {otherwise} (see {note.name}); choose another --out or delete it"
        )
