"""Close-ups on disk in RefCOCO's layout: ``refs(plain).p``, ``instances.json``, ``images``."""

from __future__ import annotations

import json
import pickle
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.scenes.catalogue import kinds_in
from evaluation.scenes.close_ups import (
    SIZE_WH,
    WINDOW_W,
    CloseUp,
    close_ups,
    picture,
    sentences,
)
from evaluation.scenes.layout import make_scene
from evaluation.scenes.render import render
from evaluation.scenes.writer import claim, counted, encode_jpeg, replace_file

REFS, INSTANCES, IMAGES = "refs(plain).p", "instances.json", "images"
A_SCENE = 3  # close-ups of one scene: rendering takes longer than all the rest
CATEGORIES = {name: number for number, name in enumerate(kinds_in("plain"), 1)}


def write_close_ups(
    out_dir: str | Path,
    count: int,
    seed: int,
    split: str = "train",
    window_w: tuple[int, int] = WINDOW_W,
    progress: bool = False,
) -> tuple[int, int]:
    """Write the close-ups of ``count`` scenes, up to three of each.

    Pictures that exist are kept, so an interrupted run continues where it stopped; the annotations
    are written last.

    Args:
        out_dir: the folder, made if need be.
        count: how many scenes.
        seed: of the first.
        split: the name in the refs.
        window_w: how wide the windows are, see ``close_ups``.
        progress: whether to count the scenes on stderr.

    Returns:
        Number of pictures and number of sentences in the folder.

    Raises:
        ValueError: ``count`` below 1, a negative seed, windows that are no widths or wider than
            usual, or a folder that holds other scenes.
        OSError: the folder cannot be written.
    """
    if count < 1 or seed < 0:
        raise ValueError(f"expected at least one scene and a seed >= 0, got {count} and {seed}")
    low, high = window_w
    if not 16 <= low <= high <= WINDOW_W[1]:
        raise ValueError(
            f"expected windows of 16 to {WINDOW_W[1]} px, the narrowest first, got {low} and {high}"
        )
    out = Path(out_dir)
    (out / IMAGES).mkdir(parents=True, exist_ok=True)
    made_of = {"close-ups": True, "seed": seed, "split": split}
    if window_w != WINDOW_W:
        made_of["window_w"] = list(window_w)
    claim(out / "scenes.json", made_of)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    refs: list[dict[str, Any]] = []
    for number in counted(count, progress):
        scene = make_scene(seed + number)
        shown = close_ups(scene, A_SCENE, window_w)
        names = [f"{A_SCENE * number + k:012d}.jpg" for k in range(len(shown))]
        if not all((out / IMAGES / name).exists() for name in names):
            frame = render(scene)
            for name, each in zip(names, shown, strict=True):
                replace_file(out / IMAGES / name, encode_jpeg(picture(each, frame)))
        for k, each in enumerate(shown):
            image_id = A_SCENE * number + k
            w, h = SIZE_WH
            images.append({"id": image_id, "file_name": names[k], "width": w, "height": h})
            texts: dict[int, list[str]] = defaultdict(list)
            for said in sentences(each, scene.seed + k):
                texts[said.target].append(said.ref)
            drawn = _annotations(each, image_id, len(annotations) + 1)
            stem = Path(names[k]).stem
            for target, mine in texts.items():
                refs.append(ref_of(drawn[target], mine, len(refs) + 1, split, stem))
            annotations += drawn
    spoken = sum(len(ref["sentences"]) for ref in refs)
    write_layout(out / REFS, images, annotations, CATEGORIES, refs)
    return len(images), spoken


def write_layout(
    path: Path,
    images: list[dict[str, Any]],
    annotations: list[dict[str, Any]],
    categories: Mapping[str, int],
    refs: list[dict[str, Any]],
) -> None:
    """Writes refs, whose sentences are numbered here, and ``instances.json`` beside them.

    Args:
        path: of the refs.
        images: as COCO has them; annotations too.
        annotations: of all objects.
        categories: their ids by name.
        refs: made by ``ref_of``.

    Raises:
        OSError: the files cannot be written.
    """
    named = [{"id": number, "name": name} for name, number in categories.items()]
    document = {"images": images, "annotations": annotations, "categories": named}
    replace_file(path.with_name(INSTANCES), json.dumps(document).encode())
    replace_file(path, pickle.dumps(_numbered(refs), protocol=2))


def ref_of(
    annotation: Mapping[str, Any], texts: Sequence[str], ref_id: int, split: str, stem: str
) -> dict[str, Any]:
    """What is said of an object, as a ref.

    Args:
        annotation: the object, as COCO has it.
        texts: the sentences, which are numbered when they are written.
        ref_id: of the ref.
        split: that it belongs to.
        stem: name of the image's file, without its ending.
    """
    return {
        "ref_id": ref_id,
        "ann_id": annotation["id"],
        "image_id": annotation["image_id"],
        "category_id": annotation["category_id"],
        "split": split,
        "file_name": f"{stem}_{annotation['id']}.jpg",
        "sentences": [{"raw": text, "sent": text, "tokens": text.split()} for text in texts],
    }


def _annotations(shown: CloseUp, image_id: int, first: int) -> list[dict[str, Any]]:
    """All objects of a close-up, whether somebody speaks of them or not."""
    found = []
    for item in shown.scene.objects:
        x1, y1, x2, y2 = (round(side, 2) for side in shown.xyxy(item))
        box = [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)]
        found.append(
            {
                "id": first + item.id,
                "image_id": image_id,
                "category_id": CATEGORIES[item.kind],
                "bbox": box,
                "area": round(box[2] * box[3], 2),
                "iscrowd": 0,
            }
        )
    return found


def _numbered(refs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The refs with an id for each sentence."""
    number = 0
    for ref in refs:
        for sentence in ref["sentences"]:
            sentence["sent_id"] = number
            number += 1
        ref["sent_ids"] = [sentence["sent_id"] for sentence in ref["sentences"]]
    return refs
