"""Annotations through files, and images for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from train.data.annotations import AnnotationSet, read_annotations


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., AnnotationSet]:
    """``read(document, images)``: written to a file and read again."""

    def through_a_file(document: Any, images: Path | None = None) -> AnnotationSet:
        path = tmp_path / "annotations.json"
        path.write_text(json.dumps(document))
        return read_annotations(path, images)

    return through_a_file


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """a.jpg of 100 x 80 px, no.jpg that is no image."""
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.jpg"), np.zeros((80, 100, 3), np.uint8))
    (folder / "no.jpg").write_bytes(b"no image")
    return folder
