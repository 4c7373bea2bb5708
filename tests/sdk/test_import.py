"""What ``import sdk`` must not bring along; ``tests/test_house.py`` has what it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sdk

ROOT = Path(__file__).resolve().parents[2]
FLEET = ("fsspec", "pyarrow", "ray")
FOREIGN = ("torch", "transformers", "onnx", "scipy", "train", "export", *FLEET)


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def test_import_brings_no_heavy_package():
    loaded = run("import sys, sdk; print(*sys.modules)").split()
    assert not {*FOREIGN, "cv2", "onnxruntime", "tokenizers", "numpy"} & set(loaded)


def test_a_whole_search_runs_without_training_packages(engine, tmp_path, make_frame):
    from sdk.frame import write_image

    write_image(tmp_path / "frame.png", make_frame())
    code = f"""
import sys
from sdk import Grounder
from sdk.frame import read_image
with Grounder({str(engine)!r}) as grounder:
    answer = grounder.locate(read_image({str(tmp_path / "frame.png")!r}), "the red square")
answer.save({str(tmp_path / "answer.jpg")!r})
assert answer.found
print(*sys.modules)
"""
    assert not set(FOREIGN) & set(run(code).split())


@pytest.mark.parametrize("name", sdk.__all__)
def test_public_names_resolve(name):
    assert getattr(sdk, name).__name__ == name
    assert name in dir(sdk)


def test_other_names_do_not():
    with pytest.raises(AttributeError, match="no attribute 'Locator'"):
        _ = sdk.Locator
