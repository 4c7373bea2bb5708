"""The training loop: reproducible, resumable, robust, and it learns."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest
import torch
from torch import Tensor

from train.data.batches import Batch
from train.loop import Trainer, all_but_history, from_scratch
from train.models.grounder import PizaGrounder
from train.recipe import Recipe, scratch

CPU = torch.device("cpu")
RECIPE = scratch(6, lr=1e-3, warmup=2)


@pytest.fixture
def make_trainer(config) -> Callable[..., Trainer]:
    """``make_trainer(recipe, seed)``: a model from scratch and its trainer."""

    def make(recipe: Recipe = RECIPE, seed: int = 0, **settings: Any) -> Trainer:
        torch.manual_seed(seed)
        model = PizaGrounder(config)
        from_scratch(model)
        return Trainer(model, recipe, CPU, all_but_history(model), **settings)

    return make


@pytest.fixture
def batches(config, make_batch) -> list[Batch]:
    return [make_batch(config, seed) for seed in range(6)]


def go_on(_: dict[str, float]) -> bool:
    return False


def state(model: PizaGrounder) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_from_scratch_language_reaches_the_image(config) -> None:
    model = PizaGrounder(config)
    layer = model.base.model.encoder.layers[0].fusion_layer
    assert layer.vision_param.max().item() == pytest.approx(1e-4)
    from_scratch(model)
    assert (layer.vision_param == 1).all()
    assert (layer.text_param == 1).all()


def test_equal_seeds_give_equal_weights(make_trainer, batches) -> None:
    trainers = [make_trainer(), make_trainer(), make_trainer(seed=1)]
    for trainer in trainers:
        trainer.run(batches[:3], go_on)
    one, again, other = (state(trainer.model) for trainer in trainers)
    assert same(one, again)
    assert same(state(trainers[0].average), state(trainers[1].average))
    assert not same(one, other)


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


def test_runs_stop_when_told(make_trainer, batches) -> None:
    trainer = make_trainer()
    answers = itertools.chain([False, True], itertools.repeat(False))
    trainer.run(batches, lambda terms: next(answers))
    assert trainer.step == 2


def test_the_average_moves_once_a_step_for_shared_tensors_too(make_trainer, batches) -> None:
    """The box heads of all decoder layers are one; they must not be averaged once for each."""
    trainer = make_trainer()
    heads = [head.layers[0].weight for head in trainer.average.base.bbox_embed]
    assert all(head is heads[0] for head in heads)
    before = state(trainer.average)
    trainer.train_step(batches[:1])
    new, decay = state(trainer.model), 0.1  # a short memory at first
    for name, tensor in trainer.average.named_parameters(remove_duplicate=False):
        expected = before[name] * decay + new[name] * (1 - decay)
        torch.testing.assert_close(tensor, expected, msg=name)
    for name, tensor in trainer.average.named_buffers():
        assert torch.equal(tensor, dict(trainer.model.named_buffers())[name]), name
    assert not trainer.average.training


def test_the_average_lags_behind_in_the_long_run(make_trainer, batches) -> None:
    trainer = make_trainer(replace(RECIPE, average=0.5))
    trainer.step = 1000
    before = state(trainer.average)
    trainer.train_step(batches[:1])
    name = "base.model.enc_output.weight"
    expected = (before[name] + trainer.model.state_dict()[name]) / 2
    torch.testing.assert_close(trainer.average.state_dict()[name], expected)


@pytest.mark.parametrize("broken", ["pixels", "boxes"])
def test_a_batch_that_is_not_finite_leaves_everything_as_it_is(
    make_trainer, batches, broken: str
) -> None:
    """Weights and the statistics of the batch norms; the step is counted, and the next learns."""
    trainer = make_trainer()
    trainer.train_step(batches[:1])
    before = state(trainer.model)
    tensor = getattr(batches[1], broken).clone()
    tensor[0, 0] = float("nan")
    terms = trainer.train_step([replace(batches[1], **{broken: tensor})])
    assert not torch.isfinite(torch.tensor(terms["norm"]))
    assert same(before, state(trainer.model))
    assert trainer.step == 2
    terms = trainer.train_step(batches[2:3])
    assert torch.isfinite(torch.tensor(terms["loss"]))
    assert not same(before, state(trainer.model))
    assert all(torch.isfinite(tensor).all() for tensor in state(trainer.average).values())


def test_the_history_encoder_is_not_trained(make_trainer, batches) -> None:
    trainer = make_trainer(replace(RECIPE, weight_decay=0.5))
    before = {name: t.clone() for name, t in trainer.model.history.state_dict().items()}
    trainer.train_step(batches[:1])
    assert same(before, trainer.model.history.state_dict())
    assert not trainer.model.history.training
    assert trainer.model.base.training


def test_everything_else_is_trained(make_trainer, batches) -> None:
    """Batch norms as well, which transformers would freeze."""
    trainer = make_trainer(replace(RECIPE, weight_decay=0.5, warmup=0))
    before = state(trainer.model)
    trainer.train_step(batches[:1])
    after = state(trainer.model)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert any("normalization.running_mean" in name for name in moved)
    parameters = {name for name, _ in trainer.model.named_parameters()}
    frozen = {n for n in parameters - moved if not n.startswith("history.")}
    # what starts at 0 does not decay, and has no gradient while what follows it is 0 as well
    assert all(not before[name].any() for name in frozen), frozen
    assert any("normalization.weight" in name for name in moved & parameters)


def test_it_learns_one_batch_by_heart(make_trainer, batches) -> None:
    trainer = make_trainer(scratch(60, lr=3e-3, warmup=5))
    losses = [trainer.train_step(batches[:1])["loss"] for _ in range(30)]
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])


def test_mixed_precision_keeps_float32_weights(make_trainer, batches) -> None:
    trainer = make_trainer(replace(RECIPE, precision="bfloat16"))
    terms = trainer.train_step(batches[:1])
    exact = make_trainer().train_step(batches[:1])
    assert terms["loss"] == pytest.approx(exact["loss"], rel=0.1)
    assert all(parameter.dtype == torch.float32 for parameter in trainer.model.parameters())
