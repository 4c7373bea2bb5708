"""A folder of ONNX networks becomes an engine of another precision or runtime, in its place."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from export.options import BuildOptions
from export.precision.lower import lower_engine
from export.precision.plan import EIGHT_BITS, EIGHT_BITS_FOR
from export.tensorrt.options import PlanOptions
from export.tensorrt.plans import build_plans
from sdk.engine.folder import Manifest, read_manifest, write_manifest
from sdk.engine.manifest import BACKENDS
from sdk.errors import EngineError, InputError
from sdk.runtime.cuda import describe_gpu, import_driver
from sdk.runtime.tensorrt import MODULES, RTX, import_tensorrt


def check_backend(backend: str) -> None:
    """Raises MissingRuntimeError, before any work, when what ``backend`` takes is not there."""
    if backend not in ("onnxruntime", RTX):
        import_driver()
    if backend in MODULES:
        import_tensorrt(backend)


def runs_here(manifest: Manifest) -> bool:
    """Whether this machine runs an engine that was built on it; RTX plans may be for others."""
    if manifest.backend != RTX:
        return True
    try:
        gpu = describe_gpu(import_driver())
    except EngineError:
        return False
    return gpu.compute_capability in manifest.target["compute_capabilities"]


def lower(folder: Path, options: BuildOptions) -> None:
    """Gives the networks of the ``onnxruntime`` engine in ``folder`` the precision that is wanted;
    not proven yet.

    Raises what ``lower_engine`` raises, and InputError for a folder whose eight bits are not for
    the backend.
    """
    manifest = read_manifest(folder)
    wanted = options.int8_for or EIGHT_BITS.get(options.backend, options.backend)
    if options.precision != manifest.precision:
        lower_engine(folder, options.precision, options.plan, options.scenes, wanted)
    elif options.precision == "int8" and manifest.precision_facts.get(EIGHT_BITS_FOR) != wanted:
        made_for = manifest.precision_facts.get(EIGHT_BITS_FOR, "onnxruntime")
        raise InputError(
            f"expected int8 networks for {wanted}, found some for {made_for}: build from the"
            " float32 folder"
        )


def retarget(folder: Path, backend: str, options: PlanOptions) -> Manifest:
    """Turns the ``onnxruntime`` engine in ``folder`` into one of ``backend``, not proven yet.

    RTX plans keep the certificate of the networks that they were built from, which then notes what
    ran these. Raises what ``export.tensorrt.plans.build_plans`` raises; ``folder`` is then as it
    was.
    """
    manifest = read_manifest(folder)
    if backend == manifest.backend:
        return manifest
    networks, files, target = manifest.networks, dict(manifest.files), manifest.target
    certificate = None
    if backend in MODULES:
        onnx = {name: folder / network.file for name, network in networks.items()}
        target = build_plans(backend, onnx, folder, options)
        for file in onnx.values():
            file.unlink()
            del files[file.name]
        networks = {
            name: dataclasses.replace(network, file=f"{name}{BACKENDS[backend]}")
            for name, network in networks.items()
        }
    if backend == RTX and manifest.certificate is not None:
        certificate = {**manifest.certificate, "backend": manifest.backend}
    changed = dataclasses.replace(
        manifest,
        backend=backend,
        networks=networks,
        target=target,
        files=files,
        certificate=certificate,
    )
    return write_manifest(folder, changed)
