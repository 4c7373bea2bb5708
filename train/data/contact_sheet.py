"""A contact sheet: what the sentences of an annotation file point at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sdk.frame import read_image
from sdk.visual.canvas import Canvas, Picture, shorten, text_width, wrap_text
from sdk.visual.panels import BACKGROUND, FOUND, GREY, WHITE, view_around
from train.data.entries import Annotation

COLUMNS, ROWS = 4, 5
TILE_WH = (440, 330)
GAP, MARGIN = 28, 32
HEAD_HEIGHT = 96
TEXT_SIZE, LINE_HEIGHT, MAX_LINES = 19, 26, 8
NOTE_HEIGHT = 34
AROUND_FACTOR = 7.0  # sides of the window in sides of the box, for the surroundings of a sentence
AROUND_PX = 200.0  # at least


@dataclass(frozen=True)
class Tile:
    """A picture around one object (``TILE_WH``, BGR), a note on it, and its sentence in lines."""

    picture: Picture
    note: str
    lines: tuple[str, ...]


def contact_sheet(items: Sequence[Annotation], images: Path, title: str, seed: int = 0) -> Picture:
    """Twenty of the annotations, of different photographs where there are enough.

    Args:
        items: at least one annotation whose image is in the folder.
        images: folder of the photographs.
        title: what is shown.
        seed: of the choice.

    Returns:
        A BGR picture: the surroundings of each object, its box, its sentence below.

    Raises:
        InputError: a photograph cannot be read.
    """
    chosen = choose(items, COLUMNS * ROWS, seed)
    tiles = [_tile(item, images) for item in chosen]
    rows = [tiles[k : k + COLUMNS] for k in range(0, len(tiles), COLUMNS)]
    heights = [max(_tile_height(tile) for tile in row) for row in rows]
    columns = min(COLUMNS, max(len(tiles), 2))  # two, so that the title has room
    width = 2 * MARGIN + columns * TILE_WH[0] + (columns - 1) * GAP
    canvas = Canvas(width, HEAD_HEIGHT + sum(heights) + MARGIN, BACKGROUND)
    _head(canvas, title, f"{len(tiles)} of {len(items):,}")
    top = HEAD_HEIGHT
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            _place(canvas, tile, MARGIN + column * (TILE_WH[0] + GAP), top)
        top += height
    return canvas.image


def choose(items: Sequence[Annotation], count: int, seed: int) -> list[Annotation]:
    """Some of the annotations, in their order: no photograph twice while there is another."""
    rng = np.random.default_rng(seed)
    of_image: dict[str, int] = {}
    ranked: list[tuple[int, int, int]] = []  # how often its image came before, rank, index
    for index in rng.permutation(len(items)).tolist():
        image = items[index].image
        of_image[image] = of_image.get(image, -1) + 1
        ranked.append((of_image[image], len(ranked), index))
    return [items[index] for index in sorted(index for *_, index in sorted(ranked)[:count])]


def _tile(item: Annotation, images: Path) -> Tile:
    frame = read_image(images / item.image)
    canvas = Canvas(*TILE_WH, BACKGROUND)
    view = view_around(item.xyxy, AROUND_FACTOR, AROUND_PX, frame.shape[:2], (0, 0, *TILE_WH))
    canvas.show(frame, view)
    canvas.box(view.to_canvas(item.xyxy), FOUND, 2)
    x1, y1, x2, y2 = item.xyxy
    note = f"{item.id} · {item.image} · {x2 - x1:.0f} × {y2 - y1:.0f} px"
    if item.category is not None:
        note += f" · {item.category}"
    lines = wrap_text(item.ref, TEXT_SIZE, TILE_WH[0], MAX_LINES)
    return Tile(canvas.image, shorten(note, 16, TILE_WH[0]), tuple(lines))


def _tile_height(tile: Tile) -> int:
    return TILE_WH[1] + NOTE_HEIGHT + LINE_HEIGHT * len(tile.lines) + GAP


def _place(canvas: Canvas, tile: Tile, left: int, top: int) -> None:
    width, height = TILE_WH
    canvas.image[top : top + height, left : left + width] = tile.picture
    canvas.text(left, top + height + 25, tile.note, 16, GREY)
    for number, line in enumerate(tile.lines, start=1):
        baseline = top + height + NOTE_HEIGHT + LINE_HEIGHT * number - 6
        canvas.text(left, baseline, line, TEXT_SIZE, WHITE)


def _head(canvas: Canvas, title: str, count: str) -> None:
    right = canvas.image.shape[1] - MARGIN
    canvas.text(right - text_width(count, 22), 58, count, 22, GREY)
    room = right - 2 * MARGIN - text_width(count, 22)
    canvas.text(MARGIN, 60, shorten(title, 30, room, 600), 30, WHITE, 600)
