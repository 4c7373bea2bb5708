"""The certificate: evidence that an engine answers as its checkpoint does in PyTorch.

Two parts. Each network against its PyTorch module, on the same inputs; and whole searches on
rendered scenes, where small differences could add up: do they end in the same box?
"""

from __future__ import annotations

import tempfile
import zlib
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.questions import Question
from export.certificate import comparison
from export.certificate.comparison import Answer, Arrays, RunNetwork, network_inputs
from export.certificate.criteria import CRITERIA
from export.onnx.networks import networks
from export.precision.fp16_emulation import rounded_engine
from sdk.engine.folder import read_manifest
from sdk.results.grounding import Zoom
from sdk.runtime import open_session
from sdk.text import Tokenizer
from sdk.zoom.calibration import Calibration
from train.evaluation.searcher import Searcher
from train.models.grounding_dino.deformable import grid_sampler
from train.models.grounding_dino.grounder import PizaGrounder


def certify(folder: Path, model: PizaGrounder, tokenizer: Tokenizer, count: int) -> dict[str, Any]:
    """Compares the engine in ``folder`` with ``model`` over ``count`` searches.

    A half-precision engine of ONNX Runtime on the CPU is measured a second time with all its half
    values rounded, as they are on a GPU (``rounded``, see export.precision.fp16_emulation), and its
    networks are compared like that: this must pass too.
    """
    manifest = read_manifest(folder)
    criteria = CRITERIA[manifest.precision]
    answer = _remembered(_answer(model, tokenizer, Calibration.from_mapping(manifest.calibration)))
    with tempfile.TemporaryDirectory() as place:
        folders = {"searches": folder}
        if (manifest.precision, manifest.backend) == ("fp16", "onnxruntime"):
            folders["rounded"] = rounded_engine(folder, Path(place, "rounded.engine"))
        per_network = compare_networks(
            folders.get("rounded", folder), model, tokenizer, comparison.asked()
        )
        searches = {
            name: comparison.compare_searches(each, answer, count, criteria)
            for name, each in folders.items()
        }
    passed = all(report.passed for report in searches.values())
    return {
        "passed": passed and all(entry["passed"] for entry in per_network.values()),
        "networks": per_network,
        **{name: asdict(report) for name, report in searches.items()},
        "reference": f"PyTorch {torch.__version__}",
        **comparison.noted_arithmetic(manifest),
    }


def compare_networks(
    folder: Path, model: PizaGrounder, tokenizer: Tokenizer, asked: list[Question]
) -> dict[str, Any]:
    """Largest differences of every output over real frames and sentences, by network."""
    manifest = read_manifest(folder)
    inputs = network_inputs(manifest, tokenizer, asked)
    with closing(open_session(folder, manifest)) as session:
        return comparison.compare_networks(
            session, _modules(model), inputs, CRITERIA[manifest.precision]
        )


def _modules(model: PizaGrounder) -> RunNetwork:
    """The PyTorch side; it samples as in training, not as the graphs do."""
    known = {network.name: network for network in networks(model, grid_sampler)}

    @torch.inference_mode()
    def run(name: str, feeds: Arrays) -> Arrays:
        network = known[name]
        given = network.module(*(torch.from_numpy(feeds[key]) for key in network.inputs))
        outputs = given if isinstance(given, tuple) else (given,)
        return {key: t.numpy() for key, t in zip(network.outputs, outputs, strict=True)}

    return run


def _remembered(answer: Answer) -> Answer:
    """Asks the slow side only once for each frame and sentence."""
    said: dict[tuple[str, int], tuple[bool, tuple[Zoom, ...]]] = {}

    def again(frame: NDArray[np.uint8], ref: str) -> tuple[bool, tuple[Zoom, ...]]:
        key = ref, zlib.crc32(frame.tobytes())
        if key not in said:
            said[key] = answer(frame, ref)
        return said[key]

    return again


def _answer(model: PizaGrounder, tokenizer: Tokenizer, calibration: Calibration) -> Answer:
    searcher = Searcher(model, tokenizer)

    def answer(frame: NDArray[np.uint8], ref: str) -> tuple[bool, tuple[Zoom, ...]]:
        theirs = searcher(frame, ref)
        good = calibration.score(theirs.zooms) >= calibration.threshold
        return theirs.fault is None and good, theirs.zooms

    return answer
