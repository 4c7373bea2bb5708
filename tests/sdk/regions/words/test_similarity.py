"""What stands for what, depending on what a detector knows."""

from __future__ import annotations

import numpy as np
import pytest

from sdk.regions.words.lexicon.kinds import ANY, KINDS
from sdk.regions.words.similarity import FITS, similarities

FINE = ("car", "van", "truck", "bus", "person", "cyclist", "round sign", "stop sign", "cone")


def of(kind, names):
    found, known = similarities(kind, kind, names)
    return dict(zip(names, found.tolist(), strict=True)), known


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != ANY])
def test_all_numbers_are_similarities(kind, coco):
    found, known = similarities(kind, kind, coco)
    assert found.shape == (80,)
    assert ((found > 0) & (found <= 1)).all()
    assert isinstance(known, bool)


def test_the_kind_itself_and_narrower_ones(coco):
    found, known = of("vehicle", coco)
    assert known
    assert found["car"] == found["bus"] == 1.0
    assert found["person"] < FITS
    found, known = of("van", ("vehicle", "people"))
    assert known
    assert 0.5 < found["vehicle"] < 1.0


def test_what_stands_for_a_van_where_there_is_none(coco):
    without, known = of("van", coco)
    assert known
    assert min(without["car"], without["truck"]) > 0.6
    with_it, _ = of("van", FINE)
    assert with_it["van"] == 1.0
    assert with_it["car"] < 0.5 * without["car"]


def test_one_narrow_class_is_not_the_kind(coco):
    found, known = of("sign", coco)
    assert not known
    assert found["stop sign"] == 1.0
    assert min(found["clock"], found["traffic light"]) > 0.3
    assert of("sign", FINE)[1]
    assert of("stop sign", coco) != of("sign", coco)
    assert of("stop sign", coco)[1]
    assert not of("round sign", coco)[1]


@pytest.mark.parametrize("kind", ["cone", "camera", "tree", "pole", "billboard"])
def test_what_a_coco_detector_cannot_know(kind, coco):
    assert not of(kind, coco)[1]


@pytest.mark.parametrize("kind", ["suv", "taxi", "cyclist", "pedestrian", "pickup truck", "light"])
def test_what_it_knows_by_another_name(kind, coco):
    assert of(kind, coco)[1]


def test_anything(coco):
    found, known = of(ANY, coco)
    assert known
    assert set(found.values()) == {1.0}


def test_a_noun_that_the_lexicon_lacks():
    found, known = similarities(None, "quxes", ("car", "Qux"))
    assert known
    assert found[1] == 1.0 > found[0]
    found, known = similarities(None, "qux", ("car", "bus"))
    assert not known
    assert (found < FITS).all()


def test_no_classes():
    found, known = similarities("car", "car", ())
    assert found.shape == (0,)
    assert not known
    assert np.array_equal(similarities(ANY, "", ())[0], [])
