"""CLIP, SigLIP and SigLIP 2 in transformers' format, as networks of an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evaluation.host_runtime import Arrays
from export.detectors.plain_graph import finite_masks
from export.onnx.graphs import check_clean, exported
from sdk.errors import EngineError
from sdk.regions.clip import Clip
from sdk.regions.region_attention import RegionAttention
from train.families import TorchNetwork
from train.models.clip.networks import TEXT, clip_networks, clip_of
from train.models.clip.public import TOKENIZER, open_public_clip
from train.models.clip.region_attention import region_attention_of, region_network
from train.public_folder import PublicFolder

BATCH = 8  # crops of one run (our choice)
_LARGEST = 2**31 - 2**24  # bytes of weights that one ONNX file takes beside its graph


@dataclass(frozen=True, eq=False)
class PreparedClip:
    """Networks, ready for an engine.

    Attributes:
        clip: what a runtime must know of them.
        networks: makes those of these names, which ``clip`` has, or ``regions``:
            ``onnx.ModelProto`` by name.
        tokenizer: its file.
        source: where they came from: ``file`` or ``id``, and ``sha256``.
        original: what transformers' own networks say, by the same names: what these are compared
            with.
        regions: the network that pools regions by attention; None where a model has no class token.
    """

    clip: Clip
    networks: Callable[[Sequence[str]], Mapping[str, Any]]
    tokenizer: Path
    source: Mapping[str, str]
    original: Callable[[str, Arrays], Arrays]
    regions: RegionAttention | None = None


def open_clip(source: str, batch: int = BATCH) -> PreparedClip:
    """Makes the networks of a model ready.

    Args:
        source: a folder in transformers' format, or an id of the hub.
        batch: crops of one run.

    Raises:
        InputError: it is no such model.
        EngineError: it can neither be found nor fetched or read, has no tokenizer, or is larger
            than an ONNX file can be; its networks raise it where one cannot be exported.
    """
    opened = open_public_clip(source)
    folder = opened.folder
    clip = clip_of(opened, batch)
    found = clip_networks(opened, clip)
    regions = region_attention_of(opened)
    if regions is not None:
        found[regions.network] = region_network(opened, regions)

    def original(name: str, feeds: Arrays) -> Arrays:
        given = [torch.from_numpy(np.ascontiguousarray(each)) for each in feeds.values()]
        with torch.inference_mode():
            features = found[name].module(*given)
        return {found[name].outputs[0]: features.numpy()}

    def networks(names: Sequence[str]) -> Mapping[str, Any]:
        return {name: _exported(folder, found[name]) for name in names}

    for each in found.values():
        _check_size(folder, each)
    where = folder.provenance((TOKENIZER,))
    return PreparedClip(clip, networks, folder.path / TOKENIZER, where, original, regions)


def _exported(folder: PublicFolder, network: TorchNetwork) -> Any:
    """One network as a graph.

    Raises:
        EngineError: what comes of it is not clean.
    """
    import onnx

    graph = exported(network, f"the CLIP {folder.path}")
    finite_masks(graph.graph)
    onnx.checker.check_model(graph, full_check=True)
    check_clean(graph, network.name)
    return graph


def _check_size(folder: PublicFolder, network: TorchNetwork) -> None:
    """Raises EngineError where the weights are more than one file takes."""
    weights = sum(each.numel() * each.element_size() for each in _used(network))
    if weights > _LARGEST:
        raise EngineError(
            f"the {network.name} network of {folder.path} has {weights / 2**30:.2f} GiB of weights,"
            " an ONNX file takes 2 GiB: name a smaller model"
        )


def _used(network: TorchNetwork) -> list[Tensor]:
    """The weights of a network: of the model that it holds, its own half."""
    other = "vision_model." if network.name == TEXT else "text_model."
    return [
        each
        for name, each in network.module.named_parameters()
        if not name.removeprefix("model.").startswith(other)
    ]
