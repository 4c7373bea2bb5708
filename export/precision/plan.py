"""The precision plan: which nodes stay in float32, why, and what that was measured to cost.

A small JSON file that can be kept and used again (``build-engine --plan``): for other weights of
the same networks, or for the same ones without another search.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdk.errors import InputError

if TYPE_CHECKING:  # it takes the onnx package
    from export.precision.graph import Graph

FORMAT = 1
REDUCED = ("fp16", "int8")
# Backends with kernels for int8, and whose graphs they take.
EIGHT_BITS = {"onnxruntime": "onnxruntime", "tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt"}
EIGHT_BITS_FOR = "int8_for"  # in a manifest's precision_facts: whose int8 it is
PLAN_FILE = "precision.json"


@dataclass(frozen=True)
class NetworkPlan:
    """``topology``: of the graph that the plan is for (``Graph.topology``); ``floats``: reason by
    name of each node that stays in float32 (a role, ``overflow``, or a layer)."""

    topology: str
    floats: Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """``measured``: the steps of the search, each with what it tried and how far boxes moved."""

    precision: str
    networks: Mapping[str, NetworkPlan]
    measured: tuple[Mapping[str, Any], ...] = field(default=())

    def save(self, path: Path) -> None:
        """Writes the plan as JSON."""
        path.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n", "utf-8")


def load_plan(path: Path) -> Plan:
    """Reads a plan; raises InputError, naming the file and the key, for what is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the plan {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"the plan {path} is not valid JSON ({error})") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise InputError(f"{path}: expected a precision plan with format {FORMAT}, found none")
    if data.get("precision") not in REDUCED:
        named = " or ".join(REDUCED)
        raise InputError(
            f"{path}: expected 'precision' to be {named}, got {data.get('precision')!r}"
        )
    networks, measured = data.get("networks"), data.get("measured", [])
    if not isinstance(networks, dict) or not isinstance(measured, list):
        raise InputError(f"{path}: expected 'networks' to be an object and 'measured' a list")
    read = {name: _network(path, name, entry) for name, entry in networks.items()}
    return Plan(data["precision"], read, tuple(measured))


def check_plan(plan: Plan, precision: str, graphs: Mapping[str, Graph]) -> None:
    """Raises InputError when a plan is for another precision, other networks or other graphs."""
    again = "leave --plan out to search for one"
    if plan.precision != precision:
        raise InputError(
            f"expected a plan for {precision}, found one for {plan.precision}: {again}"
        )
    if set(plan.networks) != set(graphs):
        raise InputError(
            f"expected a plan for the networks {sorted(graphs)}, found {sorted(plan.networks)}:"
            f" {again}"
        )
    for name, graph in graphs.items():
        entry, nodes = plan.networks[name], {node.name for node in graph.nodes}
        strange = sorted(set(entry.floats) - nodes)
        if entry.topology != graph.topology() or strange:
            named = f", such as {strange[0]}" if strange else ""
            raise InputError(f"the plan is for another {name} network{named}: {again}")


def _network(path: Path, name: str, entry: Any) -> NetworkPlan:
    fits = isinstance(entry, dict) and isinstance(entry.get("topology"), str)
    floats = entry.get("floats") if fits else None
    if not isinstance(floats, dict) or not all(isinstance(why, str) for why in floats.values()):
        raise InputError(
            f"{path}: expected networks.{name} to have 'topology' (text) and 'floats' (reason by"
            " node)"
        )
    return NetworkPlan(entry["topology"], floats)
