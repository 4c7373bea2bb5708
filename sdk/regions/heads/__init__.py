"""Heads: from the outputs of a detector network to boxes, on the host. One module a kind."""

from __future__ import annotations

from collections.abc import Callable

from sdk.json_reader import JsonReader
from sdk.regions.heads.detr import Detr
from sdk.regions.heads.gfl import Gfl, Level
from sdk.regions.heads.head import ACTIVATIONS, NOTHING, Found, Head, Scoring, Wanted
from sdk.regions.heads.ssd import ANCHORS, PUBLISHED_HW, PYRAMID, Ssd
from sdk.regions.heads.yolo import LAYOUTS, Yolo

__all__ = ["KINDS", "Found", "Head", "Wanted", "read_head"]

_MOST_CLASSES = 100_000
_LEVELS = 8


def read_head(reader: JsonReader) -> Head:
    """The head that a block of a manifest describes, as ``Head.to_mapping`` wrote it.

    Raises:
        EngineError: a value is missing or makes no sense.
    """
    return _READERS[reader.text("kind", choices=KINDS)](reader)


def _yolo(reader: JsonReader) -> Yolo:
    return Yolo(
        output=reader.text("output"),
        layout=reader.text("layout", choices=LAYOUTS),
        classes=_classes(reader),
        input_hw=_size(reader),
        objectness=reader.boolean("objectness"),
        relative=reader.boolean("relative"),
    )


def _detr(reader: JsonReader) -> Detr:
    return Detr(reader.text("logits"), reader.text("boxes"), _classes(reader), _scoring(reader))


def _ssd(reader: JsonReader) -> Ssd:
    anchors = reader.text("anchors", choices=tuple(ANCHORS))
    return Ssd(
        scores=reader.text("scores"),
        offsets=reader.text("offsets"),
        classes=_classes(reader),
        scoring=_scoring(reader),
        anchors=anchors,
        columns=reader.boolean("columns"),
        input_hw=_size(reader) if anchors == PYRAMID else PUBLISHED_HW,
    )


def _gfl(reader: JsonReader) -> Gfl:
    together = reader.raw("together")
    levels = [
        Level(
            int(each.number("stride", low=1, high=1024, whole=True)),
            each.text("scores") if not together else "",
            each.text("distances") if not together else "",
        )
        for each in reader.items("levels", _LEVELS)
    ]
    if not levels:
        raise reader.fault("levels", "at least one", [])
    return Gfl(
        levels=tuple(levels),
        classes=_classes(reader),
        input_hw=_size(reader),
        scoring=Scoring(reader.text("activation", choices=ACTIVATIONS)),
        bins=int(reader.number("bins", low=2, high=256, whole=True)),
        centre=reader.number("centre", low=0.0, high=1.0),
        together=reader.text("together") if together else "",
    )


_READERS: dict[str, Callable[[JsonReader], Head]] = {
    "yolo": _yolo,
    "detr": _detr,
    "ssd": _ssd,
    "gfl": _gfl,
}
KINDS = tuple(_READERS)


def _classes(reader: JsonReader) -> int:
    return int(reader.number("classes", low=1, high=_MOST_CLASSES, whole=True))


def _scoring(reader: JsonReader) -> Scoring:
    return Scoring(
        reader.text("activation", choices=ACTIVATIONS), reader.text("nothing", choices=NOTHING)
    )


def _size(reader: JsonReader) -> tuple[int, int]:
    height, width = reader.numbers("input_hw", 2, 1, 8192)
    return int(height), int(width)
