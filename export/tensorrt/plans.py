"""The networks of an engine -> its plans, and the evidence that these compute in its types."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from export.tensorrt.builder import Order, build_plan
from export.tensorrt.layers import weights_by_type
from export.tensorrt.options import PlanOptions
from export.tensorrt.products import Product, find_products, prove_types
from export.tensorrt.targets import choose_targets, enumerator
from sdk.engine.folder import file_sha256
from sdk.runtime.cuda import describe_gpu, import_driver
from sdk.runtime.target import describe_rtx_target, describe_target
from sdk.runtime.tensorrt import RTX


@dataclass(frozen=True)
class ProvenPlan:
    """A plan whose types are those of its graph.

    Attributes:
        version: of TensorRT.
        products: how many are computed in which type.
        weights: how many numbers in constants are of which type.
        peak_mb: see ``export.tensorrt.builder.Built``.
    """

    version: str
    products: dict[str, int]
    weights: dict[str, int]
    peak_mb: float | None


def build_plans(
    backend: str, networks: Mapping[str, Path], folder: Path, options: PlanOptions
) -> dict[str, Any]:
    """Builds ``folder/NAME.plan`` of each ONNX file: all of them, or none.

    Args:
        backend: ``tensorrt`` or ``tensorrt-rtx``.
        networks: ONNX files, by name.
        folder: where the plans go.
        options: how they are built.

    Returns:
        The manifest's ``target``: what they were built for; how many of their ``products``, and of
        the numbers in their ``weights``, are of which type; the SHA-256 of each of the ``plans``.

    Raises:
        InputError: a network does not allow a target that is wanted.
        MissingRuntimeError: TensorRT is not installed.
        EngineError: a network cannot be built, or its plan has other types than its graph.
    """
    products = {name: find_products(onnx.load(path)) for name, path in networks.items()}
    capabilities = choose_targets(options.targets, products) if backend == RTX else ()
    with tempfile.TemporaryDirectory(prefix=".plans-", dir=folder) as place:
        made = {name: Path(place, f"{name}.plan") for name in networks}
        proven = {
            name: build_proven(
                _order(backend, source, made[name], capabilities, options), products[name]
            )
            for name, source in networks.items()
        }
        hashes = {name: file_sha256(path) for name, path in made.items()}
        for path in made.values():
            path.replace(folder / path.name)
    version = next(iter(proven.values())).version
    if backend == RTX:
        target = describe_rtx_target(version, capabilities)
    else:
        gpu = describe_gpu(import_driver())
        target = describe_target(version, gpu, options.hardware_compatibility)
    return {
        **target,
        "products": _total([each.products for each in proven.values()]),
        "weights": _total([each.weights for each in proven.values()]),
        "plans": hashes,
    }


def build_proven(order: Order, products: Sequence[Product]) -> ProvenPlan:
    """Builds one plan and holds it against its graph.

    Args:
        order: of the plan.
        products: of the graph.

    Returns:
        What it was built with, and its types.

    Raises:
        MissingRuntimeError: TensorRT is not installed.
        EngineError: it cannot be built, or has other types; the plan may be there then.
    """
    built = build_plan(order)
    name = Path(order.source).name
    counts = prove_types(products, built.layers, name, complete=order.backend == RTX)
    return ProvenPlan(built.version, counts, weights_by_type(built.layers), built.peak_mb)


def _order(
    backend: str, source: Path, plan: Path, capabilities: tuple[str, ...], options: PlanOptions
) -> Order:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = options.cache_folder or Path(home, "piza-edge")
    return Order(
        backend=backend,
        source=str(source),
        plan=str(plan),
        targets=tuple(map(enumerator, capabilities)),
        hardware_compatibility=options.hardware_compatibility,
        refit=options.refit,
        cache_folder=str(cache) if options.timing_cache else None,
    )


def _total(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))
