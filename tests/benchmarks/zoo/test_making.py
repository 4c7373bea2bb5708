"""What the zoo makes: which commands, once each, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.options import BenchmarkError
from benchmarks.zoo import making
from benchmarks.zoo.data import Source, categories, questions
from benchmarks.zoo.making import CLIP, DETECTORS, Budget, Sources, Workshop
from evaluation.scenes.refcoco_writer import IMAGES, REFS, write_close_ups
from sdk.errors import InputError

SMALL = Budget(scenes=2, test_scenes=1, sentences=3, minutes=0.1)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that are run; they write what one looks for, and do nothing else."""
    said: list[list[str]] = []

    def run(command: list[str], log: Path) -> None:
        said.append(command)
        out = Path(command[command.index("-o" if "-o" in command else "--out") + 1])
        out.mkdir(parents=True, exist_ok=True)
        if command[1] == "scenes":
            (out / REFS).touch()
        if command[1] in (CLIP, "detector"):
            (out / "best").mkdir(exist_ok=True)

    monkeypatch.setattr(making, "run_logged", run)
    return said


@pytest.fixture
def open_shop(tmp_path: Path, commands) -> Callable[..., Workshop]:
    def make(budget: Budget = SMALL, sources: Sources | None = None) -> Workshop:
        return Workshop(tmp_path / "zoo", budget, 2, sources, lambda _: None)

    return make


@pytest.fixture(scope="module")
def close_ups(tmp_path_factory: pytest.TempPathFactory) -> Source:
    out = tmp_path_factory.mktemp("zoo") / "test"
    write_close_ups(out, 2, 1_300_000, "test")
    return Source(out / REFS, out / IMAGES, "test")


def test_everything_is_made_once(open_shop, commands) -> None:
    shop = open_shop()
    made = [shop.engine(name) for name in (*DETECTORS, "slic")]
    assert [each.name for each in made] == [*(f"{n}.engine" for n in DETECTORS), "slic.engine"]
    done = [" ".join(command[:3]) for command in commands]
    assert done.count("train clip --annotations") == 1
    assert [f"train detector {name}" in done for name in DETECTORS] == [True] * 3
    build = next(command for command in commands if "slic" in command)
    assert build[build.index("--scorer") + 1] == f"clip={shop.folder / CLIP / 'best'}"
    count = len(commands)
    assert [open_shop().engine(name) for name in (*DETECTORS, "slic")] == made
    assert len(commands) == count


def test_trainings_run_side_by_side(open_shop, commands) -> None:
    shop = open_shop()
    del commands[:]
    shop.train(["yolo", "slic", "piza-tiny"])
    assert sorted(command[1] for command in commands) == [CLIP, "detector"]
    assert all(command[command.index("--threads") + 1] == "1" for command in commands)
    shop.train(["yolo", "slic", "piza-tiny"])
    assert len(commands) == 2


def test_boxes_are_learned_over_the_clip_that_judges(open_shop, commands) -> None:
    shop = open_shop()
    del commands[:]
    shop.train(["projection", "mdetr"])
    assert commands[0][1] == CLIP
    by_method = {command[1]: command for command in commands[1:]}
    assert set(by_method) == {"box", "mdetr"}
    box, mdetr = by_method["box"], by_method["mdetr"]
    assert box[box.index("--method") + 1] == "projection"
    assert box[box.index("--clip") + 1] == str(shop.folder / CLIP / "best")
    assert float(box[box.index("--minutes") + 1]) == SMALL.minutes
    assert float(mdetr[mdetr.index("--minutes") + 1]) == SMALL.one_look_minutes


def test_a_training_that_was_stopped_is_run_again(open_shop, commands) -> None:
    shop = open_shop()
    shop.checkpoint(CLIP)
    (shop.folder / CLIP / "trained.json").unlink()
    count = len(commands)
    shop.checkpoint(CLIP)
    assert [command[:2] for command in commands[count:]] == [["train", CLIP]]


def test_zoos_of_other_settings_do_not_mix(open_shop, close_ups) -> None:
    open_shop()
    with pytest.raises(BenchmarkError, match="other settings"):
        open_shop(Budget(scenes=3))
    with pytest.raises(BenchmarkError, match="other settings"):
        open_shop(SMALL, Sources(close_ups, close_ups, close_ups))


def test_photographs_in_place_of_rendered_ones(open_shop, commands, close_ups) -> None:
    shop = open_shop(SMALL, Sources(close_ups, close_ups, close_ups))
    assert not commands
    shop.checkpoint(CLIP)
    shop.checkpoint(DETECTORS[0])
    for command in commands:  # a detector as well: not what is asked about
        assert command[command.index("--val-split") + 1] == "test"
        assert command[command.index("--annotations") + 1].endswith(REFS)


def test_questions_are_of_the_source(close_ups: Source) -> None:
    asked = questions(close_ups, 5)
    assert asked == questions(close_ups, 5)
    assert len({(each.image, each.ref) for each in asked}) == 5
    document = json.loads(close_ups.instances.read_text())
    assert len(questions(close_ups, 10_000)) > len(document["images"])
    for each in asked:
        assert each.target_xyxy in each.boxes_xyxy
        assert each.labels[each.boxes_xyxy.index(each.target_xyxy)] == each.category
    assert set(categories(asked)) == {label for each in asked for label in each.labels}


def test_questions_need_sentences_and_categories(close_ups: Source) -> None:
    with pytest.raises(InputError, match="one of the splits test"):
        questions(Source(close_ups.annotations, close_ups.images, "train"), 5)


def test_half_of_the_photographs_is_no_source(tmp_path: Path, close_ups, capsys) -> None:
    given = ["--train", str(close_ups.annotations), str(close_ups.images)]
    assert main(["zoo", "--out", str(tmp_path / "zoo"), *given]) == 2
    assert "expected --train, --val and --test together" in capsys.readouterr().err
