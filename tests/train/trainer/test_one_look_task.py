"""MDETR and TransVG in the training loop's hands."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest
import torch
from torch import nn

from train.data.referring import Asked, stacked
from train.data.samples import NOTHING
from train.losses.mdetr import PUBLISHED
from train.trainer.one_look_task import OneLookTask, learned, one_target

METHODS = ("mdetr", "transvg")
TEXT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


def item(seed: int, sentences: int, there: int, objects: int, length: int = 12) -> Asked:
    """One picture with so many sentences, of which ``there`` mean something."""
    torch.manual_seed(seed)
    mask = (torch.arange(length) < torch.randint(4, length, (sentences, 1))).long()
    boxes = torch.rand(sentences, 4) * 0.3 + 0.3
    known = torch.arange(sentences) < there
    return Asked(
        picture=torch.zeros(sentences, dtype=torch.int64),
        pixels=torch.randn(1, 3, 64, 96),
        ids=torch.randint(5, 60, (sentences, length)) * mask,
        mask=mask,
        boxes=boxes * known[:, None],
        places=boxes * known[:, None],
        there=known,
        objects=torch.rand(1, objects, 4) * 0.3 + 0.3,
        kinds=torch.randint(0, 3, (1, objects)),
    )


@pytest.fixture
def items() -> list[Asked]:
    return [item(0, 3, 2, 2), item(1, 1, 1, 1), item(2, 2, 1, 3)]


@pytest.fixture
def task(one_look):
    """``task(method, kinds=3)``: batch norms, which mix samples, are in eval mode."""

    def make(method: str, kinds: int | None = 3, **changes) -> OneLookTask:
        made = OneLookTask(one_look(method), kinds, **changes)
        made.model.eval()
        return made

    return make


def terms_of(task: OneLookTask, batch: Asked) -> dict[str, torch.Tensor]:
    return task.losses(batch, contextlib.nullcontext())


@pytest.mark.parametrize("method", METHODS)
def test_terms_and_gradients_everywhere(task, items, method: str) -> None:
    made = task(method)
    if method == "transvg":
        items = [dataclasses.replace(each, there=torch.ones_like(each.there)) for each in items]
    terms = terms_of(made, stacked(items))
    box = {f"{name}{k}" for k in (0, 1) for name in ("token", "box", "giou", "align")}
    own = box if method == "mdetr" else {"box", "giou"}
    assert set(terms) == own | {"where", "cell", "look", "kind"}
    total = made.total(terms)
    assert total > terms["where"]
    total.backward()
    named = [*made.model.named_parameters(), *made.extra.named_parameters()]
    assert [name for name, p in named if p.grad is None] == []


@pytest.mark.parametrize("method", METHODS)
def test_parts_add_up_to_the_whole(task, items, method: str) -> None:
    """Of a batch in parts, whatever each of them has of sentences and objects."""
    made = task(method)
    if method == "transvg":
        items = [dataclasses.replace(each, there=torch.ones_like(each.there)) for each in items]
    whole = stacked(items)
    expected, count = terms_of(made, whole), made.counts(whole)
    parts = [stacked(items[:2]), stacked(items[2:])]
    own = [made.counts(part) for part in parts]
    torch.testing.assert_close(sum(own), count)
    for name, value in expected.items():
        found = sum(
            made.share(name, mine, count) * terms_of(made, part)[name]
            for mine, part in zip(own, parts, strict=True)
        )
        torch.testing.assert_close(found, value, atol=1e-5, rtol=1e-5)


def test_a_batch_of_nothing(task) -> None:
    """Foreign sentences alone, about a picture of nothing that has a category."""
    batch = item(0, 2, 0, 1)
    batch = dataclasses.replace(batch, kinds=torch.full((1, 1), NOTHING))
    made = task("mdetr")
    terms = terms_of(made, batch)
    assert all(torch.isfinite(each) for each in terms.values())
    assert terms["kind"] == terms["where"] == terms["cell"] == terms["look"] == 0
    assert terms["box1"] == 0
    assert terms["token1"] > 0
    made.total(terms).backward()


def test_as_published_by_the_answer_alone(task, items) -> None:
    made = task("mdetr", kinds=None, variant=PUBLISHED)
    terms = terms_of(made, stacked(items))
    assert not any(name in ("where", "cell", "look", "kind") for name in terms)
    expected = sum(
        weight * terms[f"{name}{k}"]
        for name, weight in {"token": 1, "box": 5, "giou": 2, "align": 1}.items()
        for k in (0, 1)
    )
    torch.testing.assert_close(made.total(terms), expected)


def test_a_sentence_means_its_box_with_all_of_its_words(items) -> None:
    targets = one_target(stacked(items))
    for span, tokens in zip(targets.spans[:, 0], targets.tokens, strict=True):
        count = int(tokens.sum())
        assert span.nonzero().flatten().tolist() == list(range(1, count - 1))


@pytest.mark.parametrize("method", METHODS)
def test_what_stays_as_it_was_learned(task, method: str) -> None:
    made = task(method)
    norms = [m for m in made.model.modules() if isinstance(m, nn.BatchNorm2d)]
    every, some = learned(made.model, False), learned(made.model, True)
    assert len(every) - len(some) == 2 * len(norms)
    made.training_mode(pretrained=True)
    assert made.model.training
    assert not any(norm.training for norm in norms)
    made.training_mode(pretrained=False)
    assert all(norm.training for norm in norms)
