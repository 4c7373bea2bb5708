"""What has to be fast, in C++: crop, resize and normalise frames; the box-history encoder."""

from __future__ import annotations

from cpp_ext._core import HistoryNetwork, box_features, crop_resize

__all__ = ["HistoryNetwork", "box_features", "crop_resize"]
