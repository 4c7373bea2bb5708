"""A few labelled objects of each class: drawn from annotations, or as published.

An image of a shot is shown whole, with all other objects that nobody labelled: that is what few
labels look like, and what the loss has to live with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sdk.errors import InputError
from train.data.boxes import Box, read_boxes

Shots = dict[str, tuple[Box, ...]]  # the labelled objects of images, by their names


def draw_shots(
    images: Mapping[str, Sequence[Box]], classes: Sequence[str], k: int, seed: int
) -> Shots:
    """K objects of each class, drawn image by image.

    Args:
        images: the objects of each image, by its name.
        classes: what shots are drawn of.
        k: how many of each.
        seed: of the draw; a class is drawn alike whatever the others are.

    Returns:
        The images of the shots, with those objects alone.

    Raises:
        InputError: there are fewer objects of a class.
    """
    drawn: dict[str, list[Box]] = defaultdict(list)
    for name in classes:
        of_class = {
            image: [box for box in boxes if box.category == name] for image, boxes in images.items()
        }
        places = [image for image, boxes in of_class.items() if boxes]
        count = sum(map(len, of_class.values()))
        if count < k:
            raise InputError(
                f"expected at least {k} objects of {name!r} for {k} shots, found {count}: label"
                " more of them, or choose a smaller --k"
            )
        rng = np.random.default_rng((seed, *name.encode()))
        left = k
        for place in rng.permutation(len(places)).tolist():
            boxes = of_class[places[place]]
            chosen = sorted(rng.permutation(len(boxes))[:left].tolist())
            drawn[places[place]] += [boxes[row] for row in chosen]
            left -= len(chosen)
            if not left:
                break
    return {image: tuple(drawn[image]) for image in images if image in drawn}


def published_shots(folder: Path, images: Path, classes: Sequence[str], k: int) -> Shots:
    """The shots that a benchmark has drawn once for all.

    Args:
        folder: of one seed, with ``full_box_{K}shot_{class}_trainval.json`` for each class.
        images: folder of the images.
        classes: what shots are wanted of.
        k: how many of each.

    Returns:
        As ``draw_shots``.

    Raises:
        InputError: a file is missing, cannot be read, or has fewer objects that can be used.
    """
    found: dict[str, list[Box]] = defaultdict(list)
    for name in classes:
        path = folder / f"full_box_{k}shot_{name}_trainval.json"
        known = read_boxes(path, images)
        own = [(image, box) for image, boxes in known.images.items() for box in boxes]
        own = [(image, box) for image, box in own if box.category == name]
        if len(own) < k:
            told = "; ".join(known.complaints())
            raise InputError(
                f"expected {k} objects of {name!r} in {path}, found {len(own)} that can be used"
                + (f" ({told})" if told else "")
            )
        for image, box in own:
            found[image].append(box)
    return {image: tuple(boxes) for image, boxes in found.items()}
