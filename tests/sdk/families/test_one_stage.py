"""One look with the sentence in mind: boxes of what is shown, and blocks that cannot be read."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import EngineError
from sdk.families import family
from sdk.families.one_stage import METHODS, of_input
from sdk.letterbox import Letterbox


@given(
    width=st.integers(20, 2000),
    height=st.integers(20, 2000),
    share=st.tuples(*[st.floats(0, 1)] * 4),
)
def test_shares_of_what_is_shown_are_boxes_of_the_frame(width, height, share) -> None:
    """Whatever the letterbox does: a share of the content is the same share of the frame."""
    fitted = Letterbox((0, 0, width, height), (288, 512))
    boxes = np.array([share], np.float32)
    found = fitted.to_frame(of_input(boxes, fitted))[0]
    expected = boxes[0].astype(np.float64) * [width, height, width, height]
    np.testing.assert_allclose(found, expected, atol=1e-3 * max(width, height))


def test_what_a_method_says(make_manifest) -> None:
    for name, method in METHODS.items():
        manifest = make_manifest(family="one-stage", block={"method": name})
        (said,) = family(manifest).describe(manifest)
        assert "one look" in said
        networks = family(manifest).networks(manifest)
        assert list(networks) == ["text", "image", "joint"]
        assert set(networks["joint"].inputs) == {*method.seen, "text_features", "token_mask"}
        assert ("scores" in networks["joint"].outputs) == method.scored


@pytest.mark.parametrize("block", [{}, {"method": "glip"}, {"method": 3}])
def test_a_block_that_cannot_be_read_names_the_family(make_manifest, block) -> None:
    manifest = make_manifest(family="one-stage", block={"method": "mdetr"})
    with pytest.raises(EngineError, match="the block 'one-stage'"):
        family(manifest).describe(dataclasses.replace(manifest, block=block))
