"""Probes: cells in the middle of what is meant, and of what is there."""

from __future__ import annotations

import pytest
import torch

from train.data.referring import Asked
from train.data.samples import NOTHING
from train.losses.probes import Probes, near

GRID = (4, 6)
LOOKS = [torch.zeros(2, 1, 24)]  # where it does not matter


def batch(places, there, objects, kinds, picture) -> Asked:
    sentences = len(places)
    ids = torch.ones(sentences, 5, dtype=torch.int64)
    boxes = torch.tensor(places, dtype=torch.float32)
    return Asked(
        torch.tensor(picture),
        torch.zeros(len(objects), 3, 64, 96),
        ids,
        ids,
        boxes,
        boxes,
        torch.tensor(there),
        torch.tensor(objects, dtype=torch.float32),
        torch.tensor(kinds),
    )


def cells_of(box) -> list[int]:
    return near(torch.tensor(box), GRID).nonzero().flatten().tolist()


def test_cells_in_the_middle_of_a_box() -> None:
    assert cells_of([0.25, 0.375, 0.02, 0.02]) in ([7], [7, 8])  # between two columns
    assert cells_of([3.5 / 6, 1.5 / 4, 0.01, 0.01]) == [9]
    assert cells_of([0.5, 0.5, 1.0, 1.0]) == [7, 8, 9, 10, 13, 14, 15, 16]


def test_knowing_where_and_what_costs_nothing() -> None:
    target, other = [3.5 / 6, 1.5 / 4, 0.1, 0.1], [0.5 / 6, 0.5 / 4, 0.1, 0.1]
    given = batch([target, other], [True, True], [[target, other]], [[1, 0]], [0, 0])
    probes = Probes(2, 2, 2)
    with torch.no_grad():
        probes.meant.weight.copy_(torch.tensor([[1.0, 0.0]]))
        probes.meant.bias.zero_()
        probes.kind.weight.copy_(torch.eye(2))
        probes.kind.bias.zero_()
    cells, features = torch.zeros(2, 24, 2), torch.zeros(1, 24, 2)
    shown = torch.ones(2, 24)
    looks = [torch.full((2, 1, 24), -torch.tensor(24.0).log().item())]
    blind = probes(features, cells, looks, shown, GRID, given)
    assert blind["where"].item() == pytest.approx(torch.tensor(24.0).log().item(), abs=1e-5)
    assert blind["look"].item() == pytest.approx(torch.tensor(24.0).log().item(), abs=1e-5)
    assert blind["kind"].item() == pytest.approx(torch.tensor(2.0).log().item(), abs=1e-5)
    cells[0, 9, 0] = cells[1, 0, 0] = 30.0
    features[0, 9, 1] = features[0, 0, 0] = 30.0
    looks[0][0, 0, 9] = looks[0][1, 0, 0] = 0.0
    sure = probes(features, cells, looks, shown, GRID, given)
    assert sure["where"].item() == pytest.approx(0.0, abs=1e-5)
    assert sure["look"].item() == pytest.approx(0.0, abs=1e-5)
    assert sure["kind"].item() == pytest.approx(0.0, abs=1e-5)


def test_cells_of_what_is_meant_tell_its_box() -> None:
    """The others may say what they like."""
    target, foreign = [3.5 / 6, 1.5 / 4, 0.1, 0.1], [0.0] * 4
    given = batch([target, foreign], [True, False], [[target]], [[0]], [0, 0])
    probes = Probes(2, 2, 1)
    cells, shown = torch.zeros(2, 24, 2), torch.ones(2, 24)
    with torch.no_grad():
        for layer in probes.box.layers:
            layer.weight.zero_()
        probes.box.layers[-1].bias.copy_(torch.logit(torch.tensor(target)))
    right = probes(torch.zeros(1, 24, 2), cells, LOOKS, shown, GRID, given)["cell"]
    assert right.item() == pytest.approx(0.0, abs=1e-5)
    with torch.no_grad():
        probes.box.layers[-1].bias.copy_(torch.logit(torch.tensor([0.3, *target[1:]])))
    wrong = probes(torch.zeros(1, 24, 2), cells, LOOKS, shown, GRID, given)["cell"]
    assert wrong > 5 * (target[0] - 0.3)


def test_what_is_not_there_is_nowhere() -> None:
    """A foreign sentence, an object of no category, and cells that show nothing."""
    target = [3.5 / 6, 1.5 / 4, 0.1, 0.1]
    given = batch([target, [0.0] * 4], [True, False], [[target]], [[NOTHING]], [0, 0])
    probes = Probes(2, 2, 1)
    cells, shown = torch.randn(2, 24, 2), torch.ones(2, 24)
    shown[:, 12:] = 0
    terms = probes(torch.randn(1, 24, 2), cells, LOOKS, shown, GRID, given)
    assert terms["kind"] == 0
    alone = batch([target], [True], [[target]], [[NOTHING]], [0])
    one = probes(torch.randn(1, 24, 2), cells[:1], [LOOKS[0][:1]], shown[:1], GRID, alone)
    assert terms["where"].item() == pytest.approx(one["where"].item(), abs=1e-6)
    shown[0, 9] = 0  # of the only cell of the target nobody sees anything
    assert probes(torch.zeros(1, 24, 2), cells, LOOKS, shown, GRID, given)["where"] == 0
    shown[0, 9] = 1
    hidden = cells.clone()
    hidden[:, 12:] = 50.0
    assert probes(torch.zeros(1, 24, 2), hidden, LOOKS, shown, GRID, given)["where"].item() == (
        pytest.approx(terms["where"].item(), abs=1e-6)
    )
