"""How much alike what two networks of a two-stage engine say is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from export.families.two_stage import same_proposals
from sdk.engine.folder import read_manifest
from sdk.engine.manifest import Manifest

CAR, BUS = (100, 100, 200, 200), (300, 300, 400, 400)
ROWS = [(*CAR, 0.9, 0), (*BUS, 0.8, 1)]


def said(*rows: Any) -> dict[str, np.ndarray]:
    return {"boxes": np.array([rows], np.float32)}


@pytest.fixture
def manifest(make_two_stage) -> Manifest:
    return read_manifest(make_two_stage(ROWS))


@pytest.mark.parametrize(
    ("ours", "overlap"),
    [
        (ROWS, 1.0),
        (ROWS[::-1], 1.0),  # in any order
        ([(*CAR, 0.5, 0), (*BUS, 0.3, 1), (0, 0, 9, 9, 0.1, 2)], 1.0),  # what is doubted goes free
        ([(100, 100, 200, 150, 0.9, 0), ROWS[1]], 0.75),
        ([ROWS[0]], 0.5),
        ([ROWS[0], (*BUS, 0.8, 2)], 0.5),  # taken for something else
        ([(*CAR, np.nan, 0), ROWS[1]], 0.5),
        ([(np.inf, 0, 1, 1, 0.9, 0)], 0.0),
        ([(0, 0, 9, 9, 0.0, 0)], 0.0),
    ],
)
def test_boxes_that_one_chooses_from(manifest, ours, overlap) -> None:
    assert same_proposals(manifest, said(*ours), said(*ROWS)) == pytest.approx(overlap)


def test_nothing_to_choose_from(manifest) -> None:
    assert same_proposals(manifest, said(*ROWS), said((*CAR, 0.1, 0))) == 1.0


def test_networks_that_make_no_boxes(manifest) -> None:
    """The last network is asked, which is the detector where there is no other."""
    networks = {**manifest.networks, "clip-image": manifest.networks["detector"]}
    manifest = replace(manifest, networks=networks)
    one, other = ({"features": np.array([1.0, each])} for each in (0.0, 0.1))
    assert same_proposals(manifest, other, one) == pytest.approx(0.9)
