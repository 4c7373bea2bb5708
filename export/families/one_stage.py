"""MDETR's queries are a ranking, as those of a Grounding DINO; TransVG's box is alone."""

from __future__ import annotations

import dataclasses

from evaluation.host_runtime import Arrays
from export.certificate.differences import largest
from export.families import grounding_dino
from export.families.family import ExportFamily

# What depends on the shape of the content alone differs by rounding only.
_PLACES = {"image_places": 1e-3, "image_shown": 1e-3}
CRITERIA = {
    precision: dataclasses.replace(each, tolerance={**each.tolerance, **_PLACES})
    if each.tolerance
    else each
    for precision, each in grounding_dino.CRITERIA.items()
}


def differences(ours: Arrays, theirs: Arrays) -> dict[str, float]:
    """Of a ranking candidate by candidate, of anything else value by value."""
    return grounding_dino.differences(ours, theirs) if "scores" in theirs else largest(ours, theirs)


FAMILY = ExportFamily(CRITERIA, differences, overlap=grounding_dino.best_overlap)
