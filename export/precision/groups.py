"""Parts of a network that a search moves between float32 and fewer bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from export.precision.graph import Graph
from export.precision.roles import BOX_HEAD, find_roles

RESIDUAL_SUMS = "residual sums"

# Where our wrapper modules and transformers' put the parts that have names in the literature.
_PREFIXES = ("model.", "base.", "model.", "backbone.conv_encoder.model.")

Groups = dict[str, list[str]]  # names of nodes, by the name of their group


def layer_groups(graph: Graph, roles: Mapping[str, str] | None = None) -> Groups:
    """Nodes with weights (and the Adds of their biases) by the module that the layer is part of.

    The box head is one group. Layers without a name are groups of their own, and nodes that have
    another role are in none.
    """
    known = find_roles(graph) if roles is None else roles
    groups: Groups = {}
    for node in graph.nodes:
        if not graph.of_linear_layer(node):
            continue
        if known.get(node.name) == BOX_HEAD:
            groups.setdefault(BOX_HEAD, []).append(node.name)
        elif node.name not in known:
            module = _module(graph.parameter_path(node)) or node.name
            groups.setdefault(module, []).append(node.name)
    return groups


def half_groups(graph: Graph) -> Groups:
    """``layer_groups``, the activations of the box head with it, and the sums of residuals.

    Where every layer adds to a sum, rounding the sum costs more precision than rounding the layer,
    and keeping it costs no multiplication: our own addition to the roles that others list.
    """
    roles = find_roles(graph)
    groups = layer_groups(graph, roles)
    if BOX_HEAD in groups:
        groups[BOX_HEAD] = [name for name, role in roles.items() if role == BOX_HEAD]
    sums = [node.name for node in graph.nodes if node.name not in roles and _is_sum(graph, node)]
    return {**groups, **({RESIDUAL_SUMS: sums} if sums else {})}


def _is_sum(graph: Graph, node: Any) -> bool:
    """An Add of two activations."""
    variable = not any(name in graph.constants for name in node.input)
    return node.op_type == "Add" and graph.makes_float(node) and variable


def _module(path: str) -> str:
    for prefix in _PREFIXES:
        path = path.removeprefix(prefix)
    return path.rpartition(".")[0] or path
