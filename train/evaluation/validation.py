"""How good a model in training is: the whole search, on photographs that training never sees."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.scoring import summarise
from sdk.errors import InputError
from sdk.frame import read_image
from train.data.entries import Annotation
from train.evaluation.asking import open_grounder
from train.evaluation.examination import ask
from train.families.piza import in_memory
from train.models.grounding_dino.grounder import PizaGrounder

FIGURES = ("macc", "acc50", "acc75", "first_window", "steps")


@dataclass(frozen=True)
class Validation:
    """Called with a model, gives its ``FIGURES``."""

    annotations: tuple[Annotation, ...]
    images: Path
    tokenizer_file: Path

    def __call__(self, model: PizaGrounder) -> dict[str, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # unknown words: counted as not found
            with open_grounder(in_memory(model, self.tokenizer_file)) as grounder:
                rows = ask(grounder, self.annotations, self.images, foreign=0, seed=0)
        figures = summarise(rows)["zoom"]
        return {name: figures[name] for name in FIGURES}


def readable(annotations: Sequence[Annotation], images: Path, skip: bool) -> tuple[Annotation, ...]:
    """The annotations whose photographs can be read, known before hours of training are over.

    Raises InputError for one that cannot, unless such are to be skipped; always when none can.
    """
    lost = set()
    for name in dict.fromkeys(item.image for item in annotations):
        try:
            read_image(images / name)
        except InputError as error:
            if not skip:
                raise InputError(f"{error}; --skip-unreadable goes on without it") from error
            lost.add(name)
    left = tuple(item for item in annotations if item.image not in lost)
    if not left:
        raise InputError(f"expected photographs to check with in {images}, found none")
    return left


def some(annotations: Sequence[Annotation], count: int, seed: int) -> tuple[Annotation, ...]:
    """``count`` of the annotations, or all there are; the same ones for the same seed."""
    order = np.random.default_rng((seed, 4)).permutation(len(annotations))
    return tuple(annotations[index] for index in sorted(order[:count].tolist()))
