"""A float32 engine folder -> the same engine in fewer bits, by a plan that is given or found."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from export.precision.calibration_data import SCENES, Arrays, Chain, Step, calibration_steps
from export.precision.fold_stem import fold_stems
from export.precision.fold_transpose import fold_transposes
from export.precision.fp16 import to_half
from export.precision.fp16_emulation import rounded_twin
from export.precision.graph import Graph, read_graph
from export.precision.groups import half_groups, layer_groups
from export.precision.int8 import small_products, to_int8
from export.precision.plan import EIGHT_BITS_FOR, PLAN_FILE, Plan, check_plan, load_plan
from export.precision.qdq import to_qdq
from export.precision.ranges import overflowing, peaks, tensor_ranges
from export.precision.roles import ALWAYS_FLOAT, find_roles
from export.precision.search import ALONE_STEPS, NETWORKS, TARGETS, Bench, Floats, search
from export.precision.split_gemm import split_gemms
from sdk.engine.folder import Manifest, read_manifest, write_manifest
from sdk.errors import EngineError, InputError

_CALIBRATION_IMAGES = 32  # more change the ranges of eight-bit convolutions little


def lower_engine(
    folder: Path,
    precision: str,
    plan_file: Path | None = None,
    scenes: int = SCENES,
    backend: str = "onnxruntime",
) -> Manifest:
    """Rewrites the networks of the float32 engine in ``folder``; its certificate is gone then.

    precision: ``fp16`` or ``int8``. plan_file: a saved plan instead of a search. scenes: rendered
    scenes to calibrate and search on. backend: whose eight bits (the graphs of ``fp16`` are for
    all), ``onnxruntime`` or ``tensorrt``. The plan is written beside the networks, what it comes to
    into the manifest. Raises InputError for a plan that does not fit, EngineError for an engine
    that is not in float32.
    """
    if scenes < 1:
        raise InputError(f"expected at least one calibration scene, got {scenes}")
    manifest = read_manifest(folder)
    if manifest.precision != "fp32":
        raise EngineError(f"expected a float32 engine in {folder}, found {manifest.precision}")
    manner = precision if precision == "fp16" else backend
    models = {name: _prepared(folder / f"{name}.onnx", manner) for name in NETWORKS}
    graphs = {name: read_graph(model, f"{name}.onnx") for name, model in models.items()}
    plan = None if plan_file is None else load_plan(plan_file)
    if plan is not None:
        check_plan(plan, precision, graphs)
    lowering = _Lowering(manner, precision, models, graphs, folder, scenes)
    if plan is None:
        plan = lowering.search()
    return _write(folder, manifest, plan, lowering)


class _Lowering:
    """The networks and what they are calibrated with, which is made when it is first wanted.

    ``manner``: ``fp16``, or the backend that eight bits are for.
    """

    def __init__(
        self,
        manner: str,
        precision: str,
        models: Mapping[str, Any],
        graphs: Mapping[str, Graph],
        folder: Path,
        scenes: int,
    ) -> None:
        self.manner, self.precision = manner, precision
        self.models, self.graphs = models, graphs
        self._folder, self._scenes = folder, scenes
        self._chain: Chain | None = None
        self._ranges: dict[str, Any] = {}

    @property
    def chain(self) -> Chain:
        if self._chain is None:
            self._chain = Chain(calibration_steps(self._folder, self._scenes))
            if not self._chain.steps:
                raise EngineError(f"the engine in {self._folder} gives no boxes to calibrate with")
        return self._chain

    def lower(self, name: str, floats: Mapping[str, str]) -> Any:
        """A network in fewer bits but for ``floats``."""
        if self.manner == "fp16":
            return to_half(self.models[name], floats)
        if self.manner == "tensorrt":
            return to_qdq(self.models[name], floats, self.ranges(name))
        return to_int8(self.models[name], floats, self._images(name))

    def ranges(self, name: str) -> Any:
        """What the activations of a network came to in float32, over all calibration steps."""
        if not self._ranges:
            feeds = self._feeds()
            self._ranges = {key: tensor_ranges(self.models[key], feeds[key]) for key in feeds}
        return self._ranges[name]

    def search(self) -> Plan:
        """A plan that holds on the calibration scenes."""
        grouped = half_groups if self.precision == "fp16" else layer_groups
        groups = {name: grouped(graph) for name, graph in self.graphs.items()}

        def bench(steps: list[Step]) -> Bench:
            return Bench(steps, self.models, self._measured, TARGETS[self.precision])

        steps = self.chain.steps
        return search(
            self.precision,
            self.graphs,
            groups,
            self._fixed(),
            bench(steps),
            lambda: bench(steps[:ALONE_STEPS]),
        )

    def _measured(self, name: str, floats: Mapping[str, str]) -> Any:
        lowered = self.lower(name, floats)
        return rounded_twin(lowered) if self.precision == "fp16" else lowered

    def _fixed(self) -> Floats:
        """Roles and overflow for half precision; what eight bits do not make faster."""
        if self.manner == "tensorrt":
            return {name: {} for name in self.models}
        if self.manner == "onnxruntime":
            return {n: dict.fromkeys(small_products(g), "small") for n, g in self.graphs.items()}
        feeds = self._feeds()
        fixed: Floats = {}
        for name, graph in self.graphs.items():
            large = overflowing(graph, peaks(self.models[name], feeds[name]))
            roles = {n: role for n, role in find_roles(graph).items() if role in ALWAYS_FLOAT}
            fixed[name] = {**dict.fromkeys(sorted(large), "overflow"), **roles}
        return fixed

    def _feeds(self) -> dict[str, Iterable[Arrays]]:
        """Inputs of each network over all calibration steps."""
        text, image = (getattr(self.chain, name)(self.models[name]) for name in ("text", "image"))
        return {
            "text": [step.prompt for step in self.chain.steps],
            "image": [{"pixels": step.pixels} for step in self.chain.steps],
            "ground": self.chain.ground_feeds(text, image),
        }

    def _images(self, name: str) -> list[Arrays]:
        """Calibration inputs for the CPU; only networks with convolutions want any."""
        convolves = any(node.op_type == "Conv" for node in self.graphs[name].nodes)
        if not convolves:
            return []
        if name != "image":
            raise EngineError(f"expected convolutions in the image network, found some in {name}")
        return [{"pixels": step.pixels} for step in self.chain.steps[:_CALIBRATION_IMAGES]]


def _prepared(path: Path, manner: str) -> Any:
    """The model as it is lowered: weights are weights, and it is as eight bits want it."""
    import onnx

    model = fold_transposes(onnx.load(path))
    if manner == "fp16":
        return model
    model = split_gemms(read_graph(model, path.name))
    return model if manner == "tensorrt" else fold_stems(read_graph(model, path.name))


def _write(folder: Path, manifest: Manifest, plan: Plan, lowering: _Lowering) -> Manifest:
    import onnx

    lowered = {name: lowering.lower(name, plan.networks[name].floats) for name in NETWORKS}
    before = {name: (folder / f"{name}.onnx").stat().st_size for name in NETWORKS}
    for name, model in lowered.items():
        onnx.save(model, folder / f"{name}.onnx")
    plan.save(folder / PLAN_FILE)
    facts = {
        name: network_facts(graph, plan.networks[name].floats)
        | {
            "fp32_bytes": before[name],
            "bytes": (folder / f"{name}.onnx").stat().st_size,
        }
        for name, graph in lowering.graphs.items()
    }
    whole = sum(entry["macs"] for entry in facts.values())
    kept = sum(entry["fp32_macs"] for entry in facts.values())
    manner = {} if lowering.manner == "fp16" else {EIGHT_BITS_FOR: lowering.manner}
    changed = dataclasses.replace(
        manifest,
        precision=plan.precision,
        precision_facts={"fp32_share": kept / whole if whole else 0.0, "networks": facts, **manner},
        certificate=None,
        files={**manifest.files, PLAN_FILE: ""},
    )
    return write_manifest(folder, changed)


def network_facts(graph: Graph, floats: Mapping[str, str]) -> dict[str, Any]:
    """Multiplications with weights of a network, those of them in float32, and nodes in float32."""
    return {
        "macs": sum(graph.macs(node) for node in graph.nodes),
        "fp32_macs": sum(graph.macs(node) for node in graph.nodes if node.name in floats),
        "fp32_nodes": len(floats),
    }
