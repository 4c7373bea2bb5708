"""Fine-tuning on photographs: from end to end, in this process and in two of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import MMGroundingDinoForObjectDetection

from sdk.errors import CheckpointError, EngineError, InputError
from train.__main__ import main
from train.base import open_base
from train.checkpoint import CONFIG, TOKENIZER, WEIGHTS, load_checkpoint, save_checkpoint
from train.evaluation.validation import some
from train.models.piza import fit_history
from train.models.piza import target_sizes as sizes

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def transformers_base(config, tokenizer_file, tmp_path_factory) -> Path:
    """The same architecture as transformers stores it."""
    folder = tmp_path_factory.mktemp("transformers")
    torch.manual_seed(3)
    MMGroundingDinoForObjectDetection(config.grounding_dino()).save_pretrained(folder)
    shutil.copyfile(tokenizer_file, folder / TOKENIZER)
    return folder


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


def test_two_processes_do_what_one_does(
    tune, tune_options, base, photographs, free_port, tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert tune(one, "--batch", "4", "--lr", "1e-3") == 0
    launch = "-m accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1"
    launch += (
        f" --mixed_precision no --dynamo_backend no --main_process_port {free_port()} -m train tune"
    )
    command = [
        sys.executable,
        *launch.split(),
        "piza-adapter+",
        *tune_options(base, photographs, two),
    ]
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
    assert f"trained tensors: {head}.0.weight, {head}.0.bias, {head}.1.weight" in said


def test_short_runs_leave_their_losses(tune, tmp_path: Path) -> None:
    assert tune(tmp_path) == 0
    [entry] = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert entry["step"] == 4
    assert entry["loss"] > 0


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
    monkeypatch.setattr("sdk.hub.unreachable", lambda: "no network")
    for source in (str(tmp_path / "nowhere"), "no/model"):
        with pytest.raises(CheckpointError, match="a hub id"):
            open_base(source, "lora")
    with pytest.raises(CheckpointError, match="expected a tokenizer file"):
        open_base(str(tmp_path), "lora")
    with pytest.raises(InputError, match="multiples of 32"):
        open_base(str(transformers_base), "lora", (33, 64))
    (tmp_path / CONFIG).write_text("{}")
    with pytest.raises(CheckpointError, match="not the configuration"):
        open_base(str(tmp_path), "lora")


def test_names_that_the_hub_refuses() -> None:
    with pytest.raises(CheckpointError, match="a hub id"):
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
