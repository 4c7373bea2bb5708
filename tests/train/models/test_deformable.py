"""The two samplers of multi-scale deformable attention give the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from train.models.deformable import gather_sampler, grid_sampler

Case = tuple[torch.Tensor, tuple[tuple[int, int], ...], torch.Tensor, torch.Tensor]

SHAPES = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=1, max_size=4)
# anywhere; far outside; and exactly on borders, cell borders and cell centres
PLACES = st.one_of(
    st.floats(-0.5, 1.5, width=32),
    st.floats(-1e4, 1e4, width=32),
    st.sampled_from([0.0, 1.0, 0.5, 0.25, 0.75, 1 / 6, 1 / 14, 13 / 14, -0.125, 1.125]),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    shapes = tuple(draw(SHAPES))
    heads, queries, points, depth = 2, 2, 2, 3
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    value = rng.normal(size=(heads, sum(h * w for h, w in shapes), depth))
    count = heads * queries * len(shapes) * points
    drawn = draw(st.lists(PLACES, min_size=2 * count, max_size=2 * count))
    places = np.array(drawn).reshape(2, len(shapes), points, heads, queries)
    weights = rng.random((len(shapes), points, heads, queries))
    value, places, weights = (
        torch.from_numpy(array.astype(np.float32)) for array in (value, places, weights)
    )
    return value, shapes, places, weights


@given(cases())
def test_gather_equals_grid(case: Case) -> None:
    assert_close(gather_sampler(*case), grid_sampler(*case), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("sampler", [grid_sampler, gather_sampler])
def test_centres_of_cells_are_read_as_they_are(sampler) -> None:
    """Also the first and the last cell of each level; nothing is read across levels."""
    shapes = ((2, 3), (1, 2))
    value = torch.arange(8.0).reshape(1, 8, 1) + 1
    centres = [
        ((x + 0.5) / w, (y + 0.5) / h) for h, w in shapes for y in range(h) for x in range(w)
    ]
    for index, centre in enumerate(centres):
        level = int(index >= 6)
        places = torch.full((2, 2, 1, 1, 1), -5.0)  # far outside: 0
        places[:, level, 0, 0, 0] = torch.tensor(centre)
        out = sampler(value, shapes, places, torch.ones(2, 1, 1, 1))
        assert out.item() == pytest.approx(index + 1, abs=1e-4)


@pytest.mark.parametrize("sampler", [grid_sampler, gather_sampler])
def test_half_a_cell_outside_fades_to_nothing(sampler) -> None:
    value, ones = torch.ones(1, 4, 1), torch.ones(1, 1, 1, 1)
    for x, expected in ((0.25, 1.0), (0.0, 0.5), (-0.25, 0.0), (1.0, 0.5), (1.25, 0.0)):
        places = torch.tensor([x, 0.5]).reshape(2, 1, 1, 1, 1)
        assert sampler(value, ((2, 2),), places, ones).item() == pytest.approx(expected, abs=1e-6)


def test_gradients_are_the_same() -> None:
    shapes = ((4, 5), (2, 3))
    generator = torch.Generator().manual_seed(0)
    given_ = [
        torch.rand(2, 26, 4, generator=generator),
        torch.rand(2, 2, 2, 2, 3, generator=generator) * 1.4 - 0.2,
        torch.rand(2, 2, 2, 3, generator=generator),
    ]
    gradients = []
    for sampler in (grid_sampler, gather_sampler):
        value, places, weights = (tensor.clone().requires_grad_() for tensor in given_)
        sampler(value, shapes, places, weights).square().sum().backward()
        gradients.append((value.grad, places.grad, weights.grad))
    for one, other in zip(*gradients, strict=True):
        assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_told_and_reads_nothing_outside(bad: float) -> None:
    """Of two queries only the one concerned is spoilt."""
    places = torch.full((2, 1, 1, 2, 2), 0.5)
    places[0, 0, 0, 1, 0] = bad
    out = gather_sampler(torch.ones(2, 6, 3), ((2, 3),), places, torch.ones(1, 1, 2, 2))
    assert out[1, 0].isnan().all()
    assert_close(out[[0, 0, 1], [0, 1, 1]], torch.ones(3, 3))


@pytest.mark.parametrize("far", [1e9, -1e9, 1e30, -1e30])
def test_very_far_outside_is_nothing(far: float) -> None:
    places = torch.full((2, 1, 1, 1, 1), far)
    out = gather_sampler(torch.ones(1, 6, 3), ((2, 3),), places, torch.ones(1, 1, 1, 1))
    assert_close(out, torch.zeros(1, 1, 3))
