"""Networks in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from export.check.graph import Graph
from export.check.operators import TARGETS, Target
from export.check.rules import RULES
from sdk.errors import InputError

SERVED = tuple(TARGETS.values())


@dataclass(frozen=True)
class Finding:
    """What a rule says of a node (or an input, or a constant, by its name), and what to do."""

    rule: str
    network: str
    node: str
    advice: str


def check_model(
    model: onnx.ModelProto, network: str, targets: Sequence[Target] = SERVED
) -> list[Finding]:
    """All findings in one network, in the order of the rules; [] when TensorRT should take it."""
    graph = Graph(model)
    versions: dict[Finding, list[str]] = {}
    for rule in RULES:
        for target in targets:
            for node, advice in rule.find(graph, target):
                finding = Finding(rule.name, network, node, advice)
                of_target = versions.setdefault(finding, [])
                if target.version not in of_target:
                    of_target.append(target.version)
    return [_of(finding, found, targets) for finding, found in versions.items()]


def check_path(path: Path, targets: Sequence[Target] = SERVED) -> dict[str, list[Finding]]:
    """Findings by network, of an ONNX file or of all those in a folder.

    Raises InputError when there is nothing to check, or a file cannot be read as ONNX.
    """
    return {file.stem: _check_file(file, targets) for file in network_files(path)}


def _of(finding: Finding, found: Iterable[str], targets: Sequence[Target]) -> Finding:
    """Says which versions are meant where not all are."""
    names = list(found)
    if len(names) == len(targets):
        return finding
    advice = f"{finding.advice} (TensorRT {', '.join(names)})"
    return Finding(finding.rule, finding.network, finding.node, advice)


def network_files(path: Path) -> list[Path]:
    """The ONNX files that a path names; raises InputError when there are none."""
    if path.is_file():
        return [path]
    if not path.exists():
        raise InputError(f"expected an ONNX file or a folder of them, found nothing at {path}")
    files = sorted(path.glob("*.onnx"))
    if not files:
        raise InputError(
            f"expected networks (*.onnx) in {path}, found none; plans cannot be checked, check the"
            " folder that they were built from (piza onnx writes it)"
        )
    return files


def _check_file(path: Path, targets: Sequence[Target]) -> list[Finding]:
    try:
        model = onnx.load(path)
    except Exception as error:  # of protobuf, of onnx, of the file system
        raise InputError(f"cannot read {path} as an ONNX network: {error}") from error
    if not model.graph.node:
        raise InputError(f"expected an ONNX network in {path}, found no nodes")
    try:
        return check_model(model, path.stem, targets)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
