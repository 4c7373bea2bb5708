"""States of a run: whole or not at all, and only of the run that goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest
import torch
from torch import Tensor

from sdk.errors import EngineError, InputError
from train.models.grounding_dino.grounder import PizaGrounder
from train.trainer.recipe import scratch

CPU = torch.device("cpu")
RECIPE = scratch(6, lr=1e-3, warmup=2)


def go_on(_: dict[str, float]) -> bool:
    return False


def state(model: PizaGrounder) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_resumed_runs_equal_uninterrupted_ones(make_trainer, batches, tmp_path: Path) -> None:
    whole = make_trainer()
    whole.run(batches, go_on)
    first = make_trainer()
    first.run(batches[:3], go_on)
    first.save(tmp_path / "state.pt")
    resumed = make_trainer(seed=5)  # whatever it starts with is overwritten
    resumed.load(tmp_path / "state.pt")
    assert resumed.step == 3
    resumed.run(batches[3:], go_on)
    assert resumed.step == whole.step == 6
    assert same(state(resumed.model), state(whole.model))
    assert same(state(resumed.average), state(whole.average))
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_an_interrupted_save_keeps_the_last_state(make_trainer, tmp_path, monkeypatch) -> None:
    trainer = make_trainer()
    trainer.save(tmp_path / "state.pt")
    before = (tmp_path / "state.pt").read_bytes()

    def interrupted(_: object, file: IO[bytes]) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trainer.save(tmp_path / "state.pt")
    assert (tmp_path / "state.pt").read_bytes() == before


def test_states_are_of_one_recipe_and_one_set_of_data(make_trainer, tmp_path: Path) -> None:
    make_trainer(data={"batch": 4}).save(tmp_path / "state.pt")
    make_trainer(data={"batch": 4}).load(tmp_path / "state.pt")
    for recipe, data, message in (
        (replace(RECIPE, steps=7), {"batch": 4}, r"with steps 6 \(now 7\); give"),
        (replace(RECIPE, lr=1.0), {"batch": 8}, r"batch 4 \(now 8\), lr 0.001 \(now 1.0\)"),
        (RECIPE, {}, r"batch 4 \(now None\)"),
    ):
        with pytest.raises(InputError, match=message):
            make_trainer(recipe, data=data).load(tmp_path / "state.pt")


def test_states_of_before_settings_were_kept(make_trainer, batches, tmp_path: Path) -> None:
    trainer = make_trainer()
    trainer.run(batches[:2], go_on)
    trainer.save(tmp_path / "state.pt")
    old = torch.load(tmp_path / "state.pt", weights_only=True)
    for name in ("made_with", "scaler"):
        del old[name]
    torch.save(old, tmp_path / "state.pt")
    other = make_trainer(replace(RECIPE, lr=1.0), seed=2)
    other.load(tmp_path / "state.pt")
    assert other.step == 2
    assert same(state(other.model), state(trainer.model))


@pytest.mark.parametrize("damage", [b"", b"nonsense", "half", "no tensors", "a list"])
def test_states_that_are_damaged(make_trainer, tmp_path: Path, damage: bytes | str) -> None:
    path = tmp_path / "state.pt"
    make_trainer().save(path)
    if damage == "half":
        path.write_bytes(path.read_bytes()[:5000])
    elif damage == "no tensors":
        torch.save({"model": {}}, path)
    elif damage == "a list":
        torch.save([1, 2], path)
    else:
        path.write_bytes(damage)
    with pytest.raises(EngineError, match="cannot resume"):
        make_trainer().load(path)
