"""The registry of methods: names, what they train, how they search."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from sdk.errors import EngineError
from train.methods import METHODS
from train.models.config import PizaConfig

NAMES = (
    "zero-shot",
    "full",
    "coop",
    "lora",
    "adapter+",
    "piza-coop",
    "piza-lora",
    "piza-adapter+",
)
TINY = Path(__file__).resolve().parents[2] / "assets" / "piza-tiny" / "config.json"


def test_there_are_eight_methods() -> None:
    assert tuple(METHODS) == NAMES
    assert all(METHODS[name].name == name for name in NAMES)
    assert [m.name for m in METHODS.values() if m.zooms] == list(NAMES[5:])
    for name in NAMES[5:]:  # each has a plain twin
        assert METHODS[name.removeprefix("piza-")].family == METHODS[name].family


@pytest.mark.parametrize("method", NAMES)
def test_only_piza_methods_search_in_steps(config: PizaConfig, method: str, tmp_path: Path) -> None:
    config = dataclasses.replace(config, method=method)
    assert config.zooms == method.startswith("piza-")
    assert config.zoom_policy().max_steps == (config.max_steps if config.zooms else 1)
    config.save(tmp_path / "config.json")
    assert PizaConfig.load(tmp_path / "config.json") == config


def test_configurations_from_before_the_methods_are_of_piza_adapter(tmp_path: Path) -> None:
    record = json.loads(TINY.read_text())
    for key in ("method", "lora_rank", "context_tokens"):
        record.pop(key, None)
    (tmp_path / "config.json").write_text(json.dumps(record))
    config = PizaConfig.load(tmp_path / "config.json")
    assert config.method == "piza-adapter+"
    assert config.zooms
    assert config.zoom_policy().max_steps == 3
    assert PizaConfig.load(TINY).name == "piza-tiny"


@pytest.mark.parametrize("method", ["", "piza", "PIZA-LoRA"])
def test_unknown_methods_are_refused(config: PizaConfig, method: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"expected a method out of zero-shot.*found"):
        dataclasses.replace(config, method=method)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(TINY.read_text()) | {"method": "nothing"}))
    with pytest.raises(EngineError, match="'nothing'"):
        PizaConfig.load(path)
