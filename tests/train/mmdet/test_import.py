"""``python -m train import``: what it writes is exported and proven like any checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from evaluation.questions import Question
from export.build import build, open_reference, verify
from export.options import BuildOptions
from sdk import Grounder
from train.__main__ import main
from train.checkpoint import load_checkpoint

SEARCHES = 3
SMALL = {"input_hw": [64, 96], "max_tokens": 24}
REFS = ("the red car", "the white van left of the bus", "the person in a blue jacket")


def noise(seed: int, count: int) -> Iterator[Question]:
    """Instead of rendered scenes."""
    for number in range(seed, seed + count):
        coarse = np.random.default_rng(number).integers(0, 256, (15, 20, 3)).astype(np.uint8)
        frame = coarse.repeat(16, axis=0).repeat(16, axis=1)
        yield Question(frame, REFS[number % len(REFS)], None)


@pytest.fixture
def files(sizes, two_files, vocab_file: Path, tmp_path: Path) -> dict[str, Path]:
    """The files of a model with adapters of width 256, and its arguments."""
    return write(tmp_path, two_files(sizes(bottleneck=256)), vocab_file)


def write(folder: Path, states, vocab_file: Path) -> dict[str, Path]:
    base, piza = states
    torch.save({"state_dict": base, "meta": {"epoch": 12}}, folder / "base.pth")
    save_file(piza, folder / "piza.safetensors")
    (folder / "small.json").write_text(json.dumps(SMALL))
    return {
        "--base": folder / "base.pth",
        "--piza": folder / "piza.safetensors",
        "--vocab": vocab_file,
        "--config": folder / "small.json",
        "-o": folder / "imported",
    }


def call(files: dict[str, Path]) -> int:
    return main(["import", *(str(part) for pair in files.items() for part in pair)])


@pytest.mark.parametrize(
    ("bottleneck", "prefix"), [(256, "bbox_encoder"), (512, "bbox2eos_zoom_model")]
)
def test_round_trip(
    sizes, two_files, vocab_file, tmp_path, monkeypatch, capsys, bottleneck, prefix
) -> None:
    """Import, export, certificate, verification, a search; both published widths and namings."""
    monkeypatch.setattr("export.certificate.comparison.questions", noise)
    size = sizes(
        bottleneck=bottleneck, history=prefix, told=prefix == "bbox_encoder", decoder_layers=1
    )
    files = write(tmp_path, two_files(size), vocab_file)
    assert call(files) == 0
    assert f"piza-adapter+ of width {bottleneck}" in capsys.readouterr().out
    model, _ = load_checkpoint(files["-o"])
    assert (model.config.bottleneck, model.config.max_steps) == (bottleneck, 5)
    engine = tmp_path / "engine"
    reference = open_reference(files["-o"])
    assert build(reference, engine, BuildOptions(SEARCHES)).proven
    assert verify(engine, reference, SEARCHES).proven
    question = next(noise(0, 1))
    with Grounder(engine) as grounder:
        assert 1 <= len(grounder.locate(question.frame, question.ref).zooms) <= 5


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"--base": "nothing.pth"}, 2, "found none"),
        ({"--vocab": "nothing.txt"}, 2, "cannot read the vocabulary"),
        ({"--config": "nothing.json"}, 2, "cannot read the configuration"),
        ({"--base": "small.json"}, 3, "expected weights in"),
        ({"--piza": "base.pth"}, 3, "neither adapters"),
    ],
)
def test_errors_are_said_in_words(files, tmp_path, capsys, change, code, message) -> None:
    assert call(files | {name: tmp_path / value for name, value in change.items()}) == code
    assert message in capsys.readouterr().err
    assert not files["-o"].exists()


@pytest.mark.parametrize("content", ["[]", "{", '{"input_hw": 3}', '{"colour": 3}'])
def test_configurations_that_are_none(files, capsys, content: str) -> None:
    files["--config"].write_text(content)
    assert call(files) == 2
    assert "error: " in capsys.readouterr().err


def test_only_the_base_is_required(files, capsys) -> None:
    del files["--piza"]
    assert call(files) == 0
    assert "zero-shot" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["import", "-o", str(files["-o"])])
