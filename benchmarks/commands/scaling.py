"""``python -m benchmarks scaling``: what does more of everything cost?"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import options
from benchmarks.asking import mean, timed
from benchmarks.plots.style import check_plot
from benchmarks.report.section import (
    Figures,
    Headline,
    Part,
    Picture,
    Section,
    Table,
    milliseconds,
    printed,
    times,
    two_digits,
)
from benchmarks.variants import variant
from evaluation.questions import Workload, make_workload
from evaluation.scenes import expressions, make_scene, render
from evaluation.seeds import TIMES
from sdk.cores import usable_cores
from sdk.families import open_networks
from sdk.grounder import Grounder
from sdk.options import positive
from sdk.text import Tokenizer
from sdk.zoom.answering import Networks
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
AXES = {
    "refs": "expressions in one call",
    "frame": "frame",
    "threads": "CPU threads",
    "batch": "windows at once",
    "steps": "zoom steps",
}
PART = Part(quick=("--questions", "1", "--rounds", "1"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--axis", choices=AXES, nargs="+", default=list(AXES), help="which (all)")
    parser.add_argument("--questions", type=positive, default=8, help="different ones, each asked")
    parser.add_argument("--rounds", type=positive, default=5, help="that count, of all in turn")
    options.add_seed(parser, TIMES)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them (.png, .svg)")
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON and the plot."""
    from tqdm import tqdm

    if args.plot is not None:
        check_plot(args.plot)
    rows = []
    with options.measurement(args) as measurement:
        for axis in dict.fromkeys(args.axis):
            rows += _axis(axis, measurement.grounder, args, partial(tqdm, unit="round", desc=axis))
    figures = {
        "benchmark": "scaling",
        "rows": rows,
        "questions": args.questions,
        "rounds": args.rounds,
        "seed": args.seed,
    }
    print("\n".join([*measurement.header, "", printed(section(figures))]))
    measurement.write(figures)
    if args.plot is not None:
        from benchmarks.plots.scaling_plot import scaling_plot

        scaling_plot(rows, args.plot)
    return 0


def _axis(
    axis: str,
    grounder: Grounder,
    args: argparse.Namespace,
    progress: Callable[[Any], Iterable[Any]],
) -> list[dict[str, Any]]:
    if axis == "refs":
        count = max(1, args.questions // 2)  # each is a hundred expressions long
        frames = frames_with(max(REFS), count, args.seed)
        settings = by_refs(grounder, frames, REFS)
        return measure(axis, settings, count, args.rounds, progress)
    workload = make_workload(args.questions, args.seed)
    if axis == "frame":
        settings = by_frame(grounder, workload, FRAMES_WH)
        return measure(axis, settings, args.questions, args.rounds, progress)
    if axis == "batch":
        manifest = grounder.manifest
        tokenizer = Tokenizer.from_file(grounder.path / "tokenizer.json", manifest.max_tokens)
        with closing(open_networks(grounder.path, manifest, args.threads)) as runtime:
            networks = Networks(runtime, manifest.family == "piza")
            settings = by_batch(networks, tokenizer, workload, BATCHES)
            return measure(axis, settings, args.questions, args.rounds, progress)
    if axis == "threads":
        counts = thread_counts(usable_cores())
        several = with_threads(grounder.path, counts, args.allow_unproven)
    else:
        several = with_steps(grounder.path, STEPS, args.threads)
    with several as grounders:
        settings = by_grounder(grounders, workload)
        return measure(axis, settings, args.questions, args.rounds, progress)


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
    networks: Networks, tokenizer: Tokenizer, workload: Workload, counts: Sequence[int]
) -> list[Setting]:
    """So many windows of a frame handed to the networks at once, all asked about one expression:
    what the search does in a round. The text is encoded beforehand."""
    texts = [networks.encode_text(tokenizer.encode(ref)) for _, ref in workload.questions]
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, np.subtract(workload.frame_wh, _WINDOW_WH), (max(counts), 2))
    windows = np.concatenate([corners, corners + _WINDOW_WH], axis=1)  # (n, 4) xyxy

    def asking(count: int) -> Callable[[int], float]:
        def ask(k: int) -> float:
            frame = networks.runtime.upload(workload.frames[workload.questions[k][0]])
            images = networks.encode_images(frame, windows[:count])
            networks.ground([GroundInput(image, texts[k], 0.5) for image in images])
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
                    variant(
                        engine,
                        Path(folder, str(count)),
                        {"max_steps": count, "stop_threshold": _NEVER},
                    ),
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


def _steps(answers: Sequence[Any]) -> float:
    return mean([len(each.zooms) for each in answers])


def section(figures: Figures) -> Section:
    """A table an axis."""
    from benchmarks.plots.scaling_plot import scaling_plot

    cells: dict[str, list[tuple[str, ...]]] = {}
    for row in figures["rows"]:
        some_ms = (milliseconds(row[key]) for key in ("p10_ms", "p50_ms", "p90_ms"))
        some = cells.setdefault(row["axis"], [])
        some.append((row["label"], *some_ms, times(row["relative"]), two_digits(row["steps"])))
    head = ("p10 ms", "p50 ms", "p90 ms", "to the first", "steps")
    return Section(
        "Scaling",
        (
            "Everything else as it is. The settings of an axis take turns; the last column is the"
            " median over questions of the time over that of the axis' first setting. The engines"
            " of the zoom steps never stop early. Windows at once: crop, image and ground network"
            " of one round; networks have a batch of one, and run side by side, one a core.",
        ),
        tuple(Table((AXES[axis], *head), tuple(some)) for axis, some in cells.items()),
        (Picture("scaling", "Scaling", partial(scaling_plot, figures["rows"])),),
        headlines=tuple(_headlines(figures)),
    )


def _headlines(figures: Figures) -> Iterator[Headline]:
    frames = [row for row in figures["rows"] if row["axis"] == "frame"]
    if frames:
        first, last = frames[0], frames[-1]
        yield Headline(
            f"{last['label']} instead of {first['label']}",
            times(last["relative"]),
            "of the time of a search: the network input stays what it is",
        )
