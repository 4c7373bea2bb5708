"""A folder of ONNX networks becomes an engine of another precision or runtime, in its place."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from export.options import BuildOptions
from export.precision.lower import lower_engine
from export.precision.plan import EIGHT_BITS_FOR
from export.tensorrt import PlanOptions, build_plans
from sdk.engine.folder import Manifest, read_manifest, write_manifest
from sdk.engine.manifest import BACKENDS
from sdk.errors import InputError
from sdk.runtime.cuda import import_driver
from sdk.runtime.tensorrt import import_tensorrt


def check_backend(backend: str) -> None:
    """Raises MissingRuntimeError, before any work, when what ``backend`` takes is not there."""
    if backend != "onnxruntime":
        import_driver()
    if backend == "tensorrt":
        import_tensorrt()


def adapt(folder: Path, options: BuildOptions) -> None:
    """Turns the ``onnxruntime`` engine in ``folder`` into what is wanted, not proven yet.

    Raises what ``lower_engine`` and ``retarget`` raise, and InputError for a folder whose eight
    bits are not for the backend.
    """
    manifest = read_manifest(folder)
    wanted = options.int8_for or options.backend
    if options.precision != manifest.precision:
        lower_engine(folder, options.precision, options.plan, options.scenes, wanted)
    elif options.precision == "int8" and manifest.precision_facts.get(EIGHT_BITS_FOR) != wanted:
        made_for = manifest.precision_facts.get(EIGHT_BITS_FOR, "onnxruntime")
        raise InputError(
            f"expected int8 networks for {wanted}, found some for {made_for}: build from the"
            " float32 folder"
        )
    if options.backend != "onnxruntime":
        retarget(folder, options.backend, options.plans)


def retarget(folder: Path, backend: str, options: PlanOptions) -> Manifest:
    """Turns the ``onnxruntime`` engine in ``folder`` into one of ``backend``, not proven yet.

    Raises what ``export.tensorrt.build_plans`` raises; ``folder`` is then left half done.
    """
    manifest = read_manifest(folder)
    networks, files, target = manifest.networks, dict(manifest.files), manifest.target
    if backend == "tensorrt":
        onnx = {name: folder / network.file for name, network in networks.items()}
        target = build_plans(onnx, folder, options)
        for file in onnx.values():
            file.unlink()
            del files[file.name]
        networks = {
            name: dataclasses.replace(network, file=f"{name}{BACKENDS[backend]}")
            for name, network in networks.items()
        }
    changed = dataclasses.replace(
        manifest,
        backend=backend,
        networks=networks,
        target=target,
        files=files,
        certificate=None,
    )
    return write_manifest(folder, changed)
