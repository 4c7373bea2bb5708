"""The training commands from end to end, on a very small model and two scenes."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from sdk.results import Zoom
from sdk.search import Search
from train import fit_history
from train.__main__ import main
from train.checkpoint import CONFIG, TOKENIZER, WEIGHTS, load_checkpoint, save_checkpoint
from train.evaluation.questions import Question
from train.models.config import PizaConfig
from train.trainer.distributed import Crew


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scenes")


@pytest.fixture
def train(
    scenes: Path, make_config: Callable[..., PizaConfig], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., int]]:
    """``train(out, *options)``: three steps of one scene each, with everything made small."""
    monkeypatch.setattr("train.models.config.piza_tiny", lambda vocab_size: make_config())
    simulations = fit_history._simulations
    monkeypatch.setattr(
        fit_history, "_simulations", lambda rng, draw, n: simulations(rng, draw, n // 1000)
    )
    quick = functools.partial(fit_history.fit_history, steps=2, batch=4)
    monkeypatch.setattr(fit_history, "fit_history", quick)
    frame = np.zeros((108, 192, 3), np.uint8)
    asked = [Question(frame, "the red car", (50.0, 50.0, 60.0, 60.0))]
    monkeypatch.setattr("train.evaluation.questions.questions", lambda seed, count: asked * count)

    def run(out: Path, *options: str) -> int:
        few = "--scenes 2 --steps 3 --phrase-steps 1 --batch-scenes 1 --workers 0 --threads 1"
        rare = "--save-every 2 --check-every 2 --checks 2 --device cpu"
        folders = ["--out", str(out), "--scenes-dir", str(scenes)]
        return main(["piza", *folders, *few.split(), *rare.split(), *options])

    yield run
    torch.set_flush_denormal(False)  # hypothesis refuses to work with it


def weights(out: Path) -> dict[str, torch.Tensor]:
    return torch.load(out / "state.pt", weights_only=True)["average"]


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_training_and_resuming(train, tmp_path: Path, scenes: Path, capsys) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train(whole) == 0
    assert "checkpoint in" in capsys.readouterr().out
    checkpoint = {CONFIG, WEIGHTS, TOKENIZER}
    names = checkpoint | {"state.pt", "log.jsonl", "tensorboard", "best"}
    assert {path.name for path in whole.iterdir()} == names
    assert {path.name for path in (whole / "best").iterdir()} == checkpoint
    checks = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    assert [check["step"] for check in checks] == [2, 3]
    assert all(0 <= check["macc"] <= check["acc50"] <= 1 for check in checks)
    assert {path.name for path in scenes.iterdir()} <= {"00000000.jpg", "00000001.jpg"}

    assert train(parts, "--stop-after", "1e-9") == 0
    assert "after 1 of 3 steps" in capsys.readouterr().out
    assert train(parts) == 0
    out = capsys.readouterr().out
    assert "resuming" in out
    assert "at step 1" in out
    assert "after 3 of 3 steps" in out
    assert same(weights(whole), weights(parts))
    assert train(parts) == 0  # there is nothing left to do
    assert same(weights(whole), weights(parts))

    model, tokenizer = load_checkpoint(whole)
    average = weights(whole)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, average[name].half().to(tensor.dtype)), name
    assert tokenizer.encode("the red car").unknown == ()


def test_another_seed_sees_other_scenes(train, tmp_path: Path, scenes: Path) -> None:
    assert train(tmp_path, "--seed", "2", "--steps", "1", "--checks", "0") == 0
    assert any(path.name.startswith("0200000") for path in scenes.iterdir())


def test_states_that_cannot_be_resumed(train, tmp_path: Path, capsys) -> None:
    (tmp_path / "state.pt").write_bytes(b"no state")
    assert train(tmp_path) == 3
    assert "delete it to start again" in capsys.readouterr().err
    torch.save({"model": {}, "step": 1}, tmp_path / "state.pt")
    assert train(tmp_path) == 3
    assert "of another model" in capsys.readouterr().err


def test_a_run_goes_on_with_its_own_settings(train, tmp_path: Path, capsys) -> None:
    assert train(tmp_path, "--stop-after", "1e-9") == 0
    assert train(tmp_path, "--steps", "4") == 2
    assert "steps 3 (now 4)" in capsys.readouterr().err
    assert train(tmp_path, "--phrase-steps", "2", "--seed", "3") == 2
    assert "phrase_steps 1 (now 2), seed 0 (now 3)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        "--scenes 0",
        "--scenes many",
        "--steps 0",
        "--phrase-steps -1",
        "--phrase-share -0.1",
        "--phrase-share 1.5",
        "--phrase-share nan",
        "--batch-scenes 0",
        "--lr 0",
        "--lr nan",
        "--lr inf",
        "--seed -1",
        "--workers -1",
        "--threads 0",
        "--save-every 0",
        "--check-every 0",
        "--checks -1",
        "--stop-after 0",
        "--colour red",
    ],
)
def test_bad_options(options: str, tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["piza", "--out", str(tmp_path / "out"), *options.split()])
    assert stopped.value.code == 2
    assert options.split()[0] in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--scenes 600001", "at most 600000 scenes"),
        ("--device toaster", "a device such as cpu or cuda"),
        ("--device cuda", "found none"),
    ],
)
def test_options_that_cannot_be_met(options, message, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["piza", "--out", str(tmp_path / "out"), *options.split()]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_processes_share_a_batch_evenly(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("train.trainer.distributed.join", lambda _: Crew(0, 4))
    assert main(["piza", "--out", str(tmp_path / "out"), "--batch-scenes", "6"]) == 2
    assert "a multiple of the 4 processes, got 6" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_file_in_place_of_the_folder(train, tmp_path: Path, capsys) -> None:
    (tmp_path / "out").write_text("a file")
    assert train(tmp_path / "out") == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["bake"], ["calibrate"], ["calibrate", "x", "--scenes", "0"]])
def test_unknown_commands_and_missing_arguments(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(argv)
    assert stopped.value.code == 2


@pytest.fixture
def checkpoint(make_model, tokenizer_file: Path, tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "checkpoint", make_model(), tokenizer_file)
    return tmp_path / "checkpoint"


def test_calibrate_writes_the_threshold(checkpoint: Path, monkeypatch, capsys) -> None:
    """Present objects are found with 0.8, absent ones with 0.3."""
    frame, box = np.zeros((8, 8, 3), np.uint8), np.array([1, 2, 5, 6], np.float32)
    asked = [Question(frame, "here", tuple(box)), Question(frame, "nowhere", None)] * 3
    calls = []

    def ask(seed: int, count: int, absent_every: int) -> list[Question]:
        calls.append((seed, count, absent_every))
        return asked

    class Fake:
        def __init__(self, *_: object) -> None: ...

        def __call__(self, frame: np.ndarray, ref: str) -> Search:
            score = 0.8 if ref == "here" else 0.3
            scores = np.array([score], np.float32)
            return Search((Zoom(box, box, score, box[None], scores, 0.0, 0.0),))

    monkeypatch.setattr("train.evaluation.questions.questions", ask)
    monkeypatch.setattr("train.evaluation.searcher.Searcher", Fake)
    before = (checkpoint / WEIGHTS).read_bytes()
    assert main(["calibrate", str(checkpoint), "--scenes", "6", "--risk", "0.5"]) == 0
    assert "keeps 100.0% of the right answers and accepts 0.0%" in capsys.readouterr().out
    assert calls == [(600_000, 6, 2)]
    assert 0.3 < PizaConfig.load(checkpoint / CONFIG).threshold <= 0.8
    assert (checkpoint / WEIGHTS).read_bytes() == before


def test_calibrate_without_right_answers(checkpoint: Path, monkeypatch, capsys) -> None:
    """A model that has learned nothing; its checkpoint stays as it is."""
    before = (checkpoint / CONFIG).read_bytes()
    frame = np.zeros((96, 128, 3), np.uint8)
    asked = [Question(frame, "the red car", (1.0, 1.0, 2.0, 2.0))]
    monkeypatch.setattr("train.evaluation.questions.questions", lambda *_, **__: asked)
    assert main(["calibrate", str(checkpoint), "--scenes", "1"]) == 2
    assert "got 0 and 0" in capsys.readouterr().err
    assert (checkpoint / CONFIG).read_bytes() == before


def test_calibrate_without_a_checkpoint(tmp_path: Path, capsys) -> None:
    assert main(["calibrate", str(tmp_path)]) == 3
    assert "expected a checkpoint" in capsys.readouterr().err
