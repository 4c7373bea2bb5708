"""What a search costs as the work grows: expressions, frame size, threads, batch, zoom steps."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.commands.latency import timed
from evaluation.questions import Workload
from evaluation.scenes import expressions, make_scene, render
from sdk.engine.folder import read_manifest, write_manifest
from sdk.grounder import Grounder
from sdk.runtime import RuntimeSession
from sdk.text import Tokenizer
from sdk.zoom.search import GroundInput

Frame = NDArray[np.uint8]

REFS = (1, 2, 4, 8, 16, 32, 64)
FRAMES_WH = {
    "720p": (1280, 720),
    "1080p": (1920, 1080),
    "1440p": (2560, 1440),
    "4K": (3840, 2160),
    "5K": (5120, 2880),
    "8K": (7680, 4320),
}
BATCHES = (1, 2, 4, 8, 16)
STEPS = (1, 2, 3, 4, 5)
_WINDOW_WH = (480, 270)  # of the windows of a batch, frame pixels
_NEVER = 2.0  # an end-of-search probability that no box reaches


@dataclass(frozen=True)
class Setting:
    """One point of an axis: ``at`` is its number (megapixels of a frame), ``label`` its name.

    ``ask(k)`` runs question ``k`` once and gives the steps that it took.
    """

    at: float
    label: str
    ask: Callable[[int], float]


def measure(
    axis: str,
    settings: Sequence[Setting],
    questions: int,
    rounds: int,
    progress: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> list[dict[str, Any]]:
    """A row for each setting; they take turns on every question, in another order each time.

    A first round, in which texts are encoded and memory is taken, does not count.

    Returns:
        Rows with ``p10_ms``, ``p50_ms``, ``p90_ms``, ``steps`` (the mean), ``n``, and ``relative``:
        the median over the questions of the time over that of the first setting.
    """
    times = np.zeros((len(settings), rounds + 1, questions))
    steps = np.zeros_like(times)
    rng = np.random.default_rng(0)
    for turn in progress(range(rounds + 1)):
        for question in range(questions):
            for k in rng.permutation(len(settings)):
                found, ms = timed(partial(settings[k].ask, question))
                times[k, turn, question], steps[k, turn, question] = ms, found
    counted = times[:, 1:]
    of_question = np.median(counted, axis=1)  # (settings, questions)
    return [
        {
            "axis": axis,
            "at": setting.at,
            "label": setting.label,
            **{f"p{rank}_ms": float(np.percentile(counted[k], rank)) for rank in (10, 50, 90)},
            "relative": float(np.median(of_question[k] / of_question[0])),
            "steps": float(steps[k, 1:].mean()),
            "n": counted[k].size,
        }
        for k, setting in enumerate(settings)
    ]


def by_refs(
    grounder: Grounder, frames: Sequence[tuple[Frame, Sequence[str]]], counts: Sequence[int]
) -> list[Setting]:
    """So many expressions in one call; each frame comes with at least ``max(counts)``."""

    def asking(count: int) -> Callable[[int], float]:
        def ask(k: int) -> float:
            frame, refs = frames[k]
            return _steps(grounder.locate(frame, list(refs[:count])))

        return ask

    return [Setting(count, str(count), asking(count)) for count in counts]


def by_frame(
    grounder: Grounder, workload: Workload, sizes_wh: dict[str, tuple[int, int]]
) -> list[Setting]:
    """The same pictures in other sizes, one expression each."""
    import cv2

    def asking(frames: list[Frame]) -> Callable[[int], float]:
        def ask(k: int) -> float:
            picture, ref = workload.questions[k]
            return float(len(grounder.locate(frames[picture], ref).zooms))

        return ask

    return [
        Setting(
            wh[0] * wh[1] / 1e6,
            label,
            asking([cv2.resize(f, wh, interpolation=cv2.INTER_AREA) for f in workload.frames]),
        )
        for label, wh in sizes_wh.items()
    ]


def by_batch(
    session: RuntimeSession, tokenizer: Tokenizer, workload: Workload, counts: Sequence[int]
) -> list[Setting]:
    """So many windows of a frame handed to the networks at once, all asked about one expression:
    what the search does in a round. The text is encoded beforehand."""
    texts = [session.encode_text(tokenizer.encode(ref)) for _, ref in workload.questions]
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, np.subtract(workload.frame_wh, _WINDOW_WH), (max(counts), 2))
    windows = np.concatenate([corners, corners + _WINDOW_WH], axis=1)  # (n, 4) xyxy

    def asking(count: int) -> Callable[[int], float]:
        def ask(k: int) -> float:
            frame = session.upload(workload.frames[workload.questions[k][0]])
            images = session.encode_images(frame, windows[:count])
            session.ground([GroundInput(image, texts[k], 0.5) for image in images])
            return 1.0

        return ask

    return [Setting(count, str(count), asking(count)) for count in counts]


def by_grounder(grounders: dict[int, Grounder], workload: Workload) -> list[Setting]:
    """One expression a question, by grounders that differ in what their numbers say."""

    def asking(grounder: Grounder) -> Callable[[int], float]:
        def ask(k: int) -> float:
            picture, ref = workload.questions[k]
            return float(len(grounder.locate(workload.frames[picture], ref).zooms))

        return ask

    return [Setting(number, str(number), asking(each)) for number, each in grounders.items()]


@contextmanager
def with_threads(
    engine: Path, counts: Sequence[int], allow_unproven: bool
) -> Iterator[dict[int, Grounder]]:
    """A grounder for each number of threads."""
    with ExitStack() as stack:
        yield {
            count: stack.enter_context(
                Grounder(engine, threads=count, allow_unproven=allow_unproven)
            )
            for count in counts
        }


@contextmanager
def with_steps(
    engine: Path, counts: Sequence[int], threads: int | None
) -> Iterator[dict[int, Grounder]]:
    """A grounder for each number of steps, all of which it takes: engines that differ from
    ``engine`` in the zoom policy of their manifest alone, made for the occasion (and so unproven).
    """
    with TemporaryDirectory() as folder, ExitStack() as stack:
        yield {
            count: stack.enter_context(
                Grounder(
                    _engine_with_steps(engine, Path(folder) / str(count), count),
                    threads=threads,
                    allow_unproven=True,
                )
            )
            for count in counts
        }


def thread_counts(cores: int) -> list[int]:
    """Powers of two up to the cores, and the cores."""
    counts = {cores} | {2**k for k in range(cores.bit_length()) if 2**k <= cores}
    return sorted(counts)


def frames_with(count: int, scenes: int, seed: int) -> list[tuple[Frame, list[str]]]:
    """``scenes`` frames, each with ``count`` different expressions: its own first, then those of
    the scenes that follow, which send the search somewhere all the same."""
    found = []
    for own in range(seed, seed + scenes):
        refs: dict[str, None] = {}
        following = own
        while len(refs) < count:
            refs |= dict.fromkeys(
                each.ref for each in expressions(make_scene(following), following)
            )
            following += scenes
        found.append((render(make_scene(own)), list(refs)[:count]))
    return found


def _engine_with_steps(engine: Path, folder: Path, steps: int) -> Path:
    manifest = read_manifest(engine)
    folder.mkdir()
    for name in manifest.files:
        os.symlink((engine / name).resolve(), folder / name)
    zoom = dataclasses.replace(manifest.zoom, max_steps=steps, stop_threshold=_NEVER)
    write_manifest(folder, dataclasses.replace(manifest, zoom=zoom, certificate=None))
    return folder


def _steps(answers: Sequence[Any]) -> float:
    return float(np.mean([len(each.zooms) for each in answers]))
