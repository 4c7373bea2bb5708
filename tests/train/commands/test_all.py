"""The training commands from end to end, on a very small model and two scenes."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from evaluation.questions import Question
from sdk.results.grounding import Zoom
from sdk.zoom.calibration import Calibration
from sdk.zoom.search import Search
from train.__main__ import main
from train.checkpoint import CONFIG, TOKENIZER, WEIGHTS, load_checkpoint, save_checkpoint
from train.data.vocabulary import SPECIAL, write_tokenizer
from train.models.backbones import lite0
from train.models.grounding_dino.config import PizaConfig
from train.models.piza import fit_history
from train.trainer.distributed import ProcessGroup


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scenes")


@pytest.fixture
def train(
    scenes: Path, make_config: Callable[..., PizaConfig], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., int]]:
    """``train(out, *options)``: three steps of one scene each, with everything made small."""
    monkeypatch.setattr(
        "train.models.grounding_dino.config.piza_tiny", lambda vocab_size: make_config()
    )
    simulations = fit_history._simulations
    monkeypatch.setattr(
        fit_history, "_simulations", lambda rng, draw, n: simulations(rng, draw, n // 1000)
    )
    quick = functools.partial(fit_history.fit_history, steps=2, batch=4)
    monkeypatch.setattr(fit_history, "fit_history", quick)
    frame = np.zeros((108, 192, 3), np.uint8)
    asked = [Question(frame, "the red car", (50.0, 50.0, 60.0, 60.0))]
    monkeypatch.setattr("evaluation.questions.questions", lambda seed, count: asked * count)

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
    entries = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries if "loss" in entry] == [3]  # few as they are
    checks = [entry for entry in entries if "macc" in entry]
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


def test_frames_kept_on_the_device(train, tmp_path: Path, capsys) -> None:
    """The device cuts them, as a GPU does; what is trained on, and resumed, is the same."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    kept = ("--keep-frames", "1", "--rounds", "2", "--scenes-at-start", "1", "--checks", "0")
    assert train(whole, *kept) == 0
    assert train(parts, *kept, "--stop-after", "1e-9") == 0
    assert train(parts, *kept) == 0
    assert same(weights(whole), weights(parts))
    assert train(parts, "--keep-frames", "1", "--checks", "0") == 2
    assert "rounds 2 (now 1), scenes_at_start 1 (now None)" in capsys.readouterr().err


def test_training_ends_by_the_clock(train, tmp_path: Path, capsys) -> None:
    assert train(tmp_path, "--minutes", "1e-4", "--checks", "0") == 0
    assert "after 1 steps" in capsys.readouterr().out
    assert train(tmp_path, "--minutes", "1e-4", "--checks", "0") == 0  # its time is over
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 1


def test_scenes_are_rendered_alone(tmp_path: Path, capsys) -> None:
    folder, out = tmp_path / "scenes", tmp_path / "out"
    options = ["--render-only", "--renderers", "2", "--scenes", "2", "--scenes-dir", str(folder)]
    assert main(["piza", "--out", str(out), *options]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["00000000.jpg", "00000001.jpg"]
    assert "2 scenes in" in capsys.readouterr().out
    assert not out.exists()


def test_starting_from_a_model_of_fewer_words(
    train, tmp_path: Path, make_model, make_config, capsys
) -> None:
    write_tokenizer(["red", "car"], tmp_path / "tokenizer.json")
    old = make_model(make_config(vocab_size=len(SPECIAL) + 2))
    save_checkpoint(tmp_path / "old", old, tmp_path / "tokenizer.json")
    init = ("--init", str(tmp_path / "old"), "--steps", "1", "--checks", "0")
    assert train(tmp_path / "out", *init) == 0
    assert "10 of 79 words" in capsys.readouterr().out


@pytest.fixture
def near_misses(tmp_path: Path) -> Path:
    """A file of one near miss."""
    lines = [
        {"engine": "made@up", "road_share": 0.0},
        {"scene": 0, "asked": 9, "misses": [["the car", None, [], [0, 0, 900, 500], 0.4, 0.6]]},
    ]
    path = tmp_path / "near.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_near_misses_are_trained_on_again(
    train, tmp_path: Path, near_misses: Path, make_model, make_config, tokenizer_file, capsys
) -> None:
    """A run goes on with its own; the image network that is kept stays to the bit."""
    save_checkpoint(tmp_path / "old", make_model(make_config()), tokenizer_file)
    given = f"--checks 0 --init {tmp_path / 'old'} --keep-image-network --near-misses {near_misses}"
    options = (*given.split(), "--phrase-steps", "0", "--near-miss-share")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train(whole, *options, "1") == 0
    assert train(parts, *options, "1", "--stop-after", "1e-9") == 0
    assert train(parts, *options, "1") == 0
    assert same(weights(whole), weights(parts))
    assert train(parts, *options, "0.3") == 2
    assert "near_miss_share 1.0 (now 0.3)" in capsys.readouterr().err
    near_misses.write_text(near_misses.read_text().replace("0.6", "0.7"))
    assert train(parts, *options, "1") == 2
    assert "near_misses " in capsys.readouterr().err

    old, _ = load_checkpoint(tmp_path / "old")
    trained, before = weights(whole), old.state_dict()
    image = ("base.model.backbone.", "base.model.input_proj_vision.")
    kept = [name for name in trained if name.startswith(image)]
    assert any("running_mean" in name for name in kept)
    assert all(torch.equal(trained[name], before[name]) for name in kept)
    assert not torch.equal(
        trained["base.model.enc_output.weight"], before["base.model.enc_output.weight"]
    )


