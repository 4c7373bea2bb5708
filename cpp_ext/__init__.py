"""Fused crop, resize and normalise of camera frames, in C++."""

from __future__ import annotations

from cpp_ext._core import crop_resize

__all__ = ["crop_resize"]
