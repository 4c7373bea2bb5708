"""``python -m benchmarks plans``: what plans of TensorRT for RTX take to build, without a GPU.

Each network of each engine in each precision, for all targets that it allows, with its types
proven. Half precision is chosen by role alone and eight bits are calibrated on noise, which takes
seconds: the search for what stays in float32 changes what a network answers, not what its plan
takes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import options
from benchmarks.report.parts import in_own_process
from benchmarks.report.section import Figures, Part, Section, Table, printed
from sdk.engine.folder import BUNDLED, read_manifest
from sdk.errors import PizaError

PART = Part(engine=False, asked_for=True)
PRECISIONS = ("fp32", "fp16", "int8")
PUBLISHED_HW = ("544", "960")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument(
        "engines",
        type=Path,
        nargs="*",
        metavar="ENGINE",
        help="portable folders in float32, besides the bundled one",
    )
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument(
        "--swin-t",
        action="store_true",
        help="also the published size at 544x960 with random weights, in fp16 (takes PyTorch, two"
        " minutes and 4 GB)",
    )
    parser.add_argument(
        "--add",
        action="store_true",
        help="build ENGINE alone, and keep the rows of others that the JSON file has",
    )
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from tqdm import tqdm

    from evaluation.environment import describe, header
    from evaluation.tables import JsonFile
    from sdk.runtime.tensorrt import RTX, import_tensorrt

    version = import_tensorrt(RTX).__version__
    file, environment = JsonFile(args.json), describe()
    others = _rows_of(args.json) if args.add else []
    with tempfile.TemporaryDirectory() as place:
        work = [
            (folder, precision)
            for folder in (*(() if args.add else (BUNDLED / "engine",)), *args.engines)
            for precision in args.precisions
        ]
        if args.swin_t:
            work.append((random_swin_t(Path(place)), "fp16"))
        rows = [row for each in tqdm(work, desc="plans") for row in measure(*each)]
    built = {(row["engine"], row["precision"]) for row in rows}
    rows = [row for row in others if (row["engine"], row["precision"]) not in built] + rows
    figures = {"rows": rows, "tensorrt_rtx": version, "environment": environment}
    print("\n".join([*header(environment), "", printed(section(figures))]))
    file.write(figures)
    return 0


def _rows_of(path: Path | None) -> list[dict[str, Any]]:
    """The rows that a file of this benchmark has; raises BenchmarkError where it is none."""
    try:
        rows: list[dict[str, Any]] = json.loads((path or Path()).read_text("utf-8"))["rows"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise options.BenchmarkError(
            f"expected --json FILE with --add, a file of this benchmark, got {path}: {error!r}"
        ) from error
    return rows


def measure(folder: Path, precision: str) -> Iterator[dict[str, Any]]:
    """A row for each network of an engine; of one that does not build, why, under ``error``."""
    manifest = read_manifest(folder)
    for source in sorted(folder.glob("*.onnx")):
        row = {
            "family": manifest.family,
            "engine": manifest.name,
            "network": source.stem,
            "precision": precision,
        }
        with tempfile.TemporaryDirectory() as place:
            try:
                row |= _built(source, precision, Path(place))
            except PizaError as error:
                row["error"] = str(error)
        yield row


def lowered(model: Any, precision: str) -> Any:
    """A float32 network in fewer bits: with the roles that half precision keeps in float32 alone,
    or in eight bits wherever they can be, with the ranges of noise."""
    from export.precision.fold_transpose import fold_transposes
    from export.precision.fp16 import to_half
    from export.precision.graph import read_graph
    from export.precision.qdq import to_qdq
    from export.precision.ranges import tensor_ranges
    from export.precision.roles import find_roles
    from export.precision.split_gemm import split_gemms

    if precision == "fp32":
        return model
    model = fold_transposes(model)
    if precision == "fp16":
        return to_half(model, find_roles(read_graph(model)))
    model = split_gemms(read_graph(model))
    return to_qdq(model, (), tensor_ranges(model, [_noise(model)]))


def random_swin_t(place: Path) -> Path:
    """A portable folder of the published size with random weights."""
    checkpoint, folder = place / "swin-t", place / "swin-t.engine"
    shape = ("--input-hw", *PUBLISHED_HW)
    for command in (
        ("-m", "train", "init", "-o", str(checkpoint), *shape),
        ("-m", "export", "onnx", str(checkpoint), "-o", str(folder)),
    ):
        if in_own_process(command):
            raise options.BenchmarkError(f"python {' '.join(command)} failed, see above")
    return folder


def _built(source: Path, precision: str, place: Path) -> dict[str, Any]:
    """What its plan is for, took and weighs."""
    import onnx

    from export.tensorrt.builder import Order
    from export.tensorrt.plans import build_proven
    from export.tensorrt.products import find_products
    from export.tensorrt.targets import choose_targets, enumerator
    from sdk.runtime.tensorrt import RTX

    model = lowered(onnx.load(source), precision)
    onnx.save(model, place / source.name)
    products = find_products(model)
    del model  # the builder is going to need the memory
    targets = choose_targets(None, {source.stem: products})
    plan = place / f"{source.stem}.plan"
    order = Order(RTX, str(place / source.name), str(plan), tuple(map(enumerator, targets)))
    begin = time.perf_counter()
    proven = build_proven(order, products)
    return {
        "targets": list(targets),
        "seconds": round(time.perf_counter() - begin, 2),
        "bytes": plan.stat().st_size,
        "peak_mb": proven.peak_mb,
        "products": proven.products,
    }


def _noise(model: Any) -> dict[str, Any]:
    """Something for every input: normal numbers, and zeros where they are integers."""
    import onnx

    rng, feeds = np.random.default_rng(0), {}
    for value in model.graph.input:
        kind = value.type.tensor_type
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
        shape = [size.dim_value for size in kind.shape.dim]
        values = rng.normal(size=shape) if dtype.kind == "f" else np.zeros(shape)
        feeds[value.name] = values.astype(dtype)
    return feeds


def section(figures: Figures) -> Section:
    """Plans that are built ahead of time."""
    built = [row for row in figures["rows"] if "error" not in row]
    rows = tuple(
        (
            f"{row['engine']} {row['network']}",
            row["precision"],
            ", ".join(row["targets"]),
            f"{row['seconds']:.1f} s",
            f"{row['bytes'] / 1e6:.1f} MB",
            "–" if row["peak_mb"] is None else f"{row['peak_mb']:.0f} MB",
            ", ".join(f"{count} {kind}" for kind, count in row["products"].items()),
        )
        for row in built
    )
    refused = [
        f"{row['engine']} {row['network']}: {row['error']}"
        for row in figures["rows"]
        if "error" in row
    ]
    return Section(
        "Plans, without a GPU",
        (
            f"TensorRT for RTX {figures['tensorrt_rtx']} on the CPU, one plan for all targets;"
            " seconds with the start of the builder's process, memory of that process, and in"
            " which type the plan computes its products.",
            *refused,
        ),
        (Table(("network", "precision", "targets", "time", "plan", "memory", "products"), rows),),
    )
