"""Whether CLIP knows novel kinds at all: which text the crop of each true box is most like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.scenes.refcoco_writer import IMAGES, INSTANCES
from sdk.frame import read_image
from sdk.geometry import as_boxes
from sdk.regions.class_bank import ClassBank, prompt
from train.data.boxes import read_boxes
from train.models.clip.public import open_public_clip
from train.models.clip.vectors import image_vectors, text_vectors
from train.threads import limit_threads


def recognised(clip: Path, pictures: Path, novel: Sequence[str]) -> dict[str, Any]:
    """How many objects of novel kinds look like their own kind most, of these and background.

    Args:
        clip: a folder in transformers' format.
        pictures: a folder of close-ups.
        novel: the kinds.

    Returns:
        ``n`` objects, the share of them that is ``right``, and the same ``by_kind``.
    """
    limit_threads(1)
    opened = open_public_clip(str(clip))
    bank = ClassBank({name: prompt(name) for name in novel})
    said = text_vectors(opened, bank.asked)
    right: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for name, boxes in read_boxes(pictures / INSTANCES, pictures / IMAGES).images.items():
        asked = [box for box in boxes if box.category in novel]
        if not asked:
            continue
        frame = read_image(pictures / IMAGES / name)
        xyxy = as_boxes([box.xyxy for box in asked])
        crops = bank.view.crops(frame, "bgr", xyxy, opened.image)
        best = (image_vectors(opened, crops) @ said.T).argmax(1).tolist()
        for box, row in zip(asked, best, strict=True):
            count[box.category] += 1
            right[box.category] += row == novel.index(box.category)
    return {
        "n": count.total(),
        "right": right.total() / max(1, count.total()),
        "by_kind": {name: right[name] / count[name] for name in novel if count[name]},
    }
