"""build-engine and verify: a folder that a runtime opens, and the proof that it is right."""

from __future__ import annotations

from pathlib import Path

from export.atomic_folder import check_searches, place_engine, store_certificate
from export.backends import adapt, check_wanted
from export.certificate.certificate import certify
from export.portable import export_checkpoint
from export.precision.calibration_data import SCENES
from export.tensorrt import PlanOptions
from sdk.engine.folder import (
    BUNDLED,
    Manifest,
    read_manifest,
    verify_files,
)
from sdk.errors import EngineError, InputError
from train.checkpoint import CONFIG, checkpoint_sha256, load_checkpoint


def build_engine(
    checkpoint: Path,
    folder: Path,
    searches: int,
    precision: str = "fp32",
    plan: Path | None = None,
    scenes: int = SCENES,
    backend: str = "onnxruntime",
    options: PlanOptions | None = None,
    int8_for: str | None = None,
) -> Manifest:
    """Exports and proves; ``folder`` holds a whole engine then, or what it held before.

    Raises what ``export.atomic_folder.place_engine`` raises. ``precision``, ``plan`` and
    ``scenes`` are those of ``lower_engine``, ``options`` are for TensorRT; ``int8_for`` is the
    backend whose eight bits are meant, ``backend`` itself by default.
    """
    check_searches(searches)
    check_wanted(backend, precision, plan, int8_for)

    def make(partial: Path) -> Manifest:
        export_checkpoint(checkpoint, partial)
        adapt(partial, backend, precision, plan, scenes, options, int8_for)
        return verify_engine(partial, checkpoint, searches)

    return place_engine(folder, make)


def verify_engine(folder: Path, checkpoint: Path, searches: int) -> Manifest:
    """Compares an engine with its checkpoint and writes the certificate into its manifest.

    Raises EngineError when ``checkpoint`` is not the one that the engine was exported from.
    """
    check_searches(searches)
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    found = checkpoint_sha256(checkpoint)
    expected = manifest.checkpoint.get("sha256")
    if found != expected:
        raise EngineError(
            f"{folder} was exported from checkpoint {str(expected)[:12]}..., {checkpoint} has"
            f" {found[:12]}...: name its own checkpoint, or build the engine again"
        )
    model, tokenizer = load_checkpoint(checkpoint)
    certificate = certify(folder, model, tokenizer, searches)
    return store_certificate(folder, manifest, certificate)


def checkpoint_folder(given: Path | None) -> Path:
    """The checkpoint that is meant: the bundled one when none is named."""
    folder = BUNDLED if given is None else given
    if not (folder / CONFIG).is_file():
        raise InputError(f"expected a checkpoint folder (with {CONFIG}), found none at {folder}")
    return folder
