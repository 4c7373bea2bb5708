"""Engines that earlier versions wrote."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from sdk import EngineError, Grounder
from sdk.engine.folder import read_manifest, verify_files

ZEROS = "0" * 64


def as_format_1(engine: Path, **changes) -> Path:
    """The engine in the words of format 1, sealed as it was then."""
    data = json.loads((engine / "engine.json").read_text())
    image = data["inputs"]["pixels"]
    block = {key: value for key, value in data["piza"].items() if key != "history"}
    old = {key: data[key] for key in ("name", "family", "backend", "precision")}
    rest = ("precision_facts", "certificate", "checkpoint", "versions", "target", "files")
    old |= {
        "format": 1,
        "input_hw": image["size"],
        "max_tokens": data["text"]["max_tokens"],
        "preprocess": {key: image[key] for key in ("mean", "std", "fit")},
        "calibration": data["calibration"],
        "zoom": block,
        **{key: data[key] for key in rest},
        **changes,
    }
    text = json.dumps({**old, "seal": ZEROS}, indent=2) + "\n"
    seal = hashlib.sha256(text.encode()).hexdigest()
    (engine / "engine.json").write_text(text.replace(f'"seal": "{ZEROS}"', f'"seal": "{seal}"'))
    return engine


def test_it_opens_and_answers_as_before(engine, make_frame, grounder):
    now = read_manifest(engine)
    folder = as_format_1(engine)
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    assert manifest.format == 2
    assert (manifest.block, manifest.inputs, manifest.text) == (now.block, now.inputs, now.text)
    assert list(manifest.networks) == ["text", "image", "ground"]
    assert manifest.networks["image"].inputs == now.networks["image"].inputs
    with Grounder(folder) as old:
        ours, theirs = (each.locate(make_frame(), "the red square") for each in (old, grounder))
    assert ours.score == theirs.score
    assert ours.xyxy.tobytes() == theirs.xyxy.tobytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family": "yolo"}, "'family' to be one of piza"),
        ({"backend": "tpu"}, "'backend' to be one of onnxruntime"),
        ({"input_hw": [96]}, "input_hw"),
        ({"max_tokens": 2}, "max_tokens"),
        ({"preprocess": {"mean": [1, 2, 3], "fit": "letterbox"}}, "has no 'std'"),
        ({"zoom": 3}, "'zoom' to be an object"),
    ],
)
def test_values_that_make_no_sense(engine, changes, message):
    with pytest.raises(EngineError, match=message):
        read_manifest(as_format_1(engine, **changes))
