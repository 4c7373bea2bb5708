"""The certificate: evidence that an engine answers as its checkpoint does in PyTorch.

Two parts. Each network against its PyTorch module, on the same inputs; and whole searches on
rendered scenes, where small differences could add up: do they end in the same box?
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from export import comparison
from export.comparison import Answer, Arrays, RunNetwork, network_inputs
from export.networks import networks
from sdk.engine import read_manifest
from sdk.results import Zoom
from sdk.runtime import open_session
from sdk.text import Tokenizer
from train.evaluation.questions import Question
from train.evaluation.searcher import Searcher
from train.models.deformable import grid_sampler
from train.models.grounder import PizaGrounder


def certify(folder: Path, model: PizaGrounder, tokenizer: Tokenizer, count: int) -> dict[str, Any]:
    """Compares the engine in ``folder`` with ``model`` over ``count`` searches."""
    per_network = compare_networks(folder, model, tokenizer, comparison.asked())
    threshold = read_manifest(folder).threshold
    searches = comparison.compare_searches(folder, _answer(model, tokenizer, threshold), count)
    passed = searches.passed and all(entry["passed"] for entry in per_network.values())
    return {
        "passed": passed,
        "networks": per_network,
        "searches": asdict(searches),
        "reference": f"PyTorch {torch.__version__}",
    }


def compare_networks(
    folder: Path, model: PizaGrounder, tokenizer: Tokenizer, asked: list[Question]
) -> dict[str, Any]:
    """Largest absolute difference of every output over real frames and sentences, by network."""
    manifest = read_manifest(folder)
    inputs = network_inputs(manifest, tokenizer, asked)
    with closing(open_session(folder, manifest)) as session:
        return comparison.compare_networks(session, _modules(model), inputs)


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


def _answer(model: PizaGrounder, tokenizer: Tokenizer, threshold: float) -> Answer:
    searcher = Searcher(model, tokenizer)

    def answer(frame: NDArray[np.uint8], ref: str) -> tuple[bool, tuple[Zoom, ...]]:
        theirs = searcher(frame, ref)
        score = theirs.zooms[-1].score if theirs.zooms else 0.0
        return theirs.fault is None and score >= threshold, theirs.zooms

    return answer
