"""What the experiment makes: which commands, once each, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.fewshot import making
from benchmarks.fewshot.making import LOSSES, NOVEL, Budget, Lesson, Workshop
from benchmarks.options import BenchmarkError
from evaluation.scenes.refcoco_writer import INSTANCES

SMALL = Budget(scenes=2, test_scenes=1, base_minutes=0.1, clip_steps=9, steps=7, batch=2)
SAID = {"base_ap": 0.4, "novel_ap": 0.2}
LESSONS = [Lesson(k, 0, loss) for k in (1, 2) for loss in LOSSES]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that are run; they write what one looks for, and do nothing else."""
    said: list[list[str]] = []

    def run(command: list[str], log: Path) -> None:
        said.append(command)
        out = Path(command[command.index("-o" if "-o" in command else "--out") + 1])
        (out / "last").mkdir(parents=True, exist_ok=True)
        if command[1] == "scenes":
            (out / INSTANCES).touch()

    monkeypatch.setattr(making, "run_logged", run)
    monkeypatch.setattr(making, "write_captions", lambda *rest: rest[-1].touch() or (1, 1))
    return said


@pytest.fixture
def open_shop(tmp_path: Path, commands) -> Callable[..., Workshop]:
    def make(budget: Budget = SMALL) -> Workshop:
        return Workshop(tmp_path / "shots", budget, 2, lambda _: None)

    return make


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_everything_is_made_once(open_shop, commands) -> None:
    shop = open_shop()
    shop.prepare()
    shop.teach(LESSONS)
    done = [" ".join(command[1:3]) for command in commands]
    assert done.count("risf base") == done.count("clip --annotations") == 1
    assert done.count("risf shots") == len(LESSONS)
    assert json.loads(shop.split.read_text()) == {"novel": list(NOVEL)}
    count = len(commands)
    again = open_shop()
    again.prepare()
    again.teach(LESSONS)
    assert len(commands) == count


def test_lessons_differ_by_what_they_say(open_shop, commands) -> None:
    shop = open_shop()
    shop.taught(Lesson(5, 2, "bnrl"))
    command = commands[-1]
    told = {name: option(command, f"--{name}") for name in ("k", "seed", "loss", "steps", "batch")}
    assert told == {"k": "5", "seed": "2", "loss": "bnrl", "steps": "7", "batch": "2"}
    assert option(command, "--base") == str(shop.base())
    assert "--clip" not in command
    assert option(command, "--annotations") == str(shop.train / INSTANCES)


def test_an_engine_has_clip(open_shop, commands) -> None:
    shop = open_shop()
    checkpoint, engine = shop.engine(LESSONS[0])
    taught, built = commands[-2:]
    assert option(taught, "--clip") == str(shop.clip())
    assert built[:3] == ["export", "build-engine", str(checkpoint)]
    assert shop.engine(LESSONS[0]) == (checkpoint, engine)
    assert commands[-1] is built


def test_scores_are_kept(open_shop, monkeypatch) -> None:
    shop, asked = open_shop(), []
    monkeypatch.setattr(making, "load_few_shot", lambda folder: folder)
    monkeypatch.setattr(Workshop, "_check", lambda self, model: asked.append(model) or SAID)
    checkpoint = shop.taught(LESSONS[0])
    assert shop.scores(checkpoint) == open_shop().scores(checkpoint) == SAID
    assert asked == [checkpoint]


def test_a_training_that_was_stopped_is_run_again(open_shop, commands) -> None:
    shop = open_shop()
    shop.base()
    (shop.folder / "base" / "trained.json").unlink()
    count = len(commands)
    shop.base()
    assert [command[:3] for command in commands[count:]] == [["train", "risf", "base"]]


def test_experiments_of_other_budgets_do_not_mix(open_shop) -> None:
    open_shop()
    with pytest.raises(BenchmarkError, match="another budget"):
        open_shop(Budget(scenes=3))