@pytest.fixture
def photographic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """The state of the backbone in the file that stands in for the package's, at random."""
    state, named = lite0.lite0().state_dict(), {}
    for conv, norm, ours in lite0._layers():
        bias = state[f"{ours}.bias"]
        named |= {f"{conv}.weight": state[f"{ours}.weight"], f"{norm}.bias": bias}
        named[f"{norm}.weight"], named[f"{norm}.running_mean"] = torch.ones_like(bias), 0 * bias
        named[f"{norm}.running_var"] = torch.full_like(bias, 1 - lite0.EPS)
    torch.save(named, tmp_path / "lite0.pth")
    monkeypatch.setattr(lite0, "weights_file", lambda: tmp_path / "lite0.pth")
    return state


def test_a_backbone_that_has_seen_photographs(
    train, tmp_path: Path, photographic, make_model, make_config, tokenizer_file, capsys
) -> None:
    """Its first stages stay to the bit, the last one learns; the rest is the older model's."""
    save_checkpoint(tmp_path / "old", make_model(make_config()), tokenizer_file)
    given = f"--backbone efficientnet-lite0 --appearance heavy --checks 0 --init {tmp_path / 'old'}"
    out, options = tmp_path / "out", given.split()
    assert train(out, *options, "--frozen-stages", "4", "--stop-after", "1e-9") == 0
    assert train(out, *options, "--frozen-stages", "4") == 0
    assert "resuming" in capsys.readouterr().out
    model, _ = load_checkpoint(out)
    assert (model.config.name, model.config.mean) == ("piza-lite0", lite0.MEAN)
    moved = {
        name.split(".")[1]
        for name, tensor in model.base.model.backbone.conv_encoder.model.body.state_dict().items()
        if not torch.allclose(tensor, photographic[name], atol=2e-4, rtol=1e-3)
    }
    assert moved <= {"5", "6"}
    trained = weights(out)
    body = "base.model.backbone.conv_encoder.model.body."
    last = trained[f"{body}blocks.6.0.conv_pwl.weight"]
    assert not torch.equal(last, photographic["blocks.6.0.conv_pwl.weight"])
    assert train(out, *options, "--frozen-stages", "5") == 2  # half of a run with others
    assert "frozen_stages 4 (now 5)" in capsys.readouterr().err


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
        "--minutes 0",
        "--minutes nan",
        "--rounds 0",
        "--renderers -1",
        "--scenes-at-start 0",
        "--keep-frames 0",
        "--slips 2",
        "--near-miss-share 2",
        "--grammar none",
        "--backbone vgg",
        "--frozen-stages -1",
        "--appearance any",
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
        ("--frozen-stages 2", "with --backbone efficientnet-lite0"),
        ("--keep-frames 2 --appearance heavy", "--appearance plain with --keep-frames"),
        ("--keep-image-network", "--init with --keep-image-network"),
        ("--near-misses missing", "cannot read near misses from missing"),
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
    monkeypatch.setattr("train.trainer.distributed.join", lambda _: ProcessGroup(0, 4))
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


class Pointing:
    """A searcher that is sure of what is "here", and not of what is "nowhere"."""

    box = np.array([1, 2, 5, 6], np.float32)

    def __init__(self, *_: object) -> None: ...

    def __call__(self, frame: np.ndarray, ref: str) -> Search:
        score = 0.8 if ref == "here" else 0.3
        scores = np.array([score], np.float32)
        zoom = Zoom(self.box, self.box, score, self.box[None], scores, 0.0, 0.99)
        return Search((zoom,))


