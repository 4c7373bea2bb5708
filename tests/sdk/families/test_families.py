"""Which families there are, and what happens to engines of others."""

from __future__ import annotations

import dataclasses

import pytest

from sdk import EngineError, Grounder
from sdk.engine.folder import read_manifest, write_manifest
from sdk.families import family, names


def test_those_that_there_are(engine):
    assert {"piza", "grounding-dino"} <= set(names())
    assert "family" not in names()
    for name in names():
        assert family(dataclasses.replace(read_manifest(engine), family=name))


def test_one_that_nobody_knows_is_named(engine, make_manifest):
    write_manifest(engine, make_manifest(family="crystal-ball", block={"facets": 7}))
    said = r"family 'crystal-ball' \(its block 'crystal-ball'.*piza, two-stage: update"
    with pytest.raises(EngineError, match=said):
        Grounder(engine)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_steps": 0}, "'max_steps' to be a whole number in 1..32"),
        ({"progress_step": 0}, "progress_step"),
        ({"stop_threshold": float("inf")}, "stop_threshold"),
        ({"min_window_px": "wide"}, "min_window_px"),
        ({"history": ""}, "history"),
        ({"levels": "4x7"}, "'levels' to be a list"),
        ({"levels": [[4]]}, "'levels' to be 2 numbers"),
        ({"levels": [[4, 7.5]]}, r"'levels' to be \[height, width\] in whole cells"),
        ({"levels": [[4, 0]]}, "'levels' to be 2 numbers"),
        ({"levels": [[1, 1]] * 9}, "'levels' to be a list of at most 8"),
        ({"history": "elsewhere.npz"}, "'files' does not list elsewhere.npz"),
    ],
)
def test_a_block_that_cannot_be_read_names_the_family(engine, make_manifest, changes, message):
    block = {**make_manifest().block, **changes}
    write_manifest(engine, make_manifest(block=block))
    with pytest.raises(EngineError, match=message) as caught:
        Grounder(engine)
    assert "block 'piza'" in str(caught.value) or "files" in str(caught.value)


def test_a_block_without_what_the_family_needs(engine, make_manifest):
    write_manifest(engine, make_manifest(block={}))
    with pytest.raises(EngineError, match=r"the block 'piza' of that family: has no 'max_steps'"):
        Grounder(engine)


def test_levels_without_a_network_that_tells_of_words(engine, make_manifest):
    """The engine's own networks know nothing of it: the manifest says what they are not."""
    write_manifest(engine, make_manifest(block={**make_manifest().block, "levels": [[4, 7]]}))
    with pytest.raises(EngineError, match=r"expected outputs .*meanings"):
        Grounder(engine)
