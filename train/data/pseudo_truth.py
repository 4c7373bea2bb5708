"""How many pseudo-queries are true, held against annotations of the same images.

A query is true if it means one annotated object alone, and that is where it was said of. Kinds and
boxes are the annotations'; the colour of an object is what people's sentences say of it. A query
that speaks of colours is left out where a thing of its kind has none that is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import as_boxes, iou
from sdk.regions import words
from train.data.annotations import INSTANCES, read_annotations
from train.data.boxes import read_boxes
from train.data.pseudo import Phrase, Query, Things

RIGHT_IOU = 0.5
_PX = 1.0  # by which a box of a ref may differ from its annotation: both are rounded

Image = tuple[str, Things, Mapping[int, Sequence[Query]]]


def true_things(refs: Path, images: Path) -> Mapping[str, Things]:
    """What is in each image.

    Args:
        refs: RefCOCO's pickle, ``instances.json`` beside it.
        images: folder of the images.

    Raises:
        InputError: they cannot be read.
    """
    known = read_annotations(refs, images)
    said: dict[str, list[tuple[tuple[float, ...], str]]] = defaultdict(list)
    wh = {item.image: item.stated_wh for item in known.items}
    for item in known.items:
        tones = words.parse(item.ref).head.tones
        if tones and not tones[0].negated:
            said[item.image].append((item.xyxy, tones[0].colours[0][0]))
    found = {}
    for name, boxes in read_boxes(refs.with_name(INSTANCES), images).images.items():
        if name in wh:
            xyxy = as_boxes([box.xyxy for box in boxes])
            colours = tuple(_colour(box, said[name]) for box in xyxy)
            size = (int(wh[name][0]), int(wh[name][1]))
            found[name] = Things(xyxy, tuple(box.category for box in boxes), colours, size)
    return found


def truth(images: Iterable[Image], known: Mapping[str, Things]) -> dict[str, tuple[int, int]]:
    """How many queries are true and how many could be judged, by what they say.

    Args:
        images: name, what was found, and what is said of which of that.
        known: by ``true_things``; other images are left out.
    """
    counts: dict[str, list[bool]] = defaultdict(list)
    for name, things, said in images:
        for index, queries in said.items():
            for query in queries:
                if name in known and _can_be_judged(query, known[name]):
                    right = is_true(query, things.xyxy[index], known[name])
                    counts[_what(query)].append(right)
                    counts["all"].append(right)
    return {what: (sum(right), len(right)) for what, right in sorted(counts.items())}


def is_true(query: Query, xyxy: NDArray[np.float64], things: Things) -> bool:
    """Whether a query means one thing alone, which has that box (4,)."""
    meant = np.flatnonzero(query.meant(things))
    return len(meant) == 1 and bool(iou(xyxy, things.xyxy[meant[0]]) >= RIGHT_IOU)


def _what(query: Query) -> str:
    colours = query.phrase.colour or (query.anchor is not None and query.anchor.colour)
    said = "relation" if query.anchor is not None else "place" if query.place else "noun"
    return f"{said}, colour" if colours else said


def _can_be_judged(query: Query, things: Things) -> bool:
    return all(
        things.colours[k]
        for phrase in (query.phrase, query.anchor)
        if phrase is not None and phrase.colour
        for k in np.flatnonzero(Phrase(phrase.noun).alike(things))
    )


def _colour(box: NDArray[np.float64], said: Sequence[tuple[tuple[float, ...], str]]) -> str:
    """The colour that is said of a box; "" where nobody says one."""
    return next((name for xyxy, name in said if np.abs(box - xyxy).max() <= _PX), "")
