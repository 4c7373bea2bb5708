"""The two samplers of multi-scale deformable attention give the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from train.models.grounding_dino.deformable import (
    deformable_attention,
    gather_sampler,
    grid_sampler,
)

Case = tuple[torch.Tensor, tuple[tuple[int, int], ...], torch.Tensor, torch.Tensor]

SHAPES = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=1, max_size=4)
# in cells: anywhere; far outside; and exactly on borders, cell borders and cell centres
PLACES = st.one_of(
    st.floats(-3, 10, width=32),
    st.floats(-1e4, 1e4, width=32),
    st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0, 2.5, 3.0, 5.5, 6.0, 6.5, 7.0]),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    shapes = tuple(draw(SHAPES))
    heads, queries, points, depth = 2, 2, 2, 3
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    batch = draw(st.sampled_from([(), (1,), (2,)]))
    value = rng.normal(size=(*batch, sum(h * w for h, w in shapes), heads, depth))
    size = (*batch, heads, len(shapes), points, 2, queries)
    few = draw(st.lists(PLACES, min_size=4, max_size=12))
    places = rng.choice(np.array(few), size)
    weights = rng.random((*batch, heads, len(shapes), points, queries))
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
    value = torch.arange(8.0).reshape(8, 1, 1) + 1
    cells = [(x, y) for h, w in shapes for y in range(h) for x in range(w)]
    for index, cell in enumerate(cells):
        level = int(index >= 6)
        places = torch.full((1, 2, 1, 2, 1), -5.0)  # far outside: 0
        places[0, level, 0, :, 0] = torch.tensor(cell)
        out = sampler(value, shapes, places, torch.ones(1, 2, 1, 1))
        assert out.item() == pytest.approx(index + 1, abs=1e-4)


@pytest.mark.parametrize("sampler", [grid_sampler, gather_sampler])
@pytest.mark.parametrize("size", [1, 2])
def test_half_a_cell_outside_fades_to_nothing(sampler, size: int) -> None:
    value, ones = torch.ones(size * size, 1, 1), torch.ones(1, 1, 1, 1)
    last = size - 1.0
    for x, expected in ((0, 1), (-0.5, 0.5), (-1, 0), (last + 0.5, 0.5), (last + 1, 0)):
        places = torch.tensor([x, 0.0]).reshape(1, 1, 1, 2, 1)
        out = sampler(value, ((size, size),), places, ones)
        assert out.item() == pytest.approx(expected, abs=1e-6)


def test_gradients_are_the_same() -> None:
    shapes = ((4, 5), (2, 3))
    generator = torch.Generator().manual_seed(0)
    given_ = [
        torch.rand(1, 26, 2, 4, generator=generator),
        torch.rand(1, 2, 2, 2, 2, 3, generator=generator) * 7 - 1.3,
        torch.rand(1, 2, 2, 2, 3, generator=generator),
    ]
    gradients = []
    for sampler in (grid_sampler, gather_sampler):
        value, places, weights = (tensor.clone().requires_grad_() for tensor in given_)
        sampler(value, shapes, places, weights).square().sum().backward()
        gradients.append((value.grad, places.grad, weights.grad))
    for one, other in zip(*gradients, strict=True):
        assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_what_is_no_number_is_told_and_reads_nothing_outside() -> None:
    """Of two queries and two heads only the one concerned is spoilt."""
    places = torch.full((2, 1, 1, 2, 2), 0.5)
    places[1, 0, 0, 0, 0] = np.nan
    out = gather_sampler(torch.ones(6, 2, 3), ((2, 3),), places, torch.ones(2, 1, 1, 2))
    assert out[0, 1].isnan().all()
    assert_close(out[[0, 1, 1], [0, 0, 1]], torch.ones(3, 3))


@pytest.mark.parametrize("far", [1e9, -1e9, 1e30, -1e30, np.inf, -np.inf])
def test_very_far_outside_is_nothing(far: float) -> None:
    places = torch.full((1, 1, 1, 2, 1), far)
    out = gather_sampler(torch.ones(6, 1, 3), ((2, 3),), places, torch.ones(1, 1, 1, 1))
    assert_close(out, torch.zeros(1, 1, 3))


@pytest.mark.parametrize("sides", [2, 4])
def test_a_place_apart_is_as_good_as_one_in_the_query(make_model, sides: int) -> None:
    """And a batch of one is as good as none."""
    module = make_model().base.model.encoder.layers[0].deformable_layer.self_attn
    generator = torch.Generator().manual_seed(1)
    query, place, memory = (torch.randn(n, 32, generator=generator) for n in (5, 5, 26))
    reference = torch.rand(5, sides, generator=generator)
    rest = (reference, ((4, 5), (2, 3)))
    apart = deformable_attention(module, query, place, memory, *rest, gather_sampler)
    assert_close(
        deformable_attention(module, query + place, None, memory, *rest, grid_sampler), apart
    )
    batched = deformable_attention(module, query[None], place, memory[None], *rest, gather_sampler)
    assert_close(batched[0], apart)
