"""Fine-tuning on photographs: from end to end, in this process and in two of their own."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from transformers import MMGroundingDinoForObjectDetection

from sdk.errors import EngineError, InputError
from train import fit_history, sizes
from train.__main__ import main
from train.base import open_base
from train.checkpoint import CONFIG, TOKENIZER, WEIGHTS, load_checkpoint, save_checkpoint
from train.data import photographs as photographs_module
from train.evaluation import validation
from train.evaluation.validation import some

ROOT = Path(__file__).resolve().parents[3]
REFS = (
    "the red car",
    "the blue sign near the white van",
    "the person on the left",
    "the traffic light",
)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four images of noise and ``all.json``, SOREC's layout, eight annotations."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    entries = []
    for k in range(8):
        name = f"{k // 2}.png"
        if k % 2 == 0:
            cv2.imwrite(str(folder / name), rng.integers(0, 255, (120, 160, 3), np.uint8))
        x, y = rng.integers(5, 90, 2).tolist()
        entries.append({"image": name, "bbox": [x, y, 12, 15], "ref": REFS[k % 4], "id": k})
    (folder / "all.json").write_text(json.dumps(entries))
    return folder


@pytest.fixture(scope="module")
def base(make_model, make_config, tokenizer_file, tmp_path_factory) -> Path:
    """A checkpoint that nothing was added to."""
    folder = tmp_path_factory.mktemp("base")
    save_checkpoint(folder, make_model(make_config(method="zero-shot")), tokenizer_file)
    return folder


@pytest.fixture(scope="module")
def transformers_base(config, tokenizer_file, tmp_path_factory) -> Path:
    """The same architecture as transformers stores it."""
    folder = tmp_path_factory.mktemp("transformers")
    torch.manual_seed(3)
    MMGroundingDinoForObjectDetection(config.grounding_dino()).save_pretrained(folder)
    shutil.copyfile(tokenizer_file, folder / TOKENIZER)
    return folder


def options(base: Path, photographs: Path, out: Path) -> list[str]:
    files = ["--annotations", str(photographs / "all.json"), "--images", str(photographs)]
    quick = "--epochs 1 --batch 2 --workers 0 --threads 1 --device cpu"
    return ["--base", str(base), *files, *quick.split(), "-o", str(out)]


@pytest.fixture
def tune(base: Path, photographs: Path) -> Iterator[Callable[..., int]]:
    """``tune(out, *options, method=...)``: four steps of two photographs each."""

    def run(out: Path, *more: str, method: str = "piza-adapter+", start: Path = base) -> int:
        return main(["tune", method, *options(start, photographs, out), *more])

    yield run
    torch.set_flush_denormal(False)  # hypothesis refuses to work with it


def state(out: Path) -> dict[str, torch.Tensor]:
    return torch.load(out / "state.pt", weights_only=True)["model"]


def assert_close(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    """Within a hundredth of the two steps of 1e-3 that most trained weights have made."""
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("method", ["full", "coop", "piza-lora", "piza-adapter+"])
def test_methods_train_what_they_should(tune, base, tmp_path, capsys, method: str) -> None:
    assert tune(tmp_path, "--epochs", "2", "--lr", "1e-3", method=method) == 0
    out = capsys.readouterr().out
    assert "8 annotations" in out
    assert "after 8 of 8 steps" in out
    checkpoint = {CONFIG, WEIGHTS, TOKENIZER}
    assert {path.name for path in (tmp_path / "last").iterdir()} == checkpoint
    tuned, _ = load_checkpoint(tmp_path / "last")
    assert tuned.config.method == method
    before, _ = load_checkpoint(base)
    old, new = dict(before.named_parameters()), state(tmp_path)
    moved = {name for name in old.keys() & new.keys() if not torch.equal(old[name], new[name])}
    names = {name for name in moved if "norm" not in name.lower()}
    assert bool(names) == (method == "full"), names
    assert moved
    assert not any(name.startswith("history.") for name in moved)
    statistics = {n: b for n, b in before.named_buffers() if "running" in n}
    assert statistics
    assert all(torch.equal(new[name], value) for name, value in statistics.items())


def test_a_base_from_transformers(tune, transformers_base, tmp_path, monkeypatch) -> None:
    simulations = fit_history._simulations
    monkeypatch.setattr(
        fit_history, "_simulations", lambda rng, draw, n: simulations(rng, draw, n // 1000)
    )
    monkeypatch.setattr(fit_history.fit_history, "__defaults__", (sizes.anything, 2, 4))
    assert tune(tmp_path, "--input-hw", "64", "96", start=transformers_base) == 0
    model, tokenizer = load_checkpoint(tmp_path / "last")
    assert model.config.input_hw == (64, 96)
    assert model.config.max_tokens == 64  # as many as the base has room for
    assert model.config.name == transformers_base.name
    assert tokenizer.encode("the red car").unknown == ()


def test_resuming(tune, tmp_path: Path, capsys) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert tune(whole) == 0
    assert tune(parts, "--resume") == 2
    assert "expected a run to resume" in capsys.readouterr().err
    assert tune(parts, "--stop-after", "1e-9") == 0
    assert "after 1 of 4 steps" in capsys.readouterr().out
    assert tune(parts, "--resume") == 0
    assert "from step 1 on" in capsys.readouterr().out
    assert same(state(whole), state(parts))
    assert tune(parts) == 0  # there is nothing left to do
    assert same(state(whole), state(parts))


def test_a_run_goes_on_with_its_own_settings(tune, tmp_path: Path, capsys) -> None:
    assert tune(tmp_path, "--stop-after", "1e-9") == 0
    for more, message in (
        ("--epochs 2", "epochs 1 (now 2)"),
        ("--lr 1", "lr 0.0002 (now 1.0)"),
        ("--batch 4", "batch 2 (now 4)"),
        ("--bfloat16", "precision float32 (now bfloat16)"),
        ("--input-hw 96 96", "input 64x96 (now 96x96)"),
    ):
        capsys.readouterr()
        assert tune(tmp_path, *more.split()) == 2
        assert message in capsys.readouterr().err
    assert tune(tmp_path, "--batch", "1", "--accumulate", "2") == 0  # the same batches


def test_the_best_checkpoint_of_a_validation_set(tune, photographs, tmp_path: Path) -> None:
    fresh = ["--val-annotations", str(photographs / "all.json"), "--checks", "3"]
    assert tune(tmp_path, *fresh, "--check-every", "2") == 0
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries if "macc" in entry] == [2, 4]
    assert all(0 <= entry["macc"] <= 1 for entry in entries if "macc" in entry)
    assert {path.name for path in (tmp_path / "best").iterdir()} == {CONFIG, WEIGHTS, TOKENIZER}


def test_parts_of_a_batch_make_the_same_step(tune, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert tune(whole, "--batch", "4", "--lr", "1e-3") == 0
    assert tune(parts, "--batch", "1", "--accumulate", "4", "--lr", "1e-3") == 0
    assert_close(state(parts), state(whole))


def test_two_processes_do_what_one_does(tune, base, photographs, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert tune(one, "--batch", "4", "--lr", "1e-3") == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    launch = "-m accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1"
    launch += f" --mixed_precision no --dynamo_backend no --main_process_port {port} -m train tune"
    command = [sys.executable, *launch.split(), "piza-adapter+", *options(base, photographs, two)]
    done = subprocess.run(
        [*command, "--batch", "2", "--lr", "1e-3"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("after 2 of 2 steps") == 1
    assert_close(state(two), state(one))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--batch 9", "at least one step of 9, got 8 in 1 epochs"),
        ("--input-hw 60 96", "multiples of 32"),
        ("--device toaster", "a device such as cpu or cuda"),
        ("--images /nowhere", "a folder of images"),
        ("--annotations /nowhere.json", "/nowhere.json"),
        ("--split train", "only RefCOCO"),
    ],
)
def test_options_that_cannot_be_met(tune, tmp_path, capsys, more: str, message: str) -> None:
    assert tune(tmp_path / "out", *more.split()) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["zero-shot", "magic"])
def test_methods_that_train_nothing(tune, tmp_path: Path, capsys, method: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        tune(tmp_path, method=method)
    assert stopped.value.code == 2
    assert "piza-adapter+" in capsys.readouterr().err


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A folder of its own, with six photographs and an annotation of each."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "six"
    folder.mkdir()
    entries = []
    for k in range(6):
        cv2.imwrite(str(folder / f"{k}.jpg"), rng.integers(0, 255, (120, 160, 3), np.uint8))
        entries.append({"image": f"{k}.jpg", "bbox": [9 + k, 7, 12, 15], "ref": REFS[0], "id": k})
    (folder / "all.json").write_text(json.dumps(entries))
    return folder


def at(folder: Path) -> list[str]:
    return ["--annotations", str(folder / "all.json"), "--images", str(folder)]


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """``spoil(name)``: from now on a photograph of this name cannot be decoded."""
    lost: set[str] = set()
    real = photographs_module.read_image

    def read(path: Path) -> np.ndarray:
        if path.name in lost:
            raise InputError(f"cannot decode the image {path}")
        return real(path)

    monkeypatch.setattr(photographs_module, "read_image", read)
    return lost.add


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_bad_photograph_ends_a_run_in_one_line(
    tune, damaged, spoil, tmp_path, capfd, workers: str
) -> None:
    """Nothing hangs, no process is left, and the run goes on without it."""
    out, options = tmp_path / "out", [*at(damaged), "--epochs", "3", "--workers", workers]
    assert tune(tmp_path / "whole", *options) == 0
    spoil("3.jpg")
    capfd.readouterr()
    assert tune(out, *options) == 2
    said = capfd.readouterr().err
    errors = [line for line in said.splitlines() if "error" in line]
    assert len(errors) == 1
    assert "3.jpg" in errors[0]
    assert "--skip-unreadable" in errors[0]
    assert "Traceback" not in said
    assert multiprocessing.active_children() == []
    assert torch.load(out / "state.pt", weights_only=True)["step"] < 9
    assert tune(out, *options, "--resume", "--skip-unreadable") == 0
    assert "1: 3.jpg could not be read" in capfd.readouterr().out
    at_once = tmp_path / "at_once"
    assert tune(at_once, *options, "--skip-unreadable") == 0
    assert same(state(out), state(at_once))  # whenever it was found out
    assert not same(state(out), state(tmp_path / "whole"))


def test_a_run_goes_on_without_what_was_lost_meanwhile(tune, damaged, tmp_path, capsys) -> None:
    (damaged / "5.jpg").unlink()
    out, options = tmp_path / "out", [*at(damaged), "--epochs", "2"]
    assert tune(out, *options, "--stop-after", "1e-9") == 0
    (damaged / "2.jpg").write_bytes((damaged / "2.jpg").read_bytes()[:500])  # cut off
    shutil.copyfile(damaged / "1.jpg", damaged / "5.jpg")  # come back
    capsys.readouterr()
    assert tune(out, *options) == 2
    said = capsys.readouterr().err
    assert "1 photographs that this run began with cannot be read any more" in said
    assert "2.jpg" in said
    assert tune(out, *options, "--skip-unreadable") == 0
    assert "after 5 of 5 steps" in capsys.readouterr().out


def test_photographs_for_the_checks_are_read_first(
    tune, damaged, tmp_path, capsys, monkeypatch
) -> None:
    real = validation.read_image

    def read(path: Path) -> np.ndarray:
        if path.name == "4.jpg":
            raise InputError(f"cannot decode the image {path}")
        return real(path)

    monkeypatch.setattr(validation, "read_image", read)
    check = ["--val-annotations", str(damaged / "all.json"), "--val-images", str(damaged)]
    assert tune(tmp_path / "out", *check) == 2
    assert "4.jpg; --skip-unreadable" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert tune(tmp_path / "out", *check, "--skip-unreadable") == 0


def test_checks_on_what_is_trained_on(tune, photographs, damaged, tmp_path, capsys) -> None:
    check = ["--val-annotations", str(damaged / "all.json"), "--val-images", str(damaged)]
    assert tune(tmp_path / "apart", *check, "--checks", "1") == 0
    assert "are trained on" not in capsys.readouterr().err
    shutil.copyfile(photographs / "0.png", damaged / "1.jpg")  # under another name
    assert tune(tmp_path / "out", *check, "--checks", "1") == 0
    assert "warning: 1 of the 6 photographs" in capsys.readouterr().err


def test_words_that_the_base_does_not_know(tune, damaged, tmp_path, capsys) -> None:
    entries = json.loads((damaged / "all.json").read_text())
    entries += [entries[0], entries[1] | {"ref": "das rote Auto"}]
    (damaged / "all.json").write_text(json.dumps(entries))
    assert tune(tmp_path / "out", *at(damaged)) == 0
    said = capsys.readouterr().out
    assert "note: 12.5% of the words are unknown to the model, in 12.5% of the sentences" in said
    assert "note: 1 annotations repeat" in said
    assert "note: 2 annotations have the id of another" in said


def test_a_disk_that_is_full(tune, tmp_path: Path, capsys, monkeypatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=10_000)
    assert tune(tmp_path / "out", "--stop-after", "1e-9") == 0
    before = (tmp_path / "out" / "state.pt").read_bytes()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    capsys.readouterr()
    assert tune(tmp_path / "out") == 2
    assert "the disk is full; it needs" in capsys.readouterr().err
    assert (tmp_path / "out" / "state.pt").read_bytes() == before
    assert not list((tmp_path / "out").rglob("*partial*"))
    monkeypatch.undo()
    assert tune(tmp_path / "out") == 0


def test_tensors_that_nothing_moves_are_named(
    tune, make_model, make_config, tokenizer_file, tmp_path, capsys
) -> None:
    model = make_model(make_config(method="zero-shot"))
    with torch.no_grad():  # a layer that is never active
        model.base.model.decoder.reference_points_head.layers[0].bias.fill_(-1000)
    save_checkpoint(tmp_path / "base", model, tokenizer_file)
    assert tune(tmp_path / "out", method="full", start=tmp_path / "base") == 0
    said = capsys.readouterr().out
    head = "base.model.decoder.reference_points_head.layers"
    assert f"no gradient has reached 3: {head}.0.weight, {head}.0.bias, {head}.1.weight" in said


def test_short_runs_leave_their_losses(tune, tmp_path: Path) -> None:
    assert tune(tmp_path) == 0
    [entry] = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert entry["step"] == 4
    assert entry["loss"] > 0


def test_entries_that_cannot_be_used_are_named(tune, photographs, tmp_path, capsys) -> None:
    entries = json.loads((photographs / "all.json").read_text())
    entries[0]["image"] = "gone.png"
    some_good = tmp_path / "some.json"
    some_good.write_text(json.dumps(entries))
    assert tune(tmp_path / "out", "--annotations", str(some_good)) == 0
    found = capsys.readouterr()
    assert "1 entries" in found.err
    assert "gone.png" in found.err
    assert "7 annotations" in found.out
    some_good.write_text("[]")
    assert tune(tmp_path / "none", "--annotations", str(some_good)) == 2
    assert "found none that can be used" in capsys.readouterr().err


def test_a_checkpoint_of_the_method_goes_on(make_model, tokenizer_file, tmp_path: Path) -> None:
    model = make_model(seed=4)
    save_checkpoint(tmp_path, model, tokenizer_file)
    again = open_base(str(tmp_path), "piza-adapter+", (96, 96))
    assert again.knows_histories
    assert again.model.config.input_hw == (96, 96)
    name = "adapters.0.adapter1.linear_down.weight"
    expected = model.state_dict()[name].half().float()
    assert torch.equal(again.model.state_dict()[name], expected)


def test_bases_that_are_none(tmp_path: Path, monkeypatch, transformers_base) -> None:
    monkeypatch.setattr("train.hub._unreachable", lambda: "no network")
    for source in (str(tmp_path / "nowhere"), "no/model"):
        with pytest.raises(EngineError, match="a hub id"):
            open_base(source, "lora")
    with pytest.raises(EngineError, match="expected a tokenizer file"):
        open_base(str(tmp_path), "lora")
    with pytest.raises(InputError, match="multiples of 32"):
        open_base(str(transformers_base), "lora", (33, 64))
    (tmp_path / CONFIG).write_text("{}")
    with pytest.raises(EngineError, match="not the configuration"):
        open_base(str(tmp_path), "lora")


def test_names_that_the_hub_refuses() -> None:
    with pytest.raises(EngineError, match="a hub id"):
        open_base("a/b/c/d", "lora")


def test_some_annotations() -> None:
    everything = tuple(range(10))
    assert some(everything, 4, 0) == some(everything, 4, 0)
    assert some(everything, 4, 0) != some(everything, 4, 1)
    assert some(everything, 99, 0) == everything
    assert some((), 3, 0) == ()


def test_the_published_base_by_default(monkeypatch, photographs, tmp_path: Path, capsys) -> None:
    asked = []

    def refuse(source: str, method: str, input_hw: object) -> None:
        asked.append((source, method, input_hw))
        raise EngineError("no network")

    monkeypatch.setattr("train.base.open_base", refuse)
    files = ["--annotations", str(photographs / "all.json"), "--images", str(photographs)]
    assert main(["tune", "lora", *files, "-o", str(tmp_path / "out")]) == 3
    assert asked == [
        ("openmmlab-community/mm_grounding_dino_tiny_o365v1_goldg_grit_v3det", "lora", None)
    ]
