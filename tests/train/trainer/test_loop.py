"""The training loop: reproducible, resumable, robust, and it learns."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from train.data.batches import Batch
from train.models.grounding_dino.grounder import PizaGrounder
from train.trainer import loop
from train.trainer.grounding_task import GroundingTask, all_but_history, from_scratch
from train.trainer.loop import Trainer
from train.trainer.recipe import published, scratch

CPU = torch.device("cpu")
RECIPE = scratch(6, lr=1e-3, warmup=2)


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


def halves(batch: Batch) -> list[Batch]:
    """The samples of a batch of two, one by one."""
    tensors = vars(batch).items()
    return [Batch(**{name: tensor[k : k + 1] for name, tensor in tensors}) for k in range(2)]


def test_parts_make_the_same_step_as_the_whole(make_trainer, batches) -> None:
    """With batch norms that keep their statistics; the second part has fewer targets."""
    recipe = replace(RECIPE, pretrained=True)
    whole, parts = make_trainer(recipe), make_trainer(recipe, parts=2)
    reported: list[dict[str, float]] = []
    for trainer, given in ((whole, batches[:1]), (parts, halves(batches[0]))):
        trainer.run(given, lambda terms: bool(reported.append(terms)))
        assert trainer.step == 1
    for terms in reported:
        assert min(terms.pop("wait_s"), terms.pop("step_s")) >= 0
    assert reported[0] == pytest.approx(reported[1], rel=1e-4)
    for (name, p), q in zip(whole.model.named_parameters(), parts.model.parameters(), strict=True):
        torch.testing.assert_close(q.grad, p.grad, rtol=1e-3, atol=1e-5, msg=name)


def test_one_part_that_is_not_finite_spoils_the_step(make_trainer, batches) -> None:
    trainer = make_trainer(parts=2)
    before = state(trainer.model)
    good, bad = halves(batches[0])
    bad.pixels[0, 0, 0] = float("inf")
    trainer.train_step([good, bad])
    assert same(before, state(trainer.model))
    assert trainer.step == 1


def test_pretrained_models_keep_what_pretraining_settled(make_trainer, batches) -> None:
    trainer = make_trainer(published(6, lr=1e-2))
    norms = [m for m in trainer.model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    before = {name: tensor.clone() for name, tensor in trainer.model.named_buffers()}
    trainer.train_step(batches[:1])
    assert norms
    assert not any(norm.training for norm in norms)
    assert not trainer.model.base.model.text_backbone.training
    assert trainer.model.base.model.backbone.training  # drop path, where there is one
    assert same(before, dict(trainer.model.named_buffers()))


def test_drop_path_depends_on_seed_and_step_alone(make_config, make_batch) -> None:
    """A run that goes on from a state drops what the uninterrupted one did."""
    swin = {
        "model_type": "swin",
        "embed_dim": 8,
        "depths": [1, 1, 1, 1],
        "num_heads": [1, 1, 2, 2],
        "window_size": 4,
        "out_indices": [2, 3, 4],
        "drop_path_rate": 0.5,
    }
    config = make_config({"backbone_config": swin, "num_feature_levels": 4})
    batch = make_batch(config)

    def losses(seed: int, start: int) -> list[float]:
        torch.manual_seed(9)
        model = PizaGrounder(config)
        recipe = published(6, lr=1e-12, seed=seed)
        trainer = Trainer(GroundingTask(model), recipe, CPU, all_but_history(model))
        trainer.step = start
        return [trainer.train_step([batch])["loss"] for _ in range(start, 4)]

    whole = losses(0, 0)
    assert len(set(whole)) == 4
    assert losses(0, 2) == whole[2:]
    assert losses(1, 2) != whole[2:]


def test_backbones_learn_more_slowly(make_trainer, batches) -> None:
    """Adam's first step is as long as the rate, whatever the gradient."""
    trainer = make_trainer(replace(RECIPE, backbones=0.1, weight_decay=0.0, warmup=0))
    before = state(trainer.model)
    trainer.train_step(batches[:1])
    longest = {"backbone": 0.0, "else": 0.0}
    for name, tensor in trainer.model.named_parameters():
        part = "backbone" if "backbone" in name else "else"
        longest[part] = max(longest[part], (tensor - before[name]).abs().max().item())
    assert longest["else"] == pytest.approx(1e-3, rel=0.01)
    assert longest["backbone"] == pytest.approx(1e-4, rel=0.01)


def test_only_the_given_parameters_are_trained(config, batches) -> None:
    model = PizaGrounder(config)
    chosen = list(model.adapters.parameters())
    trainer = Trainer(GroundingTask(model), replace(RECIPE, warmup=0, pretrained=True), CPU, chosen)
    before = state(model)
    trainer.train_step(batches[:1])
    moved = {name for name, tensor in state(model).items() if not torch.equal(tensor, before[name])}
    assert moved
    assert all(name.startswith("adapters.") for name in moved), moved
    assert [p for p in model.parameters() if p.requires_grad] == chosen


def test_half_precision_scales_its_losses(make_trainer, batches, tmp_path: Path) -> None:
    """The first steps overflow and are skipped, until the scale fits; then it learns."""
    recipe = replace(RECIPE, precision="float16", pretrained=True)
    trainer, exact = make_trainer(recipe), make_trainer(replace(recipe, precision="float32"))
    before = state(trainer.model)
    norms = [trainer.train_step(batches[:1])["norm"] for _ in range(12)]
    finite = [norm for norm in norms if math.isfinite(norm)]
    assert len(finite) < len(norms)
    assert finite[0] == pytest.approx(exact.train_step(batches[:1])["norm"], rel=0.05)
    assert not same(before, state(trainer.model))
    trainer.save(tmp_path / "state.pt")
    resumed = make_trainer(recipe)
    resumed.load(tmp_path / "state.pt")
    assert resumed.scaler.get_scale() == trainer.scaler.get_scale()


def test_runs_by_the_clock_end_when_it_says_so(make_trainer, batches, monkeypatch) -> None:
    """Time for waiting and for reports counts; a run that goes on has only the rest of it."""
    now = itertools.count(0.0, 10.0)  # every look at the clock costs ten seconds
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(now))
    recipe = replace(RECIPE, steps=1000, minutes=1.0)
    trainer, rates = make_trainer(recipe), []
    endless = itertools.cycle(batches)
    trainer.run(endless, lambda terms: bool(rates.append(terms["lr"])) or len(rates) == 1)
    assert (trainer.step, trainer.done) == (1, False)
    assert 0 < trainer.seconds < 60
    before = trainer.seconds
    trainer.run(endless, lambda terms: bool(rates.append(terms["lr"])))
    assert trainer.done
    assert 60 <= trainer.seconds < 120
    assert trainer.seconds > before
    step = trainer.step
    assert 1 < step < 8
    assert rates[2:] == sorted(rates[2:], reverse=True)
    trainer.run(endless, go_on)  # there is nothing left to do
    assert trainer.step == step


def test_the_clock_is_part_of_the_state(make_trainer, batches, tmp_path: Path) -> None:
    recipe = replace(RECIPE, minutes=5.0)
    trainer = make_trainer(recipe)
    trainer.run(batches[:1], go_on)
    trainer.save(tmp_path / "state.pt")
    resumed = make_trainer(recipe)
    resumed.load(tmp_path / "state.pt")
    assert resumed.seconds == trainer.seconds > 0
