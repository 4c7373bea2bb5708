"""A trained model that is asked as the vehicle asks an engine, by the same code."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.host_runtime import Arrays, HostRuntime, RunNetwork
from sdk.detector import Detector
from sdk.engine.manifest import Manifest
from sdk.errors import InputError
from sdk.families import Call, family
from sdk.frame import check_frame
from sdk.grounder import Grounder
from sdk.timing import Deadline, LatencyEstimator
from sdk.zoom.answering import ZoomAnswerer
from sdk.zoom.search import Search
from train.families.family import TorchNetwork, TrainedModel


def torch_runner(networks: Iterable[TorchNetwork]) -> RunNetwork:
    """Runs each of the networks on arrays of the host, where its examples are."""
    known = {network.name: network for network in networks}

    @torch.inference_mode()
    def run(name: str, feeds: Arrays) -> Arrays:
        network = known[name]
        given = (
            torch.from_numpy(feeds[key]).to(example.device)
            for key, example in network.inputs.items()
        )
        outputs = network.module(*given)
        several = outputs if isinstance(outputs, tuple) else (outputs,)
        return {key: t.cpu().numpy() for key, t in zip(network.outputs, several, strict=True)}

    return run


def open_grounder(model: TrainedModel, calibration: Mapping[str, Any] | None = None) -> Grounder:
    """A ``Grounder`` whose networks PyTorch runs, where the model is.

    Args:
        model: goes into eval mode.
        calibration: what scores mean and from which one an object is found; the model's own by
            default.

    Raises:
        EngineError: the model and what belongs to it do not fit each other.
    """
    with _described(model) as (folder, manifest):
        if calibration is not None:
            manifest = dataclasses.replace(manifest, calibration=calibration)
        run = torch_runner(model.networks())
        return Grounder.over(HostRuntime(manifest, run), folder, manifest)


def open_detector(model: TrainedModel, threshold: float | None = None) -> Detector:
    """A ``Detector`` whose networks PyTorch runs, where the model is.

    Args:
        model: of the family ``few-shot``; goes into eval mode.
        threshold: score from which an object counts, instead of the model's own.

    Raises:
        EngineError: the model and what belongs to it do not fit each other.
    """
    with _described(model) as (folder, manifest):
        run = torch_runner(model.networks())
        return Detector.over(HostRuntime(manifest, run), folder, manifest, threshold)


class Searcher:
    """The search of a model that zooms, without a verdict: every step, and why it broke off.

    Args:
        model: goes into eval mode.
        networks: in the place of the model's own (compiled ones, say).
    """

    def __init__(self, model: TrainedModel, networks: Iterable[TorchNetwork] | None = None) -> None:
        with _described(model) as (folder, manifest):
            answerer = family(manifest).answerer(folder, manifest, manifest.threshold)
        if not isinstance(answerer, ZoomAnswerer):
            raise InputError(f"expected a model that searches, {manifest.name} does not")
        run = torch_runner(model.networks() if networks is None else networks)
        self._answerer, self._runtime = answerer, HostRuntime(manifest, run)
        self.input_hw = manifest.input_hw

    def __call__(self, frame: NDArray[np.uint8], ref: str) -> Search:
        """Searches for an expression in a BGR frame ``(h, w, 3)``.

        Raises:
            InputError: the expression cannot be encoded.
        """
        limit = Deadline(LatencyEstimator(), None)
        query = self._answerer.read(ref)
        call = Call(check_frame(frame), "bgr", [query], [None], 1, limit, limit.pace.now())
        (found,) = self._answerer.search(self._runtime, call)
        return found


@contextmanager
def _described(model: TrainedModel) -> Iterator[tuple[Path, Manifest]]:
    """The files that belong to a model in a folder that is soon gone, and its manifest."""
    with tempfile.TemporaryDirectory() as place:
        files = dict.fromkeys(model.write_files(Path(place)), "")
        yield Path(place), dataclasses.replace(model.manifest(), files=files)
