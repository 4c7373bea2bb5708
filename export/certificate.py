"""The certificate: evidence that an engine answers as its checkpoint does in PyTorch.

Two parts. Each network against its PyTorch module, on the same inputs; and whole searches on
rendered scenes, where small differences could add up: do they end in the same box?
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from export.networks import Network, networks
from sdk.errors import EngineError
from sdk.geometry import iou
from sdk.grounder import Grounder
from sdk.preprocess import network_input
from sdk.text import Tokenizer
from train.evaluation.questions import Question, questions
from train.evaluation.searcher import Searcher
from train.models.deformable import grid_sampler
from train.models.grounder import PizaGrounder

SEED = 700_000  # scenes of the certificate: neither trained on, nor used by a benchmark
SAME_IOU = 0.99
SHARE = 0.99  # of the searches that must end in the same box, with the same decision
TOLERANCE = {"text_features": 1e-3, "image_features": 1e-2, "boxes": 1e-3, "scores": 1e-3}
ENORMOUS = 1e30

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class SearchReport:
    """``same_box``: share of searches whose boxes have IoU >= 0.99; ``same_decision``: share with
    equal ``found`` and number of steps. Absent objects are among the questions."""

    count: int
    same_box: float
    same_decision: float
    lowest_iou: float
    passed: bool


def certify(folder: Path, model: PizaGrounder, tokenizer: Tokenizer, count: int) -> dict[str, Any]:
    """Compares the engine in ``folder`` with ``model`` over ``count`` searches."""
    asked = list(questions(SEED, 4))
    per_network = compare_networks(folder, model, tokenizer, asked)
    searches = compare_searches(folder, model, tokenizer, count)
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
    report: dict[str, Any] = {}
    inputs = [
        _inputs(model, tokenizer, question, progress)
        for question, progress in zip(asked, np.linspace(0, 1, len(asked)), strict=True)
    ]
    # The reference samples as in training, not as the graphs do.
    for network in networks(model, grid_sampler):
        feeds = [{name: known[name] for name in network.inputs} for known in inputs]
        theirs = [_run(network, each) for each in feeds]
        ours = _run_onnx(folder, network, feeds)
        found = [differences(a, b) for a, b in zip(ours, theirs, strict=True)]
        worst = {name: max(each[name] for each in found) for name in network.outputs}
        report[network.name] = {
            "max_abs_difference": worst,
            "passed": all(worst[name] <= TOLERANCE[name] for name in network.outputs),
        }
        for known, outputs in zip(inputs, theirs, strict=True):
            known.update(outputs)
    return report


def differences(ours: Arrays, theirs: Arrays) -> dict[str, float]:
    """Largest absolute difference by name; enormous for NaN and infinity, which JSON lacks.

    Candidates of nearly equal scores may come in any order, so that each of our boxes is compared
    with the nearest one of theirs that has its score.
    """
    with np.errstate(invalid="ignore"):  # of infinities
        found = {name: np.abs(ours[name] - theirs[name]) for name in ours}
    if "boxes" in found:
        (our_boxes, our_scores), (boxes, scores) = (
            (side["boxes"][0], side["scores"][0]) for side in (ours, theirs)
        )
        distance = np.abs(our_boxes[:, None] - boxes).max(-1)  # (K, K)
        alike = np.abs(our_scores[:, None] - scores) <= TOLERANCE["scores"]
        found["boxes"] = np.where(alike, distance, np.inf).min(-1)
    return {
        name: float(np.nan_to_num(values, nan=ENORMOUS, posinf=ENORMOUS).max())
        for name, values in found.items()
    }


def compare_searches(
    folder: Path, model: PizaGrounder, tokenizer: Tokenizer, count: int
) -> SearchReport:
    """Runs ``count`` searches on both sides and compares where they end."""
    reference = Searcher(model, tokenizer)
    overlaps, decisions = [], []
    with Grounder(folder, allow_unproven=True) as grounder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        asked = tqdm(
            questions(SEED, count), total=count, desc="certifying", unit="search", disable=None
        )
        for question in asked:
            ours = grounder.locate(question.frame, question.ref)
            theirs = reference(question.frame, question.ref)
            score = theirs.zooms[-1].score if theirs.zooms else 0.0
            found = theirs.fault is None and score >= grounder.threshold
            decisions.append(ours.found == found and len(ours.zooms) == len(theirs.zooms))
            if ours.zooms and theirs.zooms:
                overlaps.append(float(iou(ours.zooms[-1].xyxy, theirs.zooms[-1].xyxy)))
            else:
                overlaps.append(float(len(ours.zooms) == len(theirs.zooms)))
    same = float(np.mean([value >= SAME_IOU for value in overlaps]))
    decided = float(np.mean(decisions))
    return SearchReport(
        count, same, decided, float(min(overlaps)), same >= SHARE and decided >= SHARE
    )


def _inputs(
    model: PizaGrounder, tokenizer: Tokenizer, question: Question, progress: float
) -> Arrays:
    """What the three networks get for one question, besides the features."""
    config, tokens = model.config, tokenizer.encode(question.ref)
    window = (0.0, 0.0, float(question.frame.shape[1]), float(question.frame.shape[0]))
    return {
        "input_ids": tokens.ids[None],
        "segment_ids": tokens.segments[None],
        "position_ids": tokens.positions[None],
        "pixels": network_input(question.frame, window, config.input_hw, config.mean, config.std),
        "progress": np.array([progress], np.float32),
    }


@torch.inference_mode()
def _run(network: Network, feeds: Arrays) -> Arrays:
    given = network.module(*(torch.from_numpy(array) for array in feeds.values()))
    outputs = given if isinstance(given, tuple) else (given,)
    return {name: t.numpy() for name, t in zip(network.outputs, outputs, strict=True)}


def _run_onnx(folder: Path, network: Network, feeds: list[Arrays]) -> list[Arrays]:
    import onnxruntime

    path, names = folder / f"{network.name}.onnx", list(network.outputs)
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return [dict(zip(names, session.run(names, each), strict=True)) for each in feeds]
    except Exception as error:  # onnxruntime's exceptions share no base of their own
        raise EngineError(f"the network {path} failed: {error}") from error
