"""``python -m benchmarks proposals ENGINE``: where should a detector look, and what does it cost?

Rendered scenes, a sentence about each: the engine's detector and scorers as they are, over looks at
the frame alone, at tiles of it too, and at the places where the sentence points.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks import options
from benchmarks.asking import mean, timed
from benchmarks.report.section import (
    Figures,
    Goal,
    Headline,
    Part,
    Section,
    Table,
    milliseconds,
    percent,
    printed,
    times,
)
from benchmarks.variants import variant
from evaluation.metrics import RIGHT_IOU
from evaluation.questions import Case, make_cases
from evaluation.scoring import judge
from evaluation.seeds import PROPOSALS
from sdk.errors import InputError
from sdk.families.two_stage import read_pipeline
from sdk.geometry import as_boxes, iou
from sdk.grounder import Grounder
from sdk.options import positive
from sdk.regions.proposers import PLACES, default_proposer
from sdk.results.grounding import Grounding

PART = Part(quick=("--scenes", "1"), engine=False, asked_for=True)
FAMILY = "two-stage"
TILES, ZOOM = "tiles", "zoom"  # of PLACES: what is compared
FASTER, POINTS = 2.0, 3.0  # how much faster, and how many points of recall it may cost


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("engine", type=Path, metavar="ENGINE", help="one of the family two-stage")
    parser.add_argument(
        "--scenes", type=positive, default=200, help="frames, a sentence about each"
    )
    options.add_seed(parser, PROPOSALS)
    options.add_opening(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from tqdm import tqdm

    with options.measurement(args) as measurement:
        manifest = measurement.grounder.manifest
        if manifest.family != FAMILY:
            raise InputError(
                f"expected an engine of the family {FAMILY}, which proposes, found one of"
                f" {manifest.family} at {args.engine}"
            )
        with looking(measurement.grounder, args.threads) as askers:
            cases = make_cases(args.scenes, args.seed)
            asked = measure(askers, cases, lambda it: tqdm(it, unit="scene", desc="proposals"))
    rows = [summarise(where, each, asked[TILES]) for where, each in asked.items()]
    figures = {"rows": rows, "scenes": args.scenes, "seed": args.seed}
    print("\n".join([*measurement.header, "", printed(section(figures))]))
    measurement.write(figures)
    return 0


@dataclass(frozen=True)
class Asked:
    """One question.

    Attributes:
        wall_ms: of the whole answer.
        looks: of the detector.
        target: it was proposed.
        objects: share of the scene's objects that were.
        sure: the target was among the proposals that the answer was chosen from.
        right: the answer.
    """

    wall_ms: float
    looks: int
    target: bool
    objects: float
    sure: bool
    right: bool


@dataclass(frozen=True, eq=False)
class Asker:
    """The engine that looks somewhere: as it is, and choosing from whatever is proposed."""

    usual: Grounder
    unsure: Grounder


@contextmanager
def looking(grounder: Grounder, threads: int | None) -> Iterator[dict[str, Asker]]:
    """An asker for each of ``PLACES``: the engine itself, looking there with the numbers that it
    has, or the usual ones. They are made for the occasion, and so unproven."""
    own = read_pipeline(grounder.manifest).by_detector[1].to_mapping()
    looks = {where: default_proposer(where).to_mapping() for where in PLACES}
    looks[own["where"]] = own
    with TemporaryDirectory() as folder, ExitStack() as stack:

        def opened(name: str, changes: dict[str, Any]) -> Grounder:
            engine = variant(grounder.path, Path(folder, name), changes)
            made = Grounder(engine, threads=threads, allow_unproven=True)
            return stack.enter_context(made)

        yield {
            where: Asker(
                opened(where, {"look": look}),
                opened(f"{where} unsure", {"look": look, "least": 0.0}),
            )
            for where, look in looks.items()
        }


def measure(
    askers: Mapping[str, Asker],
    cases: Sequence[Case],
    progress: Callable[[Sequence[Case]], Iterable[Case]] = iter,
) -> dict[str, list[Asked]]:
    """What came of each case, by place; the places take turns, in another order for each case.

    The first case is asked once more before, which does not count.
    """
    for asker in askers.values():
        ask(asker, cases[0], cases[0].frame())
    asked: dict[str, list[Asked]] = {where: [] for where in askers}
    for number, case in enumerate(progress(cases)):
        frame = case.frame()
        for where in np.random.default_rng(number).permutation(list(askers)).tolist():
            asked[where].append(ask(askers[where], case, frame))
    return asked


def ask(asker: Asker, case: Case, frame: NDArray[np.uint8]) -> Asked:
    """One question about a case, whose picture is ``frame``."""
    before = _looks(asker.usual)
    answer, wall_ms = timed(partial(asker.usual.locate, frame, case.ref))
    looks = _looks(asker.usual) - before
    all_proposed = asker.unsure.locate(frame, case.ref)
    target = as_boxes([case.target_xyxy])
    return Asked(
        wall_ms,
        looks,
        bool(chosen_from(all_proposed, target)[0]),
        float(chosen_from(all_proposed, [each.xyxy for each in case.scene.objects]).mean()),
        bool(chosen_from(answer, target)[0]),
        judge(answer, case.target_xyxy).right,
    )


def chosen_from(answer: Grounding, truth: ArrayLike) -> NDArray[np.bool_]:
    """Which true boxes (n, 4) are among those that an answer was chosen from, whatever the detector
    took them for: the candidates of its last step."""
    boxes = as_boxes(truth)
    if not answer.zooms:
        return np.zeros(len(boxes), bool)
    overlaps = iou(boxes[:, None], as_boxes(answer.zooms[-1].candidates_xyxy))
    return np.asarray(overlaps.max(axis=1) >= RIGHT_IOU)


def summarise(where: str, asked: Sequence[Asked], tiles: Sequence[Asked]) -> dict[str, Any]:
    """A row. ``faster``: median over scenes of the time of ``tiles`` over that of this one."""
    faster = [other.wall_ms / each.wall_ms for each, other in zip(asked, tiles, strict=True)]
    return {
        "where": where,
        "n": len(asked),
        "target": mean([each.target for each in asked]),
        "objects": mean([each.objects for each in asked]),
        "sure": mean([each.sure for each in asked]),
        "acc50": mean([each.right for each in asked]),
        "looks": mean([each.looks for each in asked]),
        "p50_ms": float(np.median([each.wall_ms for each in asked])),
        "faster": float(np.median(faster)),
    }


def _looks(grounder: Grounder) -> int:
    return grounder.runs.get(read_pipeline(grounder.manifest).by_detector[0].network, 0)


def section(figures: Figures) -> Section:
    """Where a detector looks."""
    rows = tuple(
        (
            row["where"],
            *(percent(row[key]) for key in ("target", "objects", "sure", "acc50")),
            f"{row['looks']:.1f}",
            milliseconds(row["p50_ms"]),
            times(row["faster"]),
        )
        for row in figures["rows"]
    )
    by_place = {row["where"]: row for row in figures["rows"]}
    zoom, points = by_place[ZOOM], 100 * (by_place[TILES]["target"] - by_place[ZOOM]["target"])
    return Section(
        "Where a detector looks",
        (
            f"{figures['scenes']} rendered scenes, a sentence about each. Proposed: with an IoU of"
            " 0.5 or more, as whatever the detector takes it for; chosen from: with the score that"
            " the engine asks for. The zoom looks where the sentence points, and owes the other"
            " objects nothing. Milliseconds are of the whole answer; the last column is the median"
            " over scenes of the tiles' time over this one's.",
        ),
        (
            Table(
                (
                    "looks at",
                    "target proposed",
                    "all objects",
                    "target chosen from",
                    "Acc50",
                    "looks",
                    "p50 ms",
                    "times as fast as tiles",
                ),
                rows,
            ),
        ),
        goals=(
            Goal(
                "zoom of a detector against its tiles",
                f"at least {FASTER:g}x as fast",
                times(zoom["faster"]),
                zoom["faster"] >= FASTER,
            ),
            Goal(
                "targets that the zoom does not propose and tiles do",
                f"at most {POINTS:g} points",
                f"{points:.1f} points",
                points <= POINTS,
            ),
        ),
        headlines=(
            Headline(
                "a detector that zooms",
                times(zoom["faster"]),
                f"as fast as on tiles; {percent(zoom['target'])} of the targets proposed instead of"
                f" {percent(by_place[TILES]['target'])}",
            ),
        ),
    )
