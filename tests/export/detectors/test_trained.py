"""Detectors of our own training as networks of an engine."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
import torch

from evaluation.scenes import make_scene, render
from export.__main__ import main
from export.check.checking import check_model
from export.detectors.detector import DetectorOptions, open_detector
from sdk import Grounder
from sdk.errors import InputError
from sdk.regions.heads import Wanted
from train.models.detector.checkpoint import make_detector, save_detector
from train.models.detector.config import KINDS, DetectorConfig

HW, LABELS = (64, 96), ("car", "sign", "bus")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of each kind, whose weights are random and whose scores are not all the same."""
    made = {}
    for kind in KINDS:
        torch.manual_seed(0)
        model = make_detector(DetectorConfig(kind, LABELS, HW, width=32)).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.startswith(("logits", "offsets", "distances")) and parameter.ndim > 1:
                    parameter.mul_(20)
        made[kind] = tmp_path_factory.mktemp("trained") / kind
        save_detector(made[kind], model)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_network_and_boxes_are_those_of_the_model(folders, kind) -> None:
    found = open_detector(str(folders[kind]))
    assert found.names == LABELS
    assert found.image.hw == HW
    np.testing.assert_allclose(found.image.mean, (123.675, 116.28, 103.53))
    assert found.source["file"] == kind
    assert found.head.kind == kind
    assert check_model(found.model, "detector") == []
    pixels = np.random.default_rng(3).normal(0, 1, (1, 3, *HW)).astype(np.float32)
    session = onnxruntime.InferenceSession(found.model.SerializeToString())
    outputs = dict(
        zip(
            [each.name for each in session.get_outputs()],
            session.run(None, {"pixels": pixels}),
            strict=True,
        )
    )
    for name, value in found.original(pixels).items():
        np.testing.assert_allclose(outputs[name], value, atol=1e-3, rtol=1e-4)
    assert len(found.head.decode(outputs, Wanted(0.001, 50)).scores) > 3


@pytest.mark.parametrize("kind", ["ssd", "yolo"])
def test_sizes_and_labels_of_ones_own(folders, kind) -> None:
    options = DetectorOptions(input_hw=(96, 64), labels=("bus", "tram", "cone"))
    found = open_detector(str(folders[kind]), options)
    assert found.image.hw == found.head.input_hw == (96, 64)
    assert found.names == ("bus", "tram", "cone")
    with pytest.raises(InputError, match="2 names, the detector 3 classes"):
        open_detector(str(folders[kind]), DetectorOptions(labels=("bus", "tram")))
    with pytest.raises(InputError, match="multiples of 32"):
        open_detector(str(folders[kind]), DetectorOptions(input_hw=(90, 64)))


@pytest.mark.parametrize("kind", ["ssd", "yolo"])
def test_an_engine_with_a_certificate(folders, kind, tmp_path: Path) -> None:
    engine = tmp_path / "own.engine"
    options = ["--family", "two-stage", "--detector", str(folders[kind]), "--scorer", "words"]
    assert main(["build-engine", *options, "--searches", "2", "-o", str(engine)]) == 0
    frame = tmp_path / "frame.png"
    cv2.imwrite(str(frame), render(make_scene(1)))
    with Grounder(engine) as grounder:
        assert grounder.locate(cv2.imread(str(frame)), "the red car") is not None
