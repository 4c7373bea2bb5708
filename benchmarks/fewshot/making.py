"""What the experiment is made of: pictures, a base detector, CLIP, and what shots teach.

Each step is a command of ours in a process of its own and leaves a log; one that an earlier run has
finished is kept, and a training that was interrupted goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.budget import claim, said
from benchmarks.fewshot.captions import write_captions
from benchmarks.own_process import run_logged
from evaluation.scenes.refcoco_writer import IMAGES, INSTANCES
from evaluation.seeds import TRAINING, ZOO
from sdk.options import positive_float
from train.data.boxes import read_boxes
from train.evaluation.few_shot import FewShotCheck
from train.models.clip.public import open_public_clip
from train.models.few_shot.checkpoint import load_few_shot

NOVEL = ("bus", "motorcycle", "triangular sign", "cone")  # one of each: vehicles, riders, signs
LOSSES = ("cross-entropy", "bnrl")
_SEARCHES = "8"
_FIRST_SCENE = TRAINING.first + 200_000  # as of the zoo


@dataclass(frozen=True)
class Budget:
    """How much is trained and asked; what each field means is in its metadata."""

    scenes: int = said(800, "rendered scenes to train on, up to three close-ups of each")
    test_scenes: int = said(46, "rendered scenes that are asked about")
    base_minutes: float = said(20.0, "of training the base detector", positive_float)
    clip_steps: int = said(600, "of training CLIP")
    steps: int = said(150, "of teaching novel kinds")
    batch: int = said(4, "pictures in each of them")


@dataclass(frozen=True, order=True)
class Lesson:
    """One fine-tuning: so many shots, drawn by a seed, learned by a loss of ``LOSSES``."""

    k: int
    seed: int
    loss: str

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.loss}-k{self.k}-seed{self.seed}"


class Workshop:
    """The folder of one experiment.

    Args:
        folder: where everything goes.
        budget: how much; results of different ones do not mix.
        processes: trainings that run side by side, a thread each.
        say: told what is done next.

    Raises:
        BenchmarkError: the folder holds an experiment with another budget, or a step failed.
    """

    def __init__(
        self, folder: Path, budget: Budget, processes: int, say: Callable[[str], None]
    ) -> None:
        self.folder, self.budget = folder, budget
        self.processes, self._say = processes, say
        claim(folder, asdict(budget), "an experiment with another budget")
        self.split = folder / "split.json"
        self.split.write_text(json.dumps({"novel": NOVEL}) + "\n")
        self.train = self._rendered("train", _FIRST_SCENE, budget.scenes)
        self.test = self._rendered("test", ZOO.first, budget.test_scenes)

    def prepare(self) -> None:
        """Trains the base detector and CLIP, side by side."""
        with ThreadPoolExecutor(self.processes) as pool:
            for each in [pool.submit(self.base), pool.submit(self.clip)]:
                each.result()

    def base(self) -> Path:
        """The detector of the base kinds; trained now if it is not there."""
        options = [*self._detecting(), "--minutes", str(self.budget.base_minutes)]
        return self._trained("base", ["risf", "base", *options])

    def clip(self) -> Path:
        """A small CLIP that has seen no crop of a novel object, but captions that name them."""
        captions = self.folder / "captions.json"
        if not captions.is_file():
            count, naming = write_captions(
                self.train / INSTANCES, self.train / IMAGES, NOVEL, 0, captions
            )
            self._say(f"{count} captions, {naming} of which name what is novel")
        files = ["--annotations", str(captions), "--images", str(self.train / IMAGES)]
        few = ["--objects", "4", "--steps", str(self.budget.clip_steps)]
        return self._trained("clip", ["clip", *files, *few])

    def teach(self, lessons: Sequence[Lesson]) -> None:
        """Teaches what is not taught yet, side by side."""
        with ThreadPoolExecutor(self.processes) as pool:
            list(pool.map(self.taught, lessons))

    def taught(self, lesson: Lesson) -> Path:
        """A detector of all kinds; taught now if it is not there."""
        return self._trained(lesson.name, self._teaching(lesson))

    def engine(self, lesson: Lesson) -> tuple[Path, Path]:
        """The checkpoint of a lesson with CLIP beside it, and its engine; made now if need be."""
        name = f"{lesson.name}-clip"
        clip = ["--clip", str(self.clip())]
        checkpoint = self._trained(name, [*self._teaching(lesson), *clip])
        out = self.folder / f"{name}.engine"
        if not out.is_dir():
            self._say(f"building {out.name}")
            command = ["export", "build-engine", str(checkpoint), "--searches", _SEARCHES]
            self._run([*command, "-o", str(out)], f"{name}-engine")
        return checkpoint, out

    def _teaching(self, lesson: Lesson) -> list[str]:
        options = [*self._detecting(), "--k", str(lesson.k), "--loss", lesson.loss]
        options += ["--seed", str(lesson.seed), "--base", str(self.base())]
        options += ["--batch", str(self.budget.batch), "--steps", str(self.budget.steps)]
        return ["risf", "shots", *options]

    def scores(self, checkpoint: Path) -> dict[str, float]:
        """Of a detector on the pictures of the test, its own and with CLIP; kept beside it."""
        kept = checkpoint.parent / "scores.json"
        if not kept.is_file():
            kept.write_text(json.dumps(self._check(load_few_shot(checkpoint))) + "\n")
        return dict(json.loads(kept.read_text()))

    @cached_property
    def _check(self) -> FewShotCheck:
        """Both see the same pictures, and all objects in them are labelled."""
        images = self.test / IMAGES
        known = read_boxes(self.test / INSTANCES, images).images
        return FewShotCheck(known, images, NOVEL, open_public_clip(str(self.clip())))

    def _detecting(self) -> list[str]:
        """Options of both stages. Nothing is chosen by a check: the last checkpoint is used."""
        files = ["--annotations", str(self.train / INSTANCES), "--images", str(self.train / IMAGES)]
        return [*files, "--split", str(self.split)]

    def _trained(self, name: str, command: Sequence[str]) -> Path:
        """The last checkpoint of a training command."""
        out = self.folder / name
        done = out / "trained.json"
        if not done.is_file():
            self._say(f"training {name}")
            self._run(["train", *command, "--threads", "1", "--out", str(out)], name)
            done.write_text(json.dumps({"command": list(command)}) + "\n")
        return out / "last"

    def _rendered(self, name: str, seed: int, count: int) -> Path:
        """A folder of close-ups of so many scenes."""
        out = self.folder / name
        if not (out / INSTANCES).is_file():
            self._say(f"close-ups to {name} with, of {count} scenes")
            command = ["train", "scenes", "--close-ups", "--out", str(out), "--split", name]
            self._run([*command, "--count", str(count), "--seed", str(seed)], f"{name}-data")
        return out

    def _run(self, command: list[str], name: str) -> None:
        run_logged(command, self.folder / f"{name}.log")
