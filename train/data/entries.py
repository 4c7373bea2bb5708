"""What the readers of annotations share: the record, the problem, the checks of each field."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evaluation.questions import Rect
from sdk.errors import InputError
from sdk.text import normalise

# A box may stick out of its image by less than this: a rounding, not a mistake. It is cut then.
OVERHANG_PX = 1.0


@dataclass(frozen=True)
class Annotation:
    """A sentence and the box of the object that it names.

    Attributes:
        image: file name of the image, relative to the folder of images.
        xyxy: the box in pixels of the upright frame, as ``sdk.frame.read_image`` gives it.
        ref: the referring expression, as it was written.
        id: the entry's own id.
        category: the object's category, None where the file knows of none.
        crowd: the box is of a group of objects, as COCO marks them.
        stated_wh: width and height in pixels that the file states for the image, infinite where
            it does not; no part of what the annotation says.
    """

    image: str
    xyxy: Rect
    ref: str
    id: int | str
    category: str | None = None
    crowd: bool = False
    stated_wh: tuple[float, float] = field(default=(math.inf, math.inf), compare=False)


@dataclass(frozen=True)
class Problem:
    """An entry that cannot be used: its index in the file's list, from 0, and why."""

    entry: int
    reason: str


@dataclass(frozen=True)
class AnnotationSet:
    """What a file holds: the usable annotations in the file's order, and the other entries.

    ``lost``: why photographs of the items cannot be read any more, by name; only a run that goes
    on keeps such items.
    """

    items: tuple[Annotation, ...]
    problems: tuple[Problem, ...]
    lost: Mapping[str, str] = field(default_factory=dict)

    @property
    def images(self) -> tuple[str, ...]:
        """Names of the photographs of the items, each once."""
        return tuple(dict.fromkeys(item.image for item in self.items))


class MalformedError(Exception):
    """One entry cannot be used; the message becomes the reason of a ``Problem``."""


Parse = Callable[[Any], Iterable[Annotation]]
Check = Callable[[int, Annotation], Annotation]


def collect(entries: Sequence[Any], parse: Parse, check: Check) -> AnnotationSet:
    """Parses each entry to its annotations; one that raises ``MalformedError`` becomes a problem.

    Args:
        entries: as the file has them.
        parse: an entry -> its annotations.
        check: holds an annotation of an entry (its index) against its image; the annotation,
            perhaps cut to the image.
    """
    items: list[Annotation] = []
    problems: list[Problem] = []
    for number, entry in enumerate(entries):
        try:
            items += [check(number, annotation) for annotation in parse(entry)]
        except MalformedError as error:
            problems.append(Problem(number, str(error)))
    return AnnotationSet(tuple(items), tuple(problems))


def fields(entry: Any, *names: str) -> list[Any]:
    """The values of an entry's required fields."""
    if not isinstance(entry, dict):
        raise MalformedError(f"expected an object with {', '.join(names)}, got {short(entry)}")
    missing = [name for name in names if name not in entry]
    if missing:
        raise MalformedError(f"no {', '.join(missing)}: expected the fields {', '.join(names)}")
    return [entry[name] for name in names]


def image_name(value: Any) -> str:
    """A file name inside the folder of images; sub-folders are welcome, ways out of it are not."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise MalformedError(f"expected the file name of an image, got {short(value)}")
    parts = value.replace("\\", "/").split("/")
    if parts[0] == "" or parts[0].endswith(":") or ".." in parts:
        raise MalformedError(
            f"expected a file name inside the folder of images, got {short(value)}"
        )
    return value


def box_xyxy(value: Any) -> Rect:
    """``[x, y, width, height]`` in pixels -> ``(x1, y1, x2, y2)``."""
    if not isinstance(value, list | tuple) or len(value) != 4:
        raise MalformedError(f"expected a box [x, y, width, height], got {short(value)}")
    numbers = [_number(part) for part in value]
    if None in numbers:
        raise MalformedError(f"expected a box [x, y, width, height] of numbers, got {short(value)}")
    x, y, width, height = (number for number in numbers if number is not None)
    x2, y2 = x + width, y + height
    if not (x < x2 < math.inf and y < y2 < math.inf):
        raise MalformedError(f"expected a box of positive width and height, got {short(value)}")
    return x, y, x2, y2


def expression(value: Any) -> str:
    """A sentence that the tokenizer accepts, without blanks around it."""
    try:
        normalise(value)
    except InputError as error:
        raise MalformedError(str(error)) from error
    return str(value).strip()


def expressions(value: Any) -> list[str]:
    """A sentence, or a list of them; one may be a record with its text under ``sent`` or ``raw``
    as in RefCOCO."""
    several = value if isinstance(value, list | tuple) else [value]
    texts = [one.get("sent", one.get("raw")) if isinstance(one, dict) else one for one in several]
    if not texts:
        raise MalformedError("expected at least one sentence, got an empty list")
    return [expression(text) for text in texts]


def identity(value: Any) -> int | str:
    """An id: a whole number of at most 64 bits, or a text."""
    number = isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64
    if not number and not isinstance(value, str):
        raise MalformedError(f"expected an id, a whole number or a text, got {short(value)}")
    return value


def within(annotation: Annotation, width: float, height: float) -> Annotation:
    """The annotation with its box cut to the image of ``width`` x ``height`` px.

    An infinite size stands for one that is not known. Raises MalformedError for a box that sticks
    out by ``OVERHANG_PX`` or more, or of which nothing is left.
    """
    x1, y1, x2, y2 = annotation.xyxy
    out = max(-x1, -y1, x2 - width, y2 - height)
    cut = (max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height)))
    if out >= OVERHANG_PX or cut[0] >= cut[2] or cut[1] >= cut[3]:
        size = f" ({width:.0f} x {height:.0f} px)" if math.isfinite(width + height) else ""
        numbers = ", ".join(f"{v:g}" for v in annotation.xyxy)
        raise MalformedError(
            f"the box {numbers} (xyxy) is outside its image {annotation.image}{size}"
        )
    return replace(annotation, xyxy=cut)


def as_stated(annotation: Annotation, width: int, height: int) -> Annotation:
    """The annotation, if its image of ``width`` x ``height`` px is the one that the file states.

    Boxes of a picture of another size are wrong even where they lie inside. Raises MalformedError
    for sizes that are apart by more than ``OVERHANG_PX``.
    """
    stated, found = annotation.stated_wh, (width, height)

    def differs(sides: tuple[float, float]) -> bool:
        pairs = zip(stated, sides, strict=True)
        return any(math.isfinite(a) and abs(a - b) > OVERHANG_PX for a, b in pairs)

    if not differs(found):
        return annotation
    said = " x ".join("?" if math.isinf(side) else f"{side:.0f}" for side in stated)
    why = "it was resized or exchanged"
    if not differs((height, width)):
        why = "the boxes may be of the picture before its EXIF data turned it"
    raise MalformedError(
        f"the file states {said} px for {annotation.image}, which has {width} x {height} px: {why}"
    )


def short(value: Any) -> str:
    """A value for a message: never long, whatever it is."""
    if (
        isinstance(value, int) and value.bit_length() > 128
    ):  # Python refuses to print very long ones
        return f"a number of {value.bit_length()} bits"
    return reprlib.repr(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
