"""What has to be fast, in C++: crops of frames, the box-history encoder, the check of JPEGs."""

from __future__ import annotations

from cpp_ext._core import (
    HistoryNetwork,
    box_features,
    crop_resize,
    eight_bit_instructions,
    instruction_set,
    jpeg_fault,
)

__all__ = [
    "HistoryNetwork",
    "box_features",
    "crop_resize",
    "eight_bit_instructions",
    "instruction_set",
    "jpeg_fault",
]
