"""CM-CLIP's fusion: who is corrected, and by how much."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import EngineError
from sdk.json_reader import JsonReader
from sdk.regions.class_bank import NOT_IN_BANK, Fusion, corrected, corrects, read_fusion


@st.composite
def boxes(draw: st.DrawFn):
    """Scores, rows, cosines."""
    count, texts = draw(st.integers(0, 6)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    rows = rng.integers(-1, texts, count)
    return rng.random(count), rows, rng.uniform(-1, 1, (count, texts))


fusions = st.builds(Fusion, alpha=st.floats(0, 1), least=st.floats(0, 0.5))


@given(boxes(), fusions)
def test_it_equals_its_formula(found, fusion) -> None:
    scores, rows, cosines = found
    fused = corrected(scores, rows, cosines, 100.0, fusion)
    for k, (s, row) in enumerate(zip(scores, rows, strict=True)):
        expected = s
        if row != NOT_IN_BANK and s > fusion.least:
            p = 1 / np.exp(np.minimum(100 * (cosines[k] - cosines[k, row]), 700)).sum()
            expected = fusion.alpha * s + (1 - fusion.alpha) * p
        assert fused[k] == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(boxes(), fusions)
def test_scores_stay_scores_and_others_stay_as_they_are(found, fusion) -> None:
    scores, rows, cosines = found
    fused, chosen = corrected(scores, rows, cosines, 1e4, fusion), corrects(scores, rows, fusion)
    assert ((fused >= 0) & (fused <= 1)).all()
    np.testing.assert_array_equal(fused[~chosen], scores[~chosen])
    np.testing.assert_array_equal(
        corrected(scores, rows, cosines, 100.0, Fusion(1.0, fusion.least)), scores
    )


def test_limits_of_the_score() -> None:
    """0.05 itself is not looked at, 1 is."""
    scores, rows = np.array([0.05, 0.050001, 1.0]), np.zeros(3, int)
    assert corrects(scores, rows, Fusion()).tolist() == [False, True, True]


def test_it_comes_back_from_a_manifest() -> None:
    said = Fusion(0.6, 0.1).to_mapping()
    assert read_fusion(JsonReader(said, "block", EngineError)) == Fusion(0.6, 0.1)
    with pytest.raises(EngineError, match="alpha"):
        read_fusion(JsonReader({"alpha": 1.5, "least": 0.1}, "block", EngineError))
