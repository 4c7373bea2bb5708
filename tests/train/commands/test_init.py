"""``python -m train init``: random weights of a given size."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from train.__main__ import main
from train.base import open_base
from train.checkpoint import CONFIG, TOKENIZER, WEIGHTS, checkpoint_sha256, load_checkpoint
from train.commands.init import randomise, untrained
from train.models.grounding_dino.config import PizaConfig
from train.models.piza.methods import METHODS

TINY = ("--base-config", "piza-tiny", "--input-hw", "64", "96")


def test_a_checkpoint_that_loads(tmp_path: Path, capsys) -> None:
    assert main(["init", "-o", str(tmp_path / "a"), *TINY]) == 0
    assert "M random parameters, piza-adapter+, input (64, 96)" in capsys.readouterr().out
    assert {p.name for p in (tmp_path / "a").iterdir()} == {CONFIG, TOKENIZER, WEIGHTS}
    model, tokenizer = load_checkpoint(tmp_path / "a")
    assert model.config.input_hw == (64, 96)
    assert model.config.name == "piza-tiny-random"
    assert tokenizer.encode("the red car").ids.any()


def test_the_seed_makes_the_weights(tmp_path: Path) -> None:
    hashes = []
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        assert main(["init", "-o", str(tmp_path / name), "--seed", seed, *TINY]) == 0
        hashes.append(checkpoint_sha256(tmp_path / name))
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_base_for_every_method(tmp_path: Path) -> None:
    """Nothing is added to it, and its history encoder is to be fitted, not taken for trained."""
    assert main(["init", "-o", str(tmp_path), "--method", "zero-shot", *TINY]) == 0
    assert PizaConfig.load(tmp_path / CONFIG).method == "zero-shot"
    for name in METHODS:
        base = open_base(str(tmp_path), name)
        assert base.model.config.method == name
        assert not base.knows_histories


def test_swin_t_by_default(tmp_path: Path, monkeypatch) -> None:
    """Nothing of it is made here: it has 173 M parameters."""
    asked: list[tuple[PizaConfig, int]] = []

    def small(config: PizaConfig, seed: int) -> torch.nn.Module:
        asked.append((config, seed))
        return torch.nn.Linear(1, 1)

    monkeypatch.setattr("train.commands.init.untrained", small)
    monkeypatch.setattr("train.checkpoint.save_checkpoint", lambda *_: None)
    assert main(["init", "-o", str(tmp_path / "a"), "--input-hw", "544", "960"]) == 0
    [(config, seed)] = asked
    assert (config.name, config.input_hw, seed) == ("swin-t-random", (544, 960), 0)
    assert config.base["backbone_config"]["model_type"] == "swin"


def test_candidates_are_told_apart(make_config) -> None:
    """Scores of random weights differ by more than rounding, and progress matters."""
    config = make_config()
    model = untrained(config, 0)
    length = config.max_tokens
    ids = torch.ones(1, length, dtype=torch.int64)
    places = torch.arange(length)[None]
    with torch.inference_mode():
        text = model.encode_text(ids, ids, places)
        image = model.encode_image(torch.rand(1, 3, *config.input_hw))
        first, later = (
            model.ground(image, text, ids, places, torch.tensor([progress]))
            for progress in (0.0, 1.0)
        )
    best = first.query_logits[-1].amax(-1).sigmoid()[0].sort().values
    assert best.isfinite().all()
    assert best.std() > 1e-3
    assert (first.query_logits - later.query_logits).abs().max() > 1e-3


def test_bad_input(tmp_path: Path, capsys) -> None:
    assert main(["init", "-o", str(tmp_path / "a"), "--input-hw", "60", "96"]) == 2
    assert "multiples of 32" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine").write_text("work")
    assert main(["init", "-o", str(tmp_path / "b"), *TINY]) == 2
    assert (tmp_path / "b" / "mine").read_text() == "work"


@pytest.mark.parametrize(
    "extra", [["--base-config", "vast"], ["--input-hw", "64"], ["--seed", "x"]]
)
def test_bad_arguments(tmp_path: Path, extra: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["init", "-o", str(tmp_path / "a"), *extra])
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    ("size", "method", "input_hw"),
    [
        ("mdetr-resnet101", "mdetr", (768, 1344)),  # of a frame of 1080x1920
        ("mdetr-efficientnet-b3", "mdetr", (768, 1344)),
        ("transvg-resnet50", "transvg", (640, 640)),
        ("transvg-resnet101", "transvg", (640, 640)),
    ],
)
def test_one_look_sizes(
    one_look, tmp_path: Path, monkeypatch, capsys, size: str, method: str, input_hw: tuple[int, int]
) -> None:
    """The published sizes are asked for; what is written is as small as can be."""
    asked = []

    def small(config):
        asked.append(config)
        return one_look(config.METHOD, name=config.name, input_hw=config.input_hw)

    monkeypatch.setattr("train.families.one_stage.make_model", small)
    assert main(["init", "-o", str(tmp_path / "a"), "--base-config", size]) == 0
    assert f"M random parameters, {method}, input {input_hw}" in capsys.readouterr().out
    [config] = asked
    assert (config.METHOD, config.name, config.input_hw) == (method, f"{size}-random", input_hw)
    assert (tmp_path / "a" / WEIGHTS).is_file()


def test_nothing_grows_through_a_deep_resnet() -> None:
    """Blocks are many, and no batch norm measures what goes through."""
    from train.models.backbones.resnet import ResNet

    torch.manual_seed(0)
    deep = randomise(ResNet(8, (8, 8, 8, 8), (3, 4, 23, 3)).eval(), 0)
    with torch.inference_mode():
        found = deep(torch.randn(1, 3, 96, 96))
    assert 1e-3 < float(found.abs().mean()) < 1e2
