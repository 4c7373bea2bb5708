"""Scenes on disk in SOREC's layout: JPEGs and one flat JSON list."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from evaluation.scenes.expressions import Expression, expressions
from evaluation.scenes.layout import make_scene
from evaluation.scenes.render import render
from evaluation.scenes.scene import Scene

JPEG_QUALITY = 92


@dataclass(frozen=True)
class Sample:
    """A scene, its picture ((h, w, 3) uint8 BGR) and its expressions."""

    scene: Scene
    image: np.ndarray
    refs: tuple[Expression, ...]


def iterate(
    seed: int, count: int, refs_per_object: int = 2, setting: str = "plain"
) -> Iterator[Sample]:
    """Samples of the seeds ``seed`` to ``seed + count - 1``, scenes of ``setting``."""
    _check(count, refs_per_object)
    for k in range(seed, seed + count):
        scene = make_scene(k, setting=setting)
        refs = expressions(scene, k, refs_per_object)
        yield Sample(scene, render(scene), tuple(refs))


def write(
    out_dir: str | Path,
    count: int,
    seed: int,
    refs_per_object: int = 2,
    progress: bool = False,
    setting: str = "plain",
) -> tuple[int, int]:
    """Write ``out_dir/images/*.jpg`` and ``out_dir/annotations.json``.

    Scene i has seed ``seed + i`` and is called ``{i:06d}.jpg``. Pictures that exist are kept, so
    an interrupted run continues where it stopped; the JSON is written last.

    Args:
        out_dir: the folder, made if need be.
        count: how many scenes.
        seed: of the first.
        refs_per_object: the most expressions for one object.
        progress: whether to count the scenes on stderr.
        setting: of the scenes, "plain" or "road".

    Returns:
        Number of pictures and number of annotations in the folder.

    Raises:
        ValueError: ``count`` or ``refs_per_object`` below 1, a negative seed, or a folder that
            holds scenes of another seed or setting.
        OSError: the folder cannot be written.
    """
    _check(count, refs_per_object)
    if seed < 0:
        raise ValueError(f"expected a seed >= 0, got {seed}")
    out = Path(out_dir)
    images = out / "images"
    images.mkdir(parents=True, exist_ok=True)
    held = {"seed": seed} if setting == "plain" else {"seed": seed, "setting": setting}
    claim(out / "scenes.json", held)
    annotations: list[dict[str, Any]] = []
    for i in counted(count, progress):
        scene = make_scene(seed + i, setting=setting)
        name = f"{i:06d}.jpg"
        if not (images / name).exists():
            replace_file(images / name, encode_jpeg(render(scene)))
        for made in expressions(scene, seed + i, refs_per_object):
            annotations.append(_annotation(name, scene, made, len(annotations) + 1))
    lines = ",\n".join(json.dumps(annotation) for annotation in annotations)
    replace_file(out / "annotations.json", f"[\n{lines}\n]\n".encode())
    return count, len(annotations)


def encode_jpeg(image: np.ndarray) -> bytes:
    """JPEG bytes of a (h, w, 3) uint8 BGR picture."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError(f"OpenCV could not encode a picture of shape {image.shape}")
    return data.tobytes()


def _annotation(name: str, scene: Scene, made: Expression, number: int) -> dict[str, Any]:
    x1, y1, x2, y2 = (round(v) for v in scene.objects[made.target].xyxy)
    return {"image": name, "bbox": [x1, y1, x2 - x1, y2 - y1], "ref": made.ref, "id": number}


def _check(count: int, refs_per_object: int) -> None:
    if count < 1:
        raise ValueError(f"expected at least one scene, got count {count}")
    if refs_per_object < 1:
        raise ValueError(f"expected at least one expression an object, got {refs_per_object}")


def claim(path: Path, settings: Mapping[str, Any]) -> None:
    """Note what the folder holds, or refuse to mix two sets of pictures in it."""
    if path.exists():
        held = json.loads(path.read_text())
        if held != settings:
            raise ValueError(f"{path.parent} holds scenes of {held}, not of {settings}")
        return
    replace_file(path, (json.dumps(settings) + "\n").encode())


def replace_file(path: Path, data: bytes) -> None:
    """Write whole or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    partial.write_bytes(data)
    os.replace(partial, path)


def counted(count: int, progress: bool) -> Iterator[int]:
    if not progress:
        return iter(range(count))
    from tqdm import tqdm

    return iter(tqdm(range(count), desc="scenes", unit="scene"))
