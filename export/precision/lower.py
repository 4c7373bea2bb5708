"""A float32 engine folder -> the same engine in fewer bits, by a plan that is given or found."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from evaluation.host_runtime import Arrays
from export.families import family
from export.precision.calibration_data import SCENES, calibration_runs
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
from export.precision.search import ALONE_STEPS, Bench, Floats, search
from export.precision.split_gemm import split_gemms
from export.trace import Run, beginning, feeds_of
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
    models = {n: _prepared(folder / each.file, manner) for n, each in manifest.networks.items()}
    graphs = {n: read_graph(model, manifest.networks[n].file) for n, model in models.items()}
    plan = None if plan_file is None else load_plan(plan_file)
    if plan is not None:
        check_plan(plan, precision, graphs)
    lowering = _Lowering(manner, manifest, precision, models, graphs, folder, scenes)
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
        manifest: Manifest,
        precision: str,
        models: Mapping[str, Any],
        graphs: Mapping[str, Graph],
        folder: Path,
        scenes: int,
    ) -> None:
        self.manner, self.precision = manner, precision
        self.models, self.graphs = models, graphs
        self._folder, self._scenes, self._manifest = folder, scenes, manifest
        self._ranges: dict[str, Any] = {}

    @cached_property
    def runs(self) -> list[Run]:
        """What the float32 networks are given; each of them something."""
        runs = calibration_runs(self._folder, self._scenes)
        idle = self.models.keys() - {run.network for run in runs}
        if idle:
            raise EngineError(
                f"the engine in {self._folder} gives nothing to calibrate {', '.join(idle)} with"
            )
        return runs

    def lower(self, name: str, floats: Mapping[str, str]) -> Any:
        """A network in fewer bits but for ``floats``."""
        if self.manner == "fp16":
            return to_half(self.models[name], floats)
        if self.manner == "tensorrt":
            return to_qdq(self.models[name], floats, self.ranges(name))
        return to_int8(self.models[name], floats, self._images(name))

    def ranges(self, name: str) -> Any:
        """What the activations of a network came to in float32, over all calibration steps."""
        if name not in self._ranges:
            self._ranges[name] = tensor_ranges(self.models[name], feeds_of(self.runs, name))
        return self._ranges[name]

    def search(self) -> Plan:
        """A plan that holds on the calibration scenes."""
        grouped = half_groups if self.precision == "fp16" else layer_groups
        groups = {name: grouped(graph) for name, graph in self.graphs.items()}

        names, ours = tuple(self.models), family(self._manifest)
        overlap = partial(ours.overlap, self._manifest)

        def bench(runs: Sequence[Run]) -> Bench:
            return Bench(runs, names, self._measured, ours.targets[self.precision], overlap)

        runs = self.runs
        return search(
            self.precision,
            self.graphs,
            groups,
            self._fixed(),
            bench(runs),
            lambda: bench(beginning(runs, names[-1], ALONE_STEPS)),
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
        fixed: Floats = {}
        for name, graph in self.graphs.items():
            large = overflowing(graph, peaks(self.models[name], feeds_of(self.runs, name)))
            roles = {n: role for n, role in find_roles(graph).items() if role in ALWAYS_FLOAT}
            fixed[name] = {**dict.fromkeys(sorted(large), "overflow"), **roles}
        return fixed

    def _images(self, name: str) -> list[Arrays]:
        """Calibration inputs for the CPU; only networks with convolutions want any."""
        convolves = any(node.op_type == "Conv" for node in self.graphs[name].nodes)
        return feeds_of(self.runs, name)[:_CALIBRATION_IMAGES] if convolves else []


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

    files = {name: folder / network.file for name, network in manifest.networks.items()}
    lowered = {name: lowering.lower(name, plan.networks[name].floats) for name in files}
    before = {name: file.stat().st_size for name, file in files.items()}
    for name, model in lowered.items():
        onnx.save(model, files[name])
    plan.save(folder / PLAN_FILE)
    facts = {
        name: network_facts(graph, plan.networks[name].floats)
        | {
            "fp32_bytes": before[name],
            "bytes": files[name].stat().st_size,
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