@pytest.fixture
def pointing(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int, str]]:
    """Every second object is here; which questions were asked for."""
    frame, calls = np.zeros((8, 8, 3), np.uint8), []
    here = Question(frame, "here", tuple(Pointing.box))

    def ask(seed: int, count: int, absent_every: int, grammar: str, setting: str) -> list[Question]:
        assert setting == "plain"
        calls.append((seed, count, absent_every, grammar))
        return [here, Question(frame, "nowhere", None)] * (count // 2)

    monkeypatch.setattr("evaluation.questions.questions", ask)
    monkeypatch.setattr("train.evaluation.asking.Searcher", Pointing)
    return calls


def test_calibrate_writes_what_scores_mean(checkpoint: Path, pointing, capsys) -> None:
    before = (checkpoint / WEIGHTS).read_bytes()
    assert main(["calibrate", str(checkpoint), "--scenes", "90", "--risk", "0.1"]) == 0
    said = capsys.readouterr().out
    assert "100.0% of the right answers are found, 0.0% of the absent objects" in said
    assert "a probability of at most 0.1," in said
    assert pointing == [(640_000, 90, 2, "both")]
    config = PizaConfig.load(checkpoint / CONFIG)
    made = Calibration.from_mapping(config.calibration)
    sure, unsure = (made.score(Pointing()(None, ref).zooms) for ref in ("here", "nowhere"))
    assert unsure < made.threshold <= sure
    assert (sure, unsure) == pytest.approx((16 / 17, 1 / 17), abs=1e-3)  # of 15 each
    assert config.calibration["risk"] == {
        "stated": 0.1,
        "confidence": 0.95,
        "guard": "absent",
        "n": 30,
    }
    assert config.calibration["by_size"] == [{"from_px": 4, "to_px": 5, "n": 45, "acc50": 1.0}]
    assert config.threshold == made.threshold
    assert (checkpoint / WEIGHTS).read_bytes() == before
    load_checkpoint(checkpoint)


def test_calibrate_on_photographs(checkpoint: Path, pointing, tmp_path: Path, capsys) -> None:
    items = []
    for k in range(40):
        cv2.imwrite(str(tmp_path / f"{k}.png"), np.zeros((10, 20, 3), np.uint8))
        ref = "here" if k % 2 else "nowhere"
        items.append({"image": f"{k}.png", "bbox": [1, 2, 4, 4], "ref": ref, "id": k})
    file = tmp_path / "val.json"
    file.write_text(json.dumps(items))
    command = ["calibrate", str(checkpoint), "--annotations", str(file)]
    assert main([*command, "--risk", "0.2", "--guard", "wrong"]) == 2
    assert "--annotations and --images together" in capsys.readouterr().err
    command += ["--images", str(tmp_path), "--risk", "0.3"]
    assert main([*command, "--guard", "wrong"]) == 0
    said = capsys.readouterr().out
    assert "photographs of val.json" in said
    assert "a question gets a wrong answer that counts as found" in said
    calibration = PizaConfig.load(checkpoint / CONFIG).calibration
    assert calibration["risk"]["guard"] == "wrong"
    assert calibration["risk"]["n"] <= 27  # one question for each photograph, two thirds of them
    assert pointing == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--risk 0", "a risk between 0 and 1"),
        ("--risk 1", "a risk between 0 and 1"),
        ("--scenes 120", "at least 59 questions .* got 40"),
        ("--scenes 60 --guard wrong", "at least 59 questions .* got 40"),
    ],
)
def test_calibrate_asks_nothing_in_vain(
    options: str, message: str, checkpoint: Path, pointing, monkeypatch, capsys
) -> None:
    monkeypatch.delattr(Pointing, "__call__")
    before = (checkpoint / CONFIG).read_bytes()
    assert main(["calibrate", str(checkpoint), *options.split()]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert (checkpoint / CONFIG).read_bytes() == before


def test_calibrate_without_right_answers(checkpoint: Path, monkeypatch, capsys) -> None:
    """A model that has learned nothing; its checkpoint stays as it is."""
    before = (checkpoint / CONFIG).read_bytes()
    frame = np.zeros((96, 128, 3), np.uint8)
    asked = [Question(frame, "the red car", (1.0, 1.0, 2.0, 2.0))]
    monkeypatch.setattr("evaluation.questions.questions", lambda *_, **__: asked * 12)
    assert main(["calibrate", str(checkpoint), "--scenes", "12", "--risk", "0.6"]) == 2
    assert "right answers in both parts of 12 searches" in capsys.readouterr().err
    assert (checkpoint / CONFIG).read_bytes() == before


def test_calibrate_without_a_checkpoint(tmp_path: Path, capsys) -> None:
    assert main(["calibrate", str(tmp_path)]) == 3
    assert "expected a checkpoint" in capsys.readouterr().err
