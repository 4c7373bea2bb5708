"""What a log's parts cost the processors each: decoding, more expressions, writing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.seeds import VIDEO_CLIPS

if TYPE_CHECKING:
    import pyarrow

    from sdk.grounder import Grounder

PARTS = (1_000, 10_000, 100_000)  # that a folder may hold
REFS = (1, 2, 4, 8, 16, 32)  # that a frame may be asked
READ_WH = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
_READ_FRAMES, _ASKED_FRAMES = 24, 8


def asking(grounder: Grounder, seed: int) -> Iterator[dict[str, Any]]:
    """What so many expressions in a call take of the processors, on frames of 1920x1080; their
    texts are known, as in a batch after the first frame."""
    from benchmarks.commands.scaling import frames_with

    frames = frames_with(max(REFS), _ASKED_FRAMES, seed)
    for count in REFS:
        times_ms = []
        for frame, refs in frames:
            grounder.locate(frame, refs[:count])
            begin_s = time.process_time()
            grounder.locate(frame, refs[:count])
            times_ms.append((time.process_time() - begin_s) * 1e3)
        yield {"refs": count, "cpu_ms": float(np.median(times_ms)), "frames": len(frames)}


def writing(answers: pyarrow.Table, place: Path) -> dict[str, Any]:
    """What the one process that writes needs of a processor: for a part of 128 answers, and for a
    manifest that lists many."""
    from sdk.fleet.output import Written, open_output
    from sdk.fleet.work import File, Part

    several = answers.slice(0, 128)
    films = [File(f"{number}.mp4", f"{number}.mp4") for number in range(50)]
    output = open_output(str(place / "writing"), {}, films, 128, resume=False)
    times_ms = []
    for number in range(len(films)):
        begin_s = time.process_time()
        output.add(Part(number, 0, True, len(several), several))
        times_ms.append((time.process_time() - begin_s) * 1e3)
    rows = []
    for count in PARTS:
        output.shards = [(File(f"drive/{k:06}.mp4", ""),) for k in range(count)]
        output.written = [Written(k, 0, True, 128) for k in range(count)]
        begin_s = time.process_time()
        output.tell()
        rows.append({"parts": count, "seconds": time.process_time() - begin_s})
    return {"frames": len(several), "part_ms": float(np.median(times_ms)), "manifest": rows}


def reading(place: Path) -> Iterator[dict[str, Any]]:
    """What decoding takes of the processors, by the size of the film."""
    import cv2

    from benchmarks.fleet.logs import read_film, write_film
    from evaluation.scenes.motion.clip import make_clip

    pictures = list(make_clip(VIDEO_CLIPS, "ego", _READ_FRAMES).frames())
    for name, wh in READ_WH.items():
        film = place / f"{name}.mp4"
        write_film(film, (cv2.resize(p, wh, interpolation=cv2.INTER_AREA) for p in pictures))
        begin_s = time.process_time()
        count = sum(1 for _ in read_film(film))
        ms = (time.process_time() - begin_s) * 1e3 / count
        yield {"frame": name, "frame_wh": list(wh), "ms": ms, "bytes": film.stat().st_size / count}
