"""What the zoo is made of: data, checkpoints and engines, by our own commands.

Each step runs in a process of its own and leaves a log; one that an earlier run has finished is
kept, and a training that was interrupted goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.budget import claim, said
from benchmarks.own_process import run_logged
from benchmarks.zoo.data import Source
from evaluation.scenes.refcoco_writer import IMAGES, REFS
from evaluation.seeds import TRAINING, ZOO
from sdk.engine.folder import default_engine
from sdk.options import not_negative, positive_float
from train.commands.box import STEPS

DETECTORS = ("yolo", "detr", "ssd")
CLIP, HEATMAPS, GROUNDING_DINO = "clip", ("watershed", "slic"), "grounding-dino"
ONE_LOOK, BUNDLED = ("mdetr", "transvg"), "piza-tiny"
BOXES = ("projection", "projection-iou", "dqn", "diffusion")  # learned over CLIP's features
PIPELINES = (*DETECTORS, *HEATMAPS, *BOXES, *ONE_LOOK, GROUNDING_DINO, BUNDLED)
RENDERED = (GROUNDING_DINO, BUNDLED)  # have seen rendered scenes alone, whatever others are shown
TRAINED = (CLIP, *DETECTORS, *BOXES, *ONE_LOOK, GROUNDING_DINO)
_FIRST_SCENE = TRAINING.first + 200_000  # those before are piza-tiny's and the methods'
_CHECKED = 60  # scenes, from the end of the zoo's range: which checkpoint is the best
_SEARCHES = "8"


@dataclass(frozen=True)
class Budget:
    """How much is trained and asked; what each field means is in its metadata."""

    scenes: int = said(800, "rendered scenes to train on, up to three close-ups of each")
    test_scenes: int = said(120, "rendered scenes that the questions are about")
    sentences: int = said(500, "questions, at most")
    minutes: float = said(15.0, "of training for each model", positive_float)
    one_look_minutes: float = said(40.0, "of training for MDETR and TransVG", positive_float)
    seed: int = said(0, "of training and of the choice of questions", not_negative)


@dataclass(frozen=True)
class Sources:
    """Annotated pictures in place of rendered ones: to train on, to check by, to ask about."""

    train: Source
    val: Source
    test: Source


class Workshop:
    """The folder of one zoo.

    Args:
        folder: where everything goes.
        budget: how much; results of different ones do not mix.
        processes: trainings that run side by side, a thread each.
        sources: annotated pictures; rendered close-ups by default.
        say: told what is done next.

    Raises:
        BenchmarkError: the folder holds a zoo with other settings, or a step failed.
    """

    def __init__(
        self,
        folder: Path,
        budget: Budget,
        processes: int,
        sources: Sources | None,
        say: Callable[[str], None],
    ) -> None:
        self.folder, self.budget, self._say = folder, budget, say
        self.processes = processes
        settings = {"budget": asdict(budget), "sources": _plain(sources)}
        claim(folder, settings, "a zoo with other settings")
        self.sources = sources or Sources(
            self._rendered("train", _FIRST_SCENE, budget.scenes),
            self._rendered("val", ZOO.end - _CHECKED, _CHECKED),
            self._rendered("test", ZOO.first, budget.test_scenes),
        )

    def train(self, pipelines: Sequence[str]) -> None:
        """Trains what these of ``PIPELINES`` are made of and is not there, side by side."""
        self.checkpoint(CLIP)  # whose features boxes are learned over
        with ThreadPoolExecutor(self.processes) as pool:
            list(pool.map(self.checkpoint, (name for name in pipelines if name in TRAINED)))

    def checkpoint(self, name: str) -> Path:
        """A trained model, one of ``TRAINED``; trained now if it is not there."""
        out = self.folder / name
        done = out / "trained.json"
        if not done.is_file():
            minutes = self.budget.one_look_minutes if name in ONE_LOOK else self.budget.minutes
            self._say(f"training {name}: at most {minutes:g} minutes")
            self._run(self._training(name, minutes, out), name)
            done.write_text(json.dumps({"minutes": minutes}) + "\n")
        best = out / "best"
        return best if best.is_dir() else out if name == GROUNDING_DINO else out / "last"

    def engine(self, name: str) -> Path:
        """The engine of one of ``PIPELINES``, of a detector with CLIP and words; built now if it
        is not there."""
        if name == BUNDLED:
            return default_engine()
        out = self.folder / f"{name}.engine"
        if not out.is_dir():
            options = self._building(name)
            self._say(f"building {out.name}")
            command = ["export", "build-engine", *options, "--searches", _SEARCHES]
            self._run([*command, "-o", str(out)], f"{name}-engine")
        return out

    def _building(self, name: str) -> list[str]:
        if name in (*BOXES, *ONE_LOOK, GROUNDING_DINO):
            return [str(self.checkpoint(name))]
        clip = f"clip={self.checkpoint(CLIP)}"
        options = ["--family", "two-stage", "--scorer"]
        if name in HEATMAPS:
            return [*options, clip, "--look", name]
        detector = str(self.checkpoint(name))
        return [*options, f"{clip},words", "--look", "frame", "--detector", detector]

    def _training(self, name: str, minutes: float, out: Path) -> list[str]:
        budget = self.budget
        common = ["--minutes", str(minutes), "--seed", str(budget.seed)]
        common += ["--threads", "1", "--out", str(out)]
        train, val = self.sources.train, self.sources.val
        if name == GROUNDING_DINO:
            command = ["train", "piza", "--method", "zero-shot", "--close-up", "--checks", "0"]
            scenes = ["--scenes", str(budget.scenes), "--scenes-dir", str(self.folder / "scenes")]
            return [*command, *scenes, "--phrase-steps", "200", "--phrase-share", "0.2", *common]
        model = ["detector", name] if name in DETECTORS else [name]
        if name in BOXES:
            model = ["box", "--method", name, "--clip", str(self.checkpoint(CLIP))]
            model += ["--steps", str(STEPS[name])]
        return ["train", *model, *train.options(), *val.options("val-"), *common]

    def _rendered(self, name: str, seed: int, count: int) -> Source:
        out = self.folder / name
        if not (out / REFS).is_file():
            self._say(f"close-ups to {name} with, of {count} scenes")
            command = ["train", "scenes", "--close-ups", "--out", str(out), "--split", name]
            self._run([*command, "--count", str(count), "--seed", str(seed)], f"{name}-data")
        return Source(out / REFS, out / IMAGES)

    def _run(self, command: list[str], name: str) -> None:
        run_logged(command, self.folder / f"{name}.log")


def _plain(sources: Sources | None) -> Mapping[str, Any] | None:
    if sources is None:
        return None
    return {
        name: [str(each.annotations), str(each.images), each.split]
        for name, each in vars(sources).items()
    }
