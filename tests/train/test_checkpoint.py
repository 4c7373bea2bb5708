"""Checkpoint folders and configurations: exact, complete, and refused when they are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sdk.errors import CheckpointError
from train.checkpoint import (
    CONFIG,
    TOKENIZER,
    WEIGHTS,
    load_checkpoint,
    save_checkpoint,
    start_from,
)
from train.models.grounding_dino.config import PizaConfig, piza_tiny, swin_t


@pytest.fixture
def folder(make_model, tokenizer_file: Path, tmp_path: Path) -> Path:
    out = tmp_path / "checkpoint"
    save_checkpoint(out, make_model(), tokenizer_file)
    return out


def change(folder: Path, edit) -> None:
    weights = load_file(folder / WEIGHTS)
    edit(weights)
    save_file(weights, folder / WEIGHTS)


def test_round_trip_in_half_precision(folder: Path, make_model, config, tokenizer) -> None:
    model, read = load_checkpoint(folder)
    assert not any(module.training for module in model.modules())
    assert model.config == config
    assert read.vocabulary_size == tokenizer.vocabulary_size
    expected, found = make_model().state_dict(), model.state_dict()
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        if tensor.is_floating_point():
            assert found[name].dtype == torch.float32
            tensor = tensor.half().float()
        assert torch.equal(found[name], tensor), name


def test_saving_what_was_loaded_changes_nothing(folder: Path, tmp_path: Path) -> None:
    model, _ = load_checkpoint(folder)
    save_checkpoint(tmp_path / "again", model, folder / TOKENIZER)
    assert {path.name for path in folder.iterdir()} == {CONFIG, WEIGHTS, TOKENIZER}
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
    save_checkpoint(folder, model, folder / TOKENIZER)  # in place
    assert (folder / TOKENIZER).read_bytes() == (tmp_path / "again" / TOKENIZER).read_bytes()


def test_shared_tensors_are_stored_once(folder: Path) -> None:
    """The box heads of the decoder layers, which transformers shares; and stay shared."""
    names = load_file(folder / WEIGHTS).keys()
    heads = {name for name in names if name.endswith("bbox_embed.0.layers.0.weight")}
    assert len(heads) == 1
    assert not any("bbox_embed.1" in name or "class_embed.1" in name for name in names)
    model, _ = load_checkpoint(folder)
    first, second = model.base.bbox_embed
    assert first.layers[0].weight is second.layers[0].weight
    assert model.base.model.decoder.bbox_embed[1].layers[0].weight is first.layers[0].weight


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, TOKENIZER])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"no {name}"):
        load_checkpoint(folder)
    with pytest.raises(CheckpointError, match=CONFIG):
        load_checkpoint(folder / "absent")


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, TOKENIZER])
@pytest.mark.parametrize("keep", [0.0, 0.5])
def test_a_truncated_file_is_refused(folder: Path, name: str, keep: float) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(CheckpointError, match=name):
        load_checkpoint(folder)


def test_every_tensor_is_accounted_for(folder: Path) -> None:
    change(folder, lambda weights: weights.pop("base.model.enc_output.bias"))
    with pytest.raises(CheckpointError, match=r"missing \['base\.model\.enc_output\.bias'\]"):
        load_checkpoint(folder)
    change(folder, lambda weights: weights.update(stranger=torch.zeros(1)))
    with pytest.raises(CheckpointError, match=r"unknown \['stranger'\]"):
        load_checkpoint(folder)


def test_shapes_are_compared(folder: Path) -> None:
    change(folder, lambda w: w.update({"base.model.enc_output.bias": torch.zeros(3).half()}))
    with pytest.raises(CheckpointError, match=r"enc_output\.bias"):
        load_checkpoint(folder)


def test_a_configuration_of_another_size_is_refused(folder: Path) -> None:
    record = json.loads((folder / CONFIG).read_text())
    record["bottleneck"] = 4
    (folder / CONFIG).write_text(json.dumps(record))
    with pytest.raises(CheckpointError, match="do not fit the model"):
        load_checkpoint(folder)


@pytest.mark.parametrize("content", ["[]", "{}", "{", '{"name": 1, "colour": 2}', "\x00"])
def test_configurations_that_are_none(tmp_path: Path, content: str) -> None:
    (tmp_path / CONFIG).write_text(content)
    with pytest.raises(CheckpointError, match="not the configuration of a model"):
        PizaConfig.load(tmp_path / CONFIG)


@pytest.mark.parametrize("config", [piza_tiny(100), swin_t()], ids=lambda config: config.name)
def test_presets_survive_the_disk(tmp_path: Path, config: PizaConfig) -> None:
    config.save(tmp_path / CONFIG)
    assert PizaConfig.load(tmp_path / CONFIG) == config
    assert [path.name for path in tmp_path.iterdir()] == [CONFIG]


def test_the_published_size() -> None:
    dino = swin_t().grounding_dino()
    assert (dino.d_model, dino.encoder_layers, dino.num_queries) == (256, 6, 900)
    assert dino.backbone_config.out_indices == [2, 3, 4]
    assert dino.num_feature_levels == 4


def test_starting_from_a_checkpoint(folder: Path, make_model) -> None:
    model = make_model(seed=7)
    start_from(model, folder)
    expected = load_checkpoint(folder)[0].state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())
    assert model.base.bbox_embed[0].layers[0].weight is model.base.bbox_embed[1].layers[0].weight


def test_starting_from_another_architecture(folder: Path, make_model, make_config) -> None:
    base = make_config().base
    other = make_model(make_config(base=base | {"encoder_layers": base["encoder_layers"] + 1}))
    with pytest.raises(CheckpointError, match="another architecture"):
        start_from(other, folder)


def test_a_config_of_before_calibration(make_config, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    make_config().save(path)
    record = json.loads(path.read_text())
    assert record.pop("calibration") == {"threshold": 0.5}
    path.write_text(json.dumps(record | {"threshold": 0.75}))
    config = PizaConfig.load(path)
    assert config == make_config(calibration={"threshold": 0.75})
    assert config.threshold == 0.75
    path.write_text(json.dumps(record))
    assert PizaConfig.load(path) == make_config()


@pytest.mark.parametrize("calibration", [{}, {"threshold": 2.0}, {"threshold": 0.5, "evidence": 1}])
def test_a_calibration_that_makes_no_sense(calibration, make_config, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"calibration\."):
        make_config(calibration=calibration)
    path = tmp_path / "config.json"
    make_config().save(path)
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"calibration": calibration}))
    with pytest.raises(CheckpointError, match=r"calibration\."):
        PizaConfig.load(path)
