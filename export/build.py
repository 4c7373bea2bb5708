"""build-engine and verify: a folder that a runtime opens, and the proof that it is right."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from export.certificate import certify
from export.portable import export_checkpoint
from sdk.engine import (
    MANIFEST_FILE,
    Manifest,
    read_manifest,
    verify_files,
    write_manifest,
)
from sdk.errors import EngineError, InputError
from train.checkpoint import CONFIG, checkpoint_sha256, load_checkpoint

BUNDLED = Path(__file__).resolve().parents[1] / "assets" / "piza-tiny"


def build_engine(checkpoint: Path, folder: Path, searches: int) -> Manifest:
    """Exports, proves and moves into place: ``folder`` holds a whole engine or what it held before.

    Raises InputError when ``folder`` holds something else than an engine, and EngineError when the
    certificate does not pass; the engine is then left beside ``folder``, with the suffix
    ``.failed``.
    """
    _check_searches(searches)
    folder = folder.resolve()
    _check_replaceable(folder)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        export_checkpoint(checkpoint, partial)
        manifest = verify_engine(partial, checkpoint, searches)
        target = folder if manifest.proven else folder.with_name(folder.name + ".failed")
        _replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if not manifest.proven:
        raise EngineError(f"the engine differs from its checkpoint, see 'certificate' in {target}")
    return manifest


def verify_engine(folder: Path, checkpoint: Path, searches: int) -> Manifest:
    """Compares an engine with its checkpoint and writes the certificate into its manifest.

    Raises EngineError when ``checkpoint`` is not the one that the engine was exported from.
    """
    _check_searches(searches)
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
    return write_manifest(folder, dataclasses.replace(manifest, certificate=certificate))


def checkpoint_folder(given: Path | None) -> Path:
    """The checkpoint that is meant: the bundled one when none is named."""
    folder = BUNDLED if given is None else given
    if not (folder / CONFIG).is_file():
        raise InputError(f"expected a checkpoint folder (with {CONFIG}), found none at {folder}")
    return folder


def _check_searches(searches: int) -> None:
    if searches < 1:
        raise InputError(f"expected at least one search for the certificate, got {searches}")


def _check_replaceable(folder: Path) -> None:
    """An engine may be replaced, and an empty folder; anything else is somebody's work."""
    if folder.is_dir():
        strange = any(folder.iterdir()) and not (folder / MANIFEST_FILE).is_file()
    else:
        strange = folder.exists()
    if strange:
        raise InputError(f"{folder} is there already and is no engine: name another folder")


def _replace(source: Path, target: Path) -> None:
    """Moves a folder into the place of another, which is away for no longer than a renaming."""
    old = target.with_name(target.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.replace(old)
    source.replace(target)
    shutil.rmtree(old, ignore_errors=True)
