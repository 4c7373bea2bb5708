"""Who is asked: every pipeline in every variant, all of them opened side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.variants import variant
from benchmarks.zoo.data import Question
from evaluation.host_runtime import Arrays, HostRuntime
from sdk.engine.folder import read_manifest
from sdk.errors import EngineError
from sdk.families.two_stage import read_pipeline
from sdk.grounder import Grounder
from sdk.letterbox import Letterbox
from sdk.regions.clip_scorers import ClipScorer, PseudoQueriesScorer
from sdk.regions.heads.yolo import Yolo
from sdk.regions.scorers import SCORERS, Weighted
from sdk.regions.views import usual_view
from sdk.runtime import open_runtime
from train.data.image_size import image_wh

NAMES = {
    "yolo": "YoloClip",
    "detr": "DetrClip",
    "ssd": "ClipSSD",
    "watershed": "SegClip, watershed",
    "slic": "SegClip, SLIC",
    "projection": "projection, MSE",
    "projection-iou": "projection, IoU",
    "dqn": "Q network",
    "diffusion": "diffusion",
    "mdetr": "MDETR",
    "transvg": "TransVG",
    "grounding-dino": "Grounding DINO",
}
TRUE_BOXES = "true boxes"
ALONE = "as it is"  # the variant of an engine that nothing is chosen for
LEAST = 0.1  # a detector's own score from which a proposal is chosen from
_WORDS = Weighted(SCORERS["words"])


def _clip(view: str = "tight", **changes: Any) -> Weighted:
    return Weighted(ClipScorer(usual_view(view), **changes))


SCORED: Mapping[str, Sequence[Weighted]] = {
    "tight": (_clip(),),
    "padded": (_clip("padded"),),
    "margin": (_clip("margin"),),
    "blurred": (_clip("blurred"),),
    "subject": (_clip(subject=True),),
    "pseudo-queries": (Weighted(PseudoQueriesScorer()),),
    "words": (_WORDS,),
    "words x clip": (_clip(), _WORDS),
}
TRULY_PROPOSED = ("tight", "words", "words x clip")


@dataclass(frozen=True, eq=False)
class Asker:
    """One row of the table.

    Attributes:
        family: of its engine.
        pipeline: its name.
        variant: how it chooses.
        grounder: answers.
        show: told of the question before it is asked.
    """

    family: str
    pipeline: str
    variant: str
    grounder: Grounder
    show: Callable[[Question], None] = lambda _: None

    @property
    def name(self) -> str:
        """Pipeline and variant."""
        return f"{self.pipeline} | {self.variant}"

    @property
    def usual(self) -> bool:
        """Whether it stands for its pipeline: with CLIP alone, or as it is."""
        return self.variant in ("tight", ALONE)


@contextmanager
def opened(
    detectors: Mapping[str, Path], others: Mapping[str, Path], threads: int | None
) -> Iterator[list[Asker]]:
    """Everybody. Variants are made for the occasion, and so unproven.

    Args:
        detectors: proven two-stage engines with a detector, CLIP and words, by a key of ``NAMES``.
        others: engines that are asked as they are, by a key of ``NAMES`` or any other name.
        threads: of each engine.
    """
    with TemporaryDirectory() as folder, ExitStack() as stack:

        def made(engine: Path, name: str, changes: Mapping[str, Any]) -> Grounder:
            found = variant(engine, Path(folder, name), changes)
            return stack.enter_context(Grounder(found, threads=threads, allow_unproven=True))

        askers = []
        for key, engine in detectors.items():
            for name, scorers in SCORED.items():
                changes = {"scorers": [each.to_mapping() for each in scorers], "least": LEAST}
                grounder = made(engine, f"{key} {name}", changes)
                askers.append(Asker(grounder.manifest.family, NAMES[key], name, grounder))
        for engine in list(detectors.values())[:1]:
            for name in TRULY_PROPOSED:
                truth = TrueBoxes(engine, SCORED[name], threads)
                grounder = stack.enter_context(truth.grounder)
                family = grounder.manifest.family
                askers.append(Asker(family, TRUE_BOXES, name, grounder, truth.show))
        for key, engine in others.items():
            grounder = stack.enter_context(Grounder(engine, threads=threads))
            family = grounder.manifest.family
            askers.append(Asker(family, NAMES.get(key, key), ALONE, grounder))
        yield askers


class TrueBoxes:
    """A detector that makes no mistake: the annotated boxes, in the place of a network.

    Args:
        engine: whose CLIP looks at them.
        scorers: who choose.
        threads: of its networks.
    """

    def __init__(self, engine: Path, scorers: Sequence[Weighted], threads: int | None) -> None:
        manifest = read_manifest(engine)
        pipeline = read_pipeline(manifest)
        detector, _ = pipeline.by_detector
        self._names, self._network = detector.names, detector.network
        self._input_hw = detector.input_hw
        self._question: Question | None = None
        self._output = next(iter(manifest.networks[detector.network].outputs))
        head = Yolo(self._output, "chosen", len(detector.names), detector.input_hw)
        truthful = replace(pipeline, detector=replace(detector, head=head), scorers=tuple(scorers))
        told = replace(manifest, block={**manifest.block, **truthful.to_mapping()})
        clip = pipeline.clip
        if clip is None:
            raise EngineError(f"expected an engine with CLIP, found none in {engine}")
        self._runtime = open_runtime(engine, manifest, clip.signatures, threads)
        self.grounder = Grounder.over(HostRuntime(told, self._run), engine, told)

    def show(self, question: Question) -> None:
        """What it will propose."""
        self._question = question

    def _run(self, name: str, feeds: Arrays) -> Arrays:
        if name != self._network:
            return self._runtime.fetch(name, [dict(feeds)])[0]
        question = self._question
        if question is None:
            raise ValueError("expected a question to be shown before it is asked")
        height, width = self._input_hw
        whole = (0, 0, *image_wh(question.image))
        unit = Letterbox(whole, self._input_hw).to_unit(question.boxes_xyxy)
        labels = [self._names.index(label) for label in question.labels]
        table = np.column_stack(
            [unit * [width, height, width, height], np.ones(len(unit)), labels]
        ).astype(np.float32)
        return {self._output: table[None]}
