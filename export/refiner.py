"""A head of a clip-box checkpoint, ready to correct the boxes of another engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evaluation.host_runtime import RunNetwork
from export.detectors.plain_graph import finite_masks
from export.onnx.graphs import check_clean, exported
from sdk.errors import CheckpointError
from sdk.regions.refiners import Refiner
from train.checkpoint import checkpoint_sha256
from train.evaluation.asking import torch_runner
from train.families import load
from train.families.clip_box import ClipBoxModel
from train.models.box_refiners.checkpoint import CLIP, hash_of

NETWORK = "refiner"


@dataclass(frozen=True, eq=False)
class PreparedRefiner:
    """A head without its CLIP, which the engine has already.

    Attributes:
        refiner: the vehicle's side of it, whose network is ``NETWORK``.
        network: makes that, an ``onnx.ModelProto``.
        original: runs it as training does.
        clip: the folder of the CLIP that it was trained over.
        clip_sha256: the hash of that.
        source: where it came from: ``file`` and ``sha256``.
    """

    refiner: Refiner
    network: Callable[[], Any]
    original: RunNetwork
    clip: Path
    clip_sha256: str
    source: Mapping[str, str]


def open_refiner(folder: Path) -> PreparedRefiner:
    """Makes the head of a checkpoint ready.

    Args:
        folder: of the family ``clip-box``, any method.

    Raises:
        CheckpointError: it is none, or damaged.
    """
    model = load(folder)
    if not isinstance(model, ClipBoxModel):
        raise CheckpointError(
            f"expected a checkpoint of the family clip-box to refine with, {folder} is one of"
            f" {model.manifest().family}: train one with piza train box"
        )
    head = replace(model.networks()[-1], name=NETWORK)

    def network() -> Any:
        graph = exported(head, f"the head of {folder}")
        finite_masks(graph.graph)
        check_clean(graph, NETWORK)
        return graph

    return PreparedRefiner(
        replace(model.refiner, network=NETWORK),
        network,
        torch_runner([head]),
        folder / CLIP,
        hash_of(model.opened),
        {"file": folder.name, "sha256": checkpoint_sha256(folder)},
    )
