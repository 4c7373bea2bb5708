"""Bundles: one question with its frame, its answers and all that it takes to ask it again.

A bundle is a ZIP file of ``bundle.json`` (see ``Bundle``), ``frame.png`` (lossless) and
``crops/ANSWER-STEP.png`` for people: what each step looked at, where that is not the whole frame.
"""

from __future__ import annotations

import json
import math
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdk.checks import Number, Whole, check_beam, check_deadline, check_starts
from sdk.errors import InputError
from sdk.frame import Frame, check_color, check_frame, decode_image, encode_image
from sdk.geometry import is_whole_frame
from sdk.json_reader import JsonReader
from sdk.nv12 import Nv12
from sdk.replay.archive import read_archive, write_archive
from sdk.results.grounding import Grounding
from sdk.results.parsing import read_answer
from sdk.zoom.state import Start

if TYPE_CHECKING:
    from sdk.grounder import Grounder

SCHEMA = "piza-edge/bundle/1"
MAX_ANSWERS = 64
MAX_FRAME_PIXELS = 2**26  # 8K video has half of it
_NAMES = re.compile(r"bundle\.json|frame\.png|crops/\d{1,2}-\d{1,2}\.png")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Options:
    """What was asked besides frame and expressions, as ``Grounder`` and its ``locate`` take it.

    Attributes:
        threshold: 0..1; None where the engine's own was used.
        color: the frame's channel order, ``"bgr"`` or ``"rgb"``.
        beam: how many candidates of the first step were followed.
        deadline_ms: milliseconds, None for none.
        starts: where each search began, one for each expression; None for the whole frame.
    """

    threshold: float | None
    color: str
    beam: int
    deadline_ms: float | None
    starts: tuple[Start | None, ...]


@dataclass(frozen=True, eq=False)
class Bundle:
    """What a bundle holds.

    Attributes:
        frame: ``(h, w, 3)`` uint8 in ``options.color`` order.
        answers: one for each expression, without the candidates that were not chosen.
        options: what was asked besides.
        engine: its ``name``, ``fingerprint``, ``backend`` and ``precision``.
        versions: of this package and of what it ran on, by name.
        created: UTC, ISO 8601.
    """

    frame: Frame
    answers: tuple[Grounding, ...]
    options: Options
    engine: Mapping[str, str]
    versions: Mapping[str, str]
    created: str


def save_bundle(
    path: str | Path,
    grounder: Grounder,
    frame: NDArray[Any] | Nv12,
    grounding: Grounding | Sequence[Grounding],
    *,
    beam: Whole = 1,
    deadline_ms: Number | None = None,
    start: Start | Sequence[Start | None] | None = None,
) -> None:
    """Writes a bundle, whole or not at all.

    Args:
        path: the ZIP file; one that is there already is replaced.
        grounder: what gave the answers.
        frame: the frame that it gave them for, ``(h, w, 3)`` uint8 in the answers' colour order, or
            ``sdk.Nv12``.
        grounding: the answer, or several of one call.
        beam: as ``locate`` was given it.
        deadline_ms: as ``locate`` was given it.
        start: as ``locate`` was given it; by default as the answers tell (see ``start_of``).

    Raises:
        InputError: the frame is not the one of the answers or has more than 2**26 pixels; there
            is no answer, or more than 64; the file cannot be written.
    """
    answers = [grounding] if isinstance(grounding, Grounding) else list(grounding)
    if not 1 <= len(answers) <= MAX_ANSWERS:
        raise InputError(f"expected 1 to {MAX_ANSWERS} answers for {path}, got {len(answers)}")
    image = check_frame(frame)
    height, width = image.shape[:2]
    if height * width > MAX_FRAME_PIXELS:
        raise InputError(f"expected at most {MAX_FRAME_PIXELS} pixels, got {width}x{height}")
    if any(each.frame_wh != (width, height) for each in answers):
        raise InputError(f"expected the frame of the answers, got one of {width}x{height}")
    manifest, color = grounder.manifest, answers[0].color
    own = grounder.threshold == manifest.threshold
    starts = [start_of(each) for each in answers] if start is None else start
    said = {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "engine": {
            "name": manifest.name,
            "fingerprint": manifest.fingerprint,
            "backend": manifest.backend,
            "precision": manifest.precision,
        },
        "versions": _versions(),
        "options": {
            "threshold": None if own else grounder.threshold,
            "color": color,
            "beam": check_beam(beam),
            "deadline_ms": check_deadline(deadline_ms),
            "starts": [
                _start_dict(each) for each in check_starts(starts, len(answers), (width, height))
            ],
        },
        "answers": [each.to_dict() for each in answers],
    }
    members = {
        "bundle.json": json.dumps(said, indent=1, allow_nan=False).encode(),
        "frame.png": encode_image(image, ".png", color),
        **_crops(image, answers, color),
    }
    write_archive(Path(path), members)


