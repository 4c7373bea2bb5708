"""Engines in words, for the terminal."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from export.certificate.criteria import ENORMOUS
from sdk.engine.folder import Manifest
from sdk.runtime.onnx_network import import_onnxruntime


def certificate_lines(manifest: Manifest) -> list[str]:
    """What the certificate says, a line each."""
    certificate = manifest.certificate
    if certificate is None:
        return ["proof     none: piza verify makes one"]
    lines = []
    for name, entry in certificate["networks"].items():
        differences = ", ".join(
            f"{output} {_difference(value)}"
            for output, value in entry["max_abs_difference"].items()
        )
        lines.append(f"{name:9} largest difference: {differences}")
    for title in ("searches", "rounded"):
        if title in certificate:
            lines.append(f"{title:9} {_searches(certificate[title])}")
    if manifest.arithmetic is not None:
        lines.append(f"products  {manifest.arithmetic}")
    if "backend" in certificate:
        lines.append(
            f"measured  over {certificate['backend']}: the plans were not run; piza verify does, on"
            " a GPU that they are for"
        )
    verdict = "passed" if certificate["passed"] else "FAILED"
    lines.append(f"proof     {verdict}, against {certificate['reference']}")
    return lines


def _difference(value: float) -> str:
    if value < ENORMOUS:
        return f"{value:.1e}"
    return "beyond compare (not finite, or no candidate of that score)"


def precision_lines(manifest: Manifest) -> list[str]:
    """What reduced precision left in float32, and what the networks weigh; [] for float32."""
    facts = manifest.precision_facts
    if not facts:
        return []
    now, before = (
        sum(entry[key] for entry in facts["networks"].values()) / 1e6
        for key in ("bytes", "fp32_bytes")
    )
    lines = [
        f"precision {manifest.precision}: {facts['fp32_share']:.1%} of the weights' multiplications"
        f" in float32, {now:.1f} MB instead of {before:.1f} MB"
    ]
    for name, entry in facts["networks"].items():
        share = entry["fp32_macs"] / entry["macs"] if entry["macs"] else 0.0
        lines.append(
            f"{name:9} {entry['macs'] / 1e6:.0f} M multiplications with weights, {share:.1%} in"
            f" float32; {entry['fp32_nodes']} nodes kept in float32"
        )
    return lines


def _searches(entry: Mapping[str, Any]) -> str:
    said = (
        f"{entry['count']}: same box (IoU >= {entry.get('same_iou', 0.99):g})"
        f" {entry['same_box']:.1%}, same decision {entry['same_decision']:.1%}, lowest IoU"
        f" {entry['lowest_iou']:.4f}"
    )
    if entry.get("acc50") is None:
        return said
    return f"{said}, Acc50 {entry['acc50']:.3f} (checkpoint {entry['reference_acc50']:.3f})"


def network_lines(folder: Path, manifest: Manifest) -> list[str]:
    """Size, operators, inputs and outputs of each network; nothing of plans."""
    lines = []
    for network in manifest.networks.values():
        name, path = network.file, folder / network.file
        if path.suffix != ".onnx":
            continue
        lines.append(f"{name:9} {path.stat().st_size / 1e6:.1f} MB, {_operators(path)}")
        session = _open(path)
        for title, values in (("in", session.get_inputs()), ("out", session.get_outputs())):
            shapes = ", ".join(f"{value.name} {value.shape}" for value in values)
            lines.append(f"{'':9} {title:3} {shapes}")
    return lines


def _open(path: Path) -> Any:
    """The network as it is, which needs no more than the vehicle has."""
    ort = import_onnxruntime()
    options = ort.SessionOptions()
    options.log_severity_level = 3  # errors only
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _operators(path: Path) -> str:
    """How many there are of the most frequent ones."""
    try:
        import onnx
    except ModuleNotFoundError:
        return "operators are counted with the [export] extra: pip install 'piza-edge[export]'"
    nodes = onnx.load(path, load_external_data=False).graph.node
    counts = Counter(node.op_type for node in nodes)
    common = ", ".join(f"{count} {kind}" for kind, count in counts.most_common(5))
    return f"{len(nodes)} nodes: {common}"


@contextmanager
def measured() -> Iterator[None]:
    """Prints the seconds that what is done within took, and the most memory the process has held.

    Also a decorator. Nothing is printed after an exception.
    """
    start = time.perf_counter()
    yield
    print(f"took      {time.perf_counter() - start:.1f} s{_peak_memory()}")


def _peak_memory() -> str:
    if sys.platform == "win32":  # which counts it in another way
        return ""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return f", peak memory {peak / 2**30:.2f} GiB"
