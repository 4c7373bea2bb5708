"""A folder of ONNX networks becomes an engine of another precision or runtime, in its place."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from export.precision.lower import lower_engine
from export.precision.plan import EIGHT_BITS, EIGHT_BITS_FOR
from export.tensorrt import PlanOptions, build_plans
from sdk.engine.folder import Manifest, read_manifest, write_manifest
from sdk.engine.manifest import NETWORK_FILES
from sdk.errors import InputError
from sdk.runtime.cuda import import_driver
from sdk.runtime.tensorrt import import_tensorrt


def check_wanted(
    backend: str, precision: str, plan: Path | None = None, int8_for: str | None = None
) -> None:
    """Raises what is in the way of such an engine on this machine, before any work."""
    if precision == "fp32" and plan is not None:
        raise InputError("a precision plan is for fp16 or int8: name one with --precision")
    if precision != "int8" and int8_for is not None:
        raise InputError("--int8-for says how eight bits are made: name --precision int8")
    if precision == "int8" and backend not in EIGHT_BITS:
        raise InputError(
            f"{backend} has no kernels for int8: it would compute in float32, and convert to that"
            " and back: --precision fp16, or --backend onnxruntime or tensorrt"
        )
    if backend == "tensorrt" and int8_for not in (None, backend):
        raise InputError(
            f"TensorRT does not take the operators of int8 for {int8_for}: leave --int8-for out"
        )
    if backend != "onnxruntime":
        import_driver()
    if backend == "tensorrt":
        import_tensorrt()


def adapt(
    folder: Path,
    backend: str,
    precision: str,
    plan: Path | None,
    scenes: int,
    options: PlanOptions | None,
    int8_for: str | None,
) -> None:
    """Turns the ``onnxruntime`` engine in ``folder`` into what is wanted, not proven yet.

    ``plan`` and ``scenes`` are those of ``lower_engine``; ``int8_for`` is the backend whose eight
    bits are meant, ``backend`` itself when it is None. Raises what ``lower_engine`` and
    ``retarget`` raise, and InputError for a folder whose eight bits are not for the backend.
    """
    manifest = read_manifest(folder)
    wanted = int8_for or backend
    if precision != manifest.precision:
        lower_engine(folder, precision, plan, scenes, wanted)
    elif precision == "int8" and manifest.precision_facts.get(EIGHT_BITS_FOR) != wanted:
        made_for = manifest.precision_facts.get(EIGHT_BITS_FOR, "onnxruntime")
        raise InputError(
            f"expected int8 networks for {wanted}, found some for {made_for}: build from the"
            " float32 folder"
        )
    if backend != "onnxruntime":
        retarget(folder, backend, options or PlanOptions())


def retarget(folder: Path, backend: str, options: PlanOptions) -> Manifest:
    """Turns the ``onnxruntime`` engine in ``folder`` into one of ``backend``, not proven yet.

    Raises what ``export.tensorrt.build_plans`` raises; ``folder`` is then left half done.
    """
    manifest = read_manifest(folder)
    names = NETWORK_FILES[manifest.backend]
    target, files = manifest.target, dict(manifest.files)
    if backend == "tensorrt":
        target = build_plans({Path(name).stem: folder / name for name in names}, folder, options)
        for name in names:
            (folder / name).unlink()
            del files[name]
    changed = dataclasses.replace(
        manifest, backend=backend, target=target, files=files, certificate=None
    )
    return write_manifest(folder, changed)
