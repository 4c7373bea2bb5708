"""What a CLIP reads that was never shown where novel objects are: pictures and their captions.

The web shows such a model whole pictures, and says in a sentence what is in them. Here it is
squares of the training pictures, drawn without a look at any box, each captioned by the kinds of
what is wholly in it. A square that cuts an object is no picture, and one that a single novel object
fills is left out: that would be its crop. Of base kinds there are crops too, as there are labels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdk.geometry import Boxes, area, as_boxes, clip
from sdk.regions.class_bank import BACKGROUND, prompt
from train.data.boxes import Box, read_boxes
from train.data.image_size import image_wh

SIDES_PX = (60.0, 420.0)  # of a square
TRIES = 250  # squares of a picture, of which few cut nothing
KEPT, EMPTY, CROPS = 5, 1, 2  # of a picture: with something in it, with nothing, of base objects
MOST_KINDS = 2  # that a caption names
FILLED = 0.25  # of a square: a single novel object in it covers no more
AROUND = (1.0, 1.4)  # side of a base object's crop over the longer side of its box


def write_captions(
    instances: Path, images: Path, novel: Sequence[str], seed: int, out: Path
) -> tuple[int, int]:
    """Writes squares and captions in COCO's layout, as ``piza train clip`` reads them.

    Args:
        instances: the objects, in COCO's layout.
        images: folder of the pictures.
        novel: kinds whose boxes make no crops.
        seed: of what is drawn.
        out: the file.

    Returns:
        How many captions there are, and how many of them name a novel kind.

    Raises:
        InputError: the objects cannot be read.
    """
    known = read_boxes(instances, images)
    pictures: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    naming = 0
    for number, (name, boxes) in enumerate(known.images.items(), 1):
        rng = np.random.default_rng((seed, number))
        size_wh = image_wh(images / name)
        pictures.append(
            {"id": number, "file_name": name, "width": size_wh[0], "height": size_wh[1]}
        )
        shown = [*_base_crops(boxes, novel, size_wh, rng), *_squares(boxes, novel, size_wh, rng)]
        for square, kinds in shown:
            naming += any(kind in novel for kind in kinds)
            x1, y1, x2, y2 = (round(float(side), 2) for side in square)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "caption": prompt(" and ".join(kinds)),
                }
            )
    out.write_text(json.dumps({"images": pictures, "annotations": annotations}) + "\n")
    return len(annotations), naming


Captioned = tuple[Boxes, Sequence[str]]  # a square (4,), the kinds in it


def _base_crops(
    boxes: Sequence[Box], novel: Sequence[str], size_wh: tuple[int, int], rng: np.random.Generator
) -> list[Captioned]:
    found: list[Captioned] = []
    base = [box for box in boxes if box.category not in novel]
    for row in rng.permutation(len(base))[:CROPS].tolist():
        box = base[row]
        xyxy = np.array(box.xyxy)
        middle, longer = (xyxy[:2] + xyxy[2:]) / 2, float((xyxy[2:] - xyxy[:2]).max())
        half = min(longer * rng.uniform(*AROUND), *size_wh) / 2
        middle = np.clip(middle, half, np.array(size_wh) - half)  # wholly in the picture
        found.append((np.concatenate([middle - half, middle + half]), [box.category]))
    return found


def _squares(
    boxes: Sequence[Box], novel: Sequence[str], size_wh: tuple[int, int], rng: np.random.Generator
) -> list[Captioned]:
    """Those that name a novel kind first: there are fewer of them."""
    objects = as_boxes([box.xyxy for box in boxes])
    sides = np.exp(rng.uniform(*np.log(SIDES_PX), TRIES))[:, None].clip(max=min(size_wh))
    low = rng.uniform(0, 1, (TRIES, 2)) * (np.array(size_wh) - sides)
    told: list[Captioned] = []
    empty: list[Captioned] = []
    for square in np.concatenate([low, low + sides], axis=1):
        seen = area(clip(objects, square)) / area(objects)
        if ((seen > 0) & (seen < 1)).any():
            continue
        inside = np.flatnonzero(seen)
        kinds = list(dict.fromkeys(boxes[row].category for row in inside))
        covered = float(area(objects[inside]).sum() / area(square))
        alone = len(inside) == 1 and kinds[0] in novel
        if not len(inside):
            empty.append((square, [BACKGROUND]))
        elif len(kinds) <= MOST_KINDS and not (alone and covered > FILLED):
            told.append((square, kinds))
    told.sort(key=lambda each: not any(kind in novel for kind in each[1]))
    return [*told[:KEPT], *empty[:EMPTY]]
