"""Annotations through files, images for them, and what samples are made and read by."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sdk.text import Tokenizer
from train.data import samples
from train.data.annotations import AnnotationSet, read_annotations
from train.data.samples import Sample


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


@pytest.fixture
def spoken(tokenizer: Tokenizer) -> Callable[[Sample], list[str]]:
    """The words that each row of a sample's spans selects."""
    names = tokenizer._tokenizer.id_to_token

    def read(sample: Sample) -> list[str]:
        words = np.array([names(int(number)) for number in sample.tokens.ids])
        return [" ".join(words[row]) for row in sample.spans]

    return read


@pytest.fixture
def special(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``special(TWIN_SHARE=1.0)``: of all special cases of samples these alone."""

    def only(**shares: float) -> None:
        for name in ("ABSENT_SHARE", "WANDERING_SHARE", "TWIN_SHARE", "BOTH_SHARE"):
            monkeypatch.setattr(samples, name, shares.get(name, 0.0))

    return only
