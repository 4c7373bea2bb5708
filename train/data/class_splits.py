"""Which classes a detector knows before, and which it is taught by a few shots.

The published splits are of VOC's twenty classes (Kang et al. 2019) and of COCO's eighty, of which
those twenty are novel. A file may name any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdk.errors import InputError
from sdk.json_reader import JsonReader

_MOST_CLASSES = 10_000
VOC = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
_IN_COCO = {  # VOC's names that COCO spells otherwise
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}
PUBLISHED: Mapping[str, tuple[str, ...]] = {  # the novel classes
    "coco": tuple(_IN_COCO.get(name, name) for name in VOC),
    "voc1": ("bird", "bus", "cow", "motorbike", "sofa"),
    "voc2": ("aeroplane", "bottle", "cow", "horse", "sofa"),
    "voc3": ("boat", "cat", "motorbike", "sheep", "sofa"),
}


@dataclass(frozen=True)
class ClassSplit:
    """Two sets of classes.

    Attributes:
        base: known before, in the order of the annotations.
        novel: to be taught.
    """

    base: tuple[str, ...]
    novel: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """All of them, in the order of the detector's labels."""
        return (*self.base, *self.novel)


def read_split(said: str, known: Sequence[str]) -> ClassSplit:
    """The split that an option names.

    Args:
        said: ``coco``, ``voc1``, ``voc2``, ``voc3``, or a JSON file ``{"novel": [...]}``, with
            ``"base"`` too where not every other class is one.
        known: the categories of the annotations.

    Raises:
        InputError: there is no such split, a class is on both sides, or the annotations have no
            such category.
    """
    if said in PUBLISHED:
        novel, base = PUBLISHED[said], tuple(name for name in known if name not in PUBLISHED[said])
    else:
        base, novel = _from_file(Path(said), known)
    if both := sorted(set(base) & set(novel)):
        raise InputError(
            f"expected a class of the split {said} on one side, found {', '.join(both)} on both:"
            " what is base is not taught again"
        )
    if strange := [name for name in (*base, *novel) if name not in known]:
        raise InputError(
            f"the annotations have no category {', '.join(strange[:5])} of the split {said}; they"
            f" have {', '.join(known[:20])}{', ...' if len(known) > 20 else ''}"
        )
    if not base or not novel:
        side = "novel" if base else "base"
        raise InputError(f"expected classes on both sides of the split {said}, found no {side} one")
    return ClassSplit(tuple(dict.fromkeys(base)), tuple(dict.fromkeys(novel)))


def _from_file(path: Path, known: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"expected --split {', '.join(PUBLISHED)} or a JSON file with the classes that are"
            f" novel, got {path}: {error}"
        ) from error
    reader = JsonReader(document, str(path), InputError)
    novel = reader.texts("novel", _MOST_CLASSES)
    if "base" in document:
        return reader.texts("base", _MOST_CLASSES), novel
    return tuple(name for name in known if name not in novel), novel
