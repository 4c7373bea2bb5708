"""Engines in words, for the terminal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sdk.engine import Manifest


def certificate_lines(manifest: Manifest) -> list[str]:
    """What the certificate says, a line each."""
    certificate = manifest.certificate
    if certificate is None:
        return ["proof     none: python -m export verify makes one"]
    lines = []
    for name, entry in certificate["networks"].items():
        differences = ", ".join(
            f"{output} {value:.1e}" for output, value in entry["max_abs_difference"].items()
        )
        lines.append(f"{name:9} largest difference: {differences}")
    searches = certificate["searches"]
    lines.append(
        f"searches  {searches['count']}: same box (IoU >= 0.99) {searches['same_box']:.1%}, same"
        f" decision {searches['same_decision']:.1%}, lowest IoU {searches['lowest_iou']:.4f}"
    )
    verdict = "passed" if certificate["passed"] else "FAILED"
    lines.append(f"proof     {verdict}, against {certificate['reference']}")
    return lines


def network_lines(folder: Path, manifest: Manifest) -> list[str]:
    """Inputs, outputs, size and operators of each network."""
    import onnx

    lines = []
    for name in manifest.required_files:
        if not name.endswith(".onnx"):
            continue
        graph = onnx.load(folder / name).graph
        counts = Counter(node.op_type for node in graph.node)
        common = ", ".join(f"{count} {kind}" for kind, count in counts.most_common(5))
        size = (folder / name).stat().st_size / 1e6
        lines.append(f"{name:9} {size:.1f} MB, {len(graph.node)} nodes: {common}")
        for title, values in (("in", graph.input), ("out", graph.output)):
            shapes = ", ".join(
                f"{v.name} {[d.dim_value for d in v.type.tensor_type.shape.dim]}" for v in values
            )
            lines.append(f"{'':9} {title:3} {shapes}")
    return lines
