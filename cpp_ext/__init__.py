"""What has to be fast, in C++: crops of frames, what is weighed of a look, the check of JPEGs."""

from __future__ import annotations

from cpp_ext._core import (
    CLAIMS,
    HistoryNetwork,
    box_features,
    crop_resize,
    eight_bit_instructions,
    instruction_set,
    jpeg_fault,
    weigh_claims,
)

__all__ = [
    "CLAIMS",
    "HistoryNetwork",
    "box_features",
    "crop_resize",
    "eight_bit_instructions",
    "instruction_set",
    "jpeg_fault",
    "weigh_claims",
]
