"""Boxes over CLIP: vectors, boxes and values are compared as they are, and questions whole."""

from __future__ import annotations

from export.certificate.criteria import Criteria
from export.families.family import ExportFamily

# Our own choice. A head makes a box of two vectors at once; one that acts may take another way for
# a difference in the last digits, so that in half precision not all questions have to end alike.
CRITERIA = {
    "fp32": Criteria({}, {"*": 1e-3}, 0.99, 0.99, 0.99, 0.5),
    "fp16": Criteria({}, {"*": 2e-2}, 0.9, 0.9, 0.95, 0.5),
    "int8": Criteria({}, {"*": 0.3}, 0.7, 0.8, 7 / 8, 1.5),  # as of two stages
}

FAMILY = ExportFamily(CRITERIA)
