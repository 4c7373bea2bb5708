"""A bundle, and ways to tamper with it."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from sdk.replay.bundle import save_bundle

REF = "the red square"


@pytest.fixture
def frame(make_frame):
    noisy = make_frame(squares={"red": (400, 100, 430, 128), "blue": (60, 300, 90, 340)})
    noisy[::7, ::5, 1] += 3  # lossless or not
    return noisy


@pytest.fixture
def bundle_path(grounder, frame, tmp_path):
    path = tmp_path / "bundle.zip"
    save_bundle(path, grounder, frame, grounder.locate(frame, REF))
    return path


@pytest.fixture(scope="session")
def bundle_bytes(grounder, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "x.zip"
    frame = np.full((48, 64, 3), 114, np.uint8)
    frame[10:22, 30:44] = (1, 1, 227)
    save_bundle(path, grounder, frame, grounder.locate(frame, REF))
    return path.read_bytes()


def _rewrite(path, **members):
    """Replaces members (None: removes them) by name, with ``_`` for dots and ``__`` for slashes."""
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    changes = {name.replace("__", "/").replace("_", "."): value for name, value in members.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (found | changes).items():
            if data is not None:
                archive.writestr(name, data)


def _said(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("bundle.json"))


@pytest.fixture(scope="session")
def rewrite():
    """``rewrite(path, frame_png=data, ...)``: replaces members of a ZIP file."""
    return _rewrite


@pytest.fixture(scope="session")
def said():
    """``said(path)``: what bundle.json holds."""
    return _said
