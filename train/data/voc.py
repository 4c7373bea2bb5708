"""PASCAL VOC's layout: a list of images, ``VOC2007/ImageSets/Main/trainval.txt``, and an XML file a
image in ``VOC2007/Annotations``; read as the COCO document that says the same.

Pixels of VOC's boxes are counted from 1, the last one included.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from sdk.errors import InputError

LISTS = (".txt",)
DIFFICULT = "difficult"  # of an entry: VOC's own mark of what a detector is not asked for


def read_voc(path: Path) -> dict[str, Any]:
    """What the annotations of the listed images say, in COCO's layout.

    Args:
        path: the list, a name a line; what else stands in a line is of no account.

    Raises:
        InputError: an image has no annotations, or they are no XML.
        OSError: as reading does.
    """
    folder = path.resolve().parent.parent.parent / "Annotations"
    lines = path.read_text(encoding="utf-8").splitlines()
    images: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    for name in dict.fromkeys(line.split()[0] for line in lines if line.strip()):
        root = _root(folder / f"{name}.xml")
        images.append({"id": name, "file_name": root.findtext("filename") or f"{name}.jpg"})
        for side in ("width", "height"):
            if (number := _number(root.findtext(f"size/{side}"))) is not None:
                images[-1][side] = number
        entries += _entries(root, name, len(entries))
    names = sorted({entry["category_id"] for entry in entries})
    categories = [{"id": name, "name": name} for name in names]
    return {"images": images, "annotations": entries, "categories": categories}


def _entries(root: ElementTree.Element, image: str, first: int) -> Iterator[dict[str, Any]]:
    for number, item in enumerate(root.iterfind("object"), first):
        corners = [
            _number(item.findtext(f"bndbox/{key}")) for key in ("xmin", "ymin", "xmax", "ymax")
        ]
        box = None
        if None not in corners:
            x1, y1, x2, y2 = (corner for corner in corners if corner is not None)
            box = [x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1]
        yield {
            "id": number,
            "image_id": image,
            "category_id": (item.findtext("name") or "").strip(),
            "bbox": box,
            DIFFICULT: item.findtext("difficult") == "1",
        }


def _root(path: Path) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(path.read_bytes())
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"expected VOC's XML in {path}: {error}") from error


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
