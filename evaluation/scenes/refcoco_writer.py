"""Close-ups on disk in RefCOCO's layout: ``refs(plain).p``, ``instances.json``, ``images``."""

from __future__ import annotations

import json
import pickle
from collections import defaultdict
from pathlib import Path
from typing import Any

from evaluation.scenes.catalogue import kinds_in
from evaluation.scenes.close_ups import SIZE_WH, CloseUp, Said, close_ups, picture, sentences
from evaluation.scenes.layout import make_scene
from evaluation.scenes.render import render
from evaluation.scenes.writer import claim, counted, encode_jpeg, replace_file

REFS, INSTANCES, IMAGES = "refs(plain).p", "instances.json", "images"
A_SCENE = 3  # close-ups of one scene: rendering takes longer than all the rest
CATEGORIES = {name: number for number, name in enumerate(kinds_in("plain"), 1)}


def write_close_ups(
    out_dir: str | Path, count: int, seed: int, split: str = "train", progress: bool = False
) -> tuple[int, int]:
    """Write the close-ups of ``count`` scenes, up to three of each.

    Pictures that exist are kept, so an interrupted run continues where it stopped; the annotations
    are written last.

    Args:
        out_dir: the folder, made if need be.
        count: how many scenes.
        seed: of the first.
        split: the name in the refs.
        progress: whether to count the scenes on stderr.

    Returns:
        Number of pictures and number of sentences in the folder.

    Raises:
        ValueError: ``count`` below 1, a negative seed, or a folder that holds other scenes.
        OSError: the folder cannot be written.
    """
    if count < 1 or seed < 0:
        raise ValueError(f"expected at least one scene and a seed >= 0, got {count} and {seed}")
    out = Path(out_dir)
    (out / IMAGES).mkdir(parents=True, exist_ok=True)
    claim(out / "scenes.json", {"close-ups": True, "seed": seed, "split": split})
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    refs: list[dict[str, Any]] = []
    for number in counted(count, progress):
        scene = make_scene(seed + number)
        shown = close_ups(scene, A_SCENE)
        names = [f"{A_SCENE * number + k:012d}.jpg" for k in range(len(shown))]
        if not all((out / IMAGES / name).exists() for name in names):
            frame = render(scene)
            for name, each in zip(names, shown, strict=True):
                replace_file(out / IMAGES / name, encode_jpeg(picture(each, frame)))
        for k, each in enumerate(shown):
            image_id = A_SCENE * number + k
            w, h = SIZE_WH
            images.append({"id": image_id, "file_name": names[k], "width": w, "height": h})
            said = sentences(each, scene.seed + k)
            refs += _refs(each, said, image_id, split, len(annotations) + 1, len(refs) + 1)
            annotations += _annotations(each, image_id, len(annotations) + 1)
    spoken = sum(len(ref["sentences"]) for ref in refs)
    categories = [{"id": number, "name": name} for name, number in CATEGORIES.items()]
    document = {"images": images, "annotations": annotations, "categories": categories}
    replace_file(out / INSTANCES, json.dumps(document).encode())
    replace_file(out / REFS, pickle.dumps(_numbered(refs), protocol=2))
    return len(images), spoken


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


def _refs(
    shown: CloseUp, said: list[Said], image_id: int, split: str, first: int, ref_id: int
) -> list[dict[str, Any]]:
    """One for each object that is spoken of, with all that is said of it."""
    texts: dict[int, list[str]] = defaultdict(list)
    for each in said:
        texts[each.target].append(each.ref)
    return [
        {
            "ref_id": ref_id + k,
            "ann_id": first + target,
            "image_id": image_id,
            "category_id": CATEGORIES[shown.scene.objects[target].kind],
            "split": split,
            "file_name": f"{image_id:012d}_{first + target}.jpg",
            "sentences": [{"raw": text, "sent": text, "tokens": text.split()} for text in mine],
        }
        for k, (target, mine) in enumerate(texts.items())
    ]


def _numbered(refs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The refs with an id for each sentence."""
    number = 0
    for ref in refs:
        for sentence in ref["sentences"]:
            sentence["sent_id"] = number
            number += 1
        ref["sent_ids"] = [sentence["sent_id"] for sentence in ref["sentences"]]
    return refs