def load_bundle(path: str | Path) -> Bundle:
    """Reads a bundle, of which nothing is trusted; nothing is unpacked to disk.

    Args:
        path: the ZIP file.

    Returns:
        What it holds. Its answers have no frame: ``answer.plot(bundle.frame)`` takes it.

    Raises:
        InputError: the file cannot be read, is no bundle, or was altered.
    """
    source = str(path)
    members = read_archive(Path(path), _NAMES)
    missing = [name for name in ("bundle.json", "frame.png") if name not in members]
    if missing:
        raise InputError(f"{source} is no bundle: it has no {' and no '.join(missing)}")
    try:
        data = json.loads(members["bundle.json"])
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: bundle.json is not valid JSON ({error})") from error
    reader = JsonReader(data, f"{source}: bundle.json", InputError)
    reader.text("schema", choices=(SCHEMA,))
    answers = tuple(map(read_answer, reader.items("answers", MAX_ANSWERS)))
    if not answers:
        raise reader.fault("answers", "a list of at least one", [])
    options = _read_options(reader, len(answers), answers[0].frame_wh)
    bgr = decode_image(_bounded_png(members["frame.png"], source), f"frame.png of {source}")
    frame_wh = (bgr.shape[1], bgr.shape[0])
    if any(each.frame_wh != frame_wh for each in answers):
        raise InputError(f"{source}: frame.png is not the frame of the answers, but {frame_wh}")
    frame = bgr if options.color == "bgr" else np.ascontiguousarray(bgr[:, :, ::-1])
    return Bundle(
        frame=frame,
        answers=answers,
        options=options,
        engine={
            key: reader.text(f"engine.{key}")
            for key in ("name", "fingerprint", "backend", "precision")
        },
        versions={key: str(value) for key, value in reader.mapping("versions").items()},
        created=reader.text("created"),
    )


def ask_again(bundle: Bundle, grounder: Grounder) -> list[Grounding]:
    """Asks the questions of a bundle, in one call and with its options but for the deadline.

    Where a deadline strikes depends on the speed of the machine, so that the search is run to its
    end; see ``sdk.replay.difference.compare``. The threshold is the grounder's own.

    Args:
        bundle: what ``load_bundle`` read.
        grounder: who answers; with another engine or threshold the answers may differ.

    Returns:
        One answer for each of ``bundle.answers``.

    Raises:
        InputError: an expression cannot be asked of this engine.
        EngineError: the networks failed, or the grounder is closed.
    """
    return grounder.locate(
        bundle.frame,
        [each.ref for each in bundle.answers],
        bundle.options.color,
        beam=bundle.options.beam,
        start=bundle.options.starts,
    )


def start_of(answer: Grounding) -> Start | None:
    """Where the search for an answer began, None for the whole frame.

    The first window tells; one that was given up is given up again (``restart_below`` 1), whatever
    the score has to be for that. A start at the whole frame cannot be told from none.

    Args:
        answer: what ``locate`` gave.

    Returns:
        What to give ``locate`` as ``start``.
    """
    zooms = answer.abandoned or answer.zooms
    if not zooms or is_whole_frame(zooms[0].window_xyxy, answer.frame_wh):
        return None
    below = 1.0 if answer.abandoned else 0.0
    return Start(zooms[0].window_xyxy, below, answer.first_score)


def _start_dict(start: Start | None) -> dict[str, Any] | None:
    if start is None:
        return None
    return {
        "window_xyxy": np.asarray(start.window_xyxy, np.float64).tolist(),
        "restart_below": start.restart_below,
        "first_score": start.first_score,
    }


def _versions() -> dict[str, str]:
    """Of this package, of Python, of the machine, and of the libraries that the answer came by."""
    import cv2

    try:
        own = metadata.version("piza-edge")
    except metadata.PackageNotFoundError:
        own = "not installed"
    runtimes = {name: sys.modules.get(name) for name in ("onnxruntime", "tensorrt")}
    return {
        "piza-edge": own,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        **{name: str(each.__version__) for name, each in runtimes.items() if each is not None},
    }


def _crops(frame: Frame, answers: Sequence[Grounding], color: str) -> dict[str, bytes]:
    """What each step looked at, in whole pixels, as PNG by name."""
    crops = {}
    for number, answer in enumerate(answers, start=1):
        for step, zoom in enumerate(answer.zooms, start=1):
            if is_whole_frame(zoom.window_xyxy, answer.frame_wh):
                continue
            x1, y1, x2, y2 = zoom.window_xyxy.tolist()
            crop = frame[math.floor(y1) : math.ceil(y2), math.floor(x1) : math.ceil(x2)]
            crops[f"crops/{number}-{step}.png"] = encode_image(crop, ".png", color)
    return crops


def _bounded_png(data: bytes, source: str) -> bytes:
    """The data of a PNG file of at most ``MAX_FRAME_PIXELS``, as its first chunk (IHDR) says."""
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if not data.startswith(_PNG_SIGNATURE) or data[12:16] != b"IHDR":
        raise InputError(f"expected a PNG file as frame.png of {source}, found another")
    if not 0 < width * height <= MAX_FRAME_PIXELS:
        raise InputError(
            f"expected 1 to {MAX_FRAME_PIXELS} pixels in frame.png of {source}, found"
            f" {width}x{height}"
        )
    return data


def _read_options(reader: JsonReader, count: int, frame_wh: tuple[int, int]) -> Options:
    threshold, deadline_ms = reader.raw("options.threshold"), reader.raw("options.deadline_ms")
    starts = reader.raw("options.starts")
    if not isinstance(starts, list):
        raise reader.fault("options.starts", "a list", starts)
    return Options(
        threshold=None if threshold is None else reader.number("options.threshold", 0.0, 1.0),
        color=check_color(reader.text("options.color")),
        beam=check_beam(int(reader.number("options.beam", 1, whole=True))),
        deadline_ms=None if deadline_ms is None else reader.number("options.deadline_ms", 0.0),
        starts=tuple(check_starts([_read_start(reader, each) for each in starts], count, frame_wh)),
    )


def _read_start(reader: JsonReader, data: Any) -> Start | None:
    if data is None:
        return None
    start = JsonReader(data, f"{reader.source}, options.starts", InputError)
    window = start.numbers("window_xyxy", 4, -1e9, 1e9)
    return Start(
        window,
        start.number("restart_below", 0.0, 1.0),
        start.optional_number("first_score", 0.0, 1.0),
    )
