"""The names of a detector's classes: from the model, from a file, or COCO's."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sdk.errors import InputError

COCO = "coco"
# The 80 classes of COCO 2017, in the order of every detector that is trained on them.
_COCO_80 = """
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light,
    fire hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant,
    bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard,
    sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle,
    wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot,
    hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
    mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock,
    vase, scissors, teddy bear, hair drier, toothbrush
"""
COCO_80 = tuple(name.strip() for name in _COCO_80.split(","))
UNUSED = "N/A"  # how DETR's models call a number that no class has
# Numbers 0 to 90 of COCO's own list of categories, in which 80 are used, as DETR numbers classes.
_UNUSED_IDS = (0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
_MOST = 100_000


def coco_91() -> tuple[str, ...]:
    """COCO's categories by their own numbers, 0 to 90."""
    names = iter(COCO_80)
    return tuple(UNUSED if k in _UNUSED_IDS else next(names) for k in range(91))


def known_names(
    metadata: Mapping[str, str], given: str | tuple[str, ...] | None
) -> tuple[tuple[str, ...], ...]:
    """Every list of names that could be the detector's: one, or two of COCO, or none.

    Args:
        metadata: of an ONNX file; ``names`` is a list or a mapping from numbers, as Ultralytics
            writes it.
        given: what ``--labels`` says, or the names themselves; it comes first.

    Raises:
        InputError: the file cannot be read or has no names.
    """
    if isinstance(given, tuple):
        return (given,)
    if given == COCO:
        return COCO_80, coco_91()
    if given is not None:
        return (read_labels(Path(given)),)
    names = parse_names(metadata.get("names", ""))
    return (names,) if names else ()


def read_labels(path: Path) -> tuple[str, ...]:
    """The names of a file, one a line; empty lines at its end do not count.

    Raises:
        InputError: it cannot be read, or a line is empty.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").rstrip().splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(
            f"cannot read the labels {path}: {getattr(error, 'strerror', None) or error}; expected"
            f" a text file with the name of a class a line, or {COCO}"
        ) from error
    if not lines or not all(lines) or len(lines) > _MOST:
        raise InputError(f"expected the name of a class in every line of {path}, found others")
    return tuple(lines)


def parse_names(text: str) -> tuple[str, ...]:
    """The names that metadata say, () where they say none that can be read."""
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        return by_number(value)
    return ()


def by_number(value: object) -> tuple[str, ...]:
    """Names of a list, or of a mapping from 0, 1, 2, ...; () of anything else."""
    if isinstance(value, Mapping):
        try:
            numbered = {int(key): str(name) for key, name in value.items()}
        except (TypeError, ValueError):
            return ()
        if sorted(numbered) != list(range(len(numbered))):
            return ()
        return tuple(numbered[k] for k in range(len(numbered)))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(str, value))
    return ()


def matching(
    candidates: Sequence[tuple[str, ...]], classes: int, given: str | tuple[str, ...] | None
) -> tuple[str, ...]:
    """The names that are as many as the network's classes.

    Raises:
        InputError: there are none.
    """
    for names in candidates:
        if len(names) == classes:
            return names
    if not candidates:
        raise InputError(
            f"found {classes} classes and no names of them: name them with --labels FILE (a name a"
            f" line) or --labels {COCO}"
        )
    where = f"--labels {given}" if given else "the model's metadata"
    counts = " or ".join(str(len(names)) for names in candidates)
    raise InputError(f"{where} has {counts} names, the detector {classes} classes")
