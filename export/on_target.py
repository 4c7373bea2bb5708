"""Engines from a portable folder, on the computer that will run them: no PyTorch is needed.

The portable folder is an ``onnxruntime`` engine that was proven against PyTorch on a workstation.
What is built from it is compared with it, run by ONNX Runtime on the CPU, and the certificate says
so: it is one link of a chain.
"""

from __future__ import annotations

import dataclasses
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.atomic_folder import check_searches, place_engine, store_certificate
from export.backends import adapt, check_wanted
from export.certificate import comparison
from export.certificate.criteria import CRITERIA
from export.precision.calibration_data import SCENES
from export.tensorrt import PlanOptions
from sdk.engine.folder import MANIFEST_FILE, Manifest, read_manifest, verify_files
from sdk.errors import EngineError, InputError
from sdk.grounder import Grounder
from sdk.results.grounding import Zoom
from sdk.runtime import open_session
from sdk.text import Tokenizer


def is_portable(path: Path) -> bool:
    """Whether a path is an engine folder and not a checkpoint."""
    return (path / MANIFEST_FILE).is_file()


def build_from_portable(
    portable: Path,
    folder: Path,
    searches: int,
    precision: str,
    plan: Path | None = None,
    scenes: int = SCENES,
    backend: str = "onnxruntime",
    options: PlanOptions | None = None,
    int8_for: str | None = None,
) -> Manifest:
    """Builds an engine of ``backend`` and proves that it equals the portable folder.

    Raises EngineError when ``portable`` is altered, not proven or no ``onnxruntime`` engine, and
    what ``export.atomic_folder.place_engine`` raises. ``precision``, ``plan`` and
    ``scenes`` are those of ``lower_engine``, ``int8_for`` is that of ``export.build.build_engine``.
    """
    check_searches(searches)
    check_wanted(backend, precision, plan, int8_for)
    source = _read_portable(portable)
    if source.precision not in ("fp32", precision):
        raise InputError(
            f"{portable} is {source.precision} already: name --precision {source.precision}, or"
            " the float32 folder"
        )

    def make(partial: Path) -> Manifest:
        partial.mkdir(parents=True)
        for name in (*source.files, MANIFEST_FILE):
            shutil.copyfile(portable / name, partial / name)
        adapt(partial, backend, precision, plan, scenes, options, int8_for)
        return verify_against(partial, portable, searches)

    return place_engine(folder, make)


def verify_against(folder: Path, portable: Path, searches: int) -> Manifest:
    """Compares an engine with a portable folder and writes the certificate into its manifest.

    Raises EngineError when they were not exported from the same checkpoint.
    """
    check_searches(searches)
    manifest, source = read_manifest(folder), _read_portable(portable)
    verify_files(folder, manifest)
    ours, theirs = (each.checkpoint.get("sha256") for each in (manifest, source))
    if ours != theirs:
        raise EngineError(
            f"{folder} was exported from checkpoint {str(ours)[:12]}..., {portable} from"
            f" {str(theirs)[:12]}...: name its own portable folder, or build the engine again"
        )
    certificate = certify_against(folder, portable, searches)
    return store_certificate(folder, manifest, certificate)


def certify_against(folder: Path, portable: Path, count: int) -> dict[str, Any]:
    """Compares the engine in ``folder`` with the one in ``portable`` over ``count`` searches."""
    import onnxruntime

    manifest, source = read_manifest(folder), _read_portable(portable)
    criteria = CRITERIA[manifest.precision]
    tokenizer = Tokenizer.from_file(folder / "tokenizer.json", manifest.max_tokens)
    inputs = comparison.network_inputs(manifest, tokenizer, comparison.asked())
    with (
        closing(open_session(folder, manifest)) as ours,
        closing(open_session(portable, source)) as theirs,
    ):
        networks = comparison.compare_networks(ours, theirs.run_network, inputs, criteria)
    with Grounder(portable, threshold=manifest.threshold) as reference:

        def answer(frame: NDArray[np.uint8], ref: str) -> tuple[bool, tuple[Zoom, ...]]:
            said = reference.locate(frame, ref)
            return said.found, said.zooms

        searches = comparison.compare_searches(folder, answer, count, criteria)
    proof = source.certificate or {}
    return {
        "passed": searches.passed and all(entry["passed"] for entry in networks.values()),
        "networks": networks,
        "searches": dataclasses.asdict(searches),
        "reference": f"ONNX Runtime {onnxruntime.__version__} on the CPU with"
        f" {source.name}@{source.fingerprint} ({source.precision}), which was compared with"
        f" {proof.get('reference', 'nothing')}",
        **comparison.noted_arithmetic(manifest),
    }


def _read_portable(portable: Path) -> Manifest:
    manifest = read_manifest(portable)
    verify_files(portable, manifest)
    if manifest.backend != "onnxruntime":
        raise EngineError(
            f"expected a portable folder (an onnxruntime engine), {portable} is an engine of"
            f" {manifest.backend}: build from what it was built from"
        )
    if not manifest.proven:
        raise EngineError(
            f"{portable} is not proven, so that an engine that equals it would say nothing:"
            f" piza verify {portable} on a machine with PyTorch"
        )
    return manifest
