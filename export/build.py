"""build-engine and verify: a folder that a runtime opens, and the proof that it is right.

Nothing of PyTorch is imported before a checkpoint is meant.
"""

from __future__ import annotations

from pathlib import Path

from export.atomic_folder import place_engine, store_certificate
from export.backends import adapt, check_backend
from export.certificate.certificate import certify
from export.options import BuildOptions, check_searches
from export.references.portable import PortableReference
from export.references.reference import Reference
from sdk.engine.folder import BUNDLED, MANIFEST_FILE, Manifest, read_manifest, verify_files
from sdk.errors import EngineError, InputError


def build(reference: Reference, folder: Path, options: BuildOptions) -> Manifest:
    """Builds and proves; ``folder`` holds a whole engine then, or what it held before.

    Raises:
        InputError: the reference is of fewer bits than wanted, or what ``lower_engine`` raises.
        EngineError: what ``export.atomic_folder.place_engine`` and ``export.backends`` raise.
    """
    check_backend(options.backend)
    if reference.precision not in ("fp32", options.precision):
        raise InputError(
            f"{reference.path} is {reference.precision} already: name --precision"
            f" {reference.precision}, or the float32 folder"
        )

    def make(partial: Path) -> Manifest:
        reference.write_engine(partial)
        adapt(partial, options)
        return verify(partial, reference, options.searches)

    return place_engine(folder, make)


def verify(folder: Path, reference: Reference, searches: int) -> Manifest:
    """Compares an engine with its reference and writes the certificate into its manifest.

    Raises EngineError when they do not come from the same checkpoint.
    """
    check_searches(searches)
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    ours, theirs = manifest.checkpoint.get("sha256"), reference.checkpoint_sha256()
    if ours != theirs:
        raise EngineError(
            f"{folder} was exported from checkpoint {str(ours)[:12]}..., {reference.path} has"
            f" {str(theirs)[:12]}...: name its own {reference.kind}, or build the engine again"
        )
    return store_certificate(folder, manifest, certify(folder, reference, searches))


def open_reference(source: Path | None) -> Reference:
    """A checkpoint or a portable folder, whichever ``source`` is; the bundled checkpoint if None.

    Raises InputError when it is neither, EngineError when it cannot be used.
    """
    if source is not None and (source / MANIFEST_FILE).is_file():
        return PortableReference(source)
    from export.references.checkpoint import CheckpointReference

    return CheckpointReference(checkpoint_folder(source))


def checkpoint_folder(given: Path | None) -> Path:
    """The checkpoint that is meant: the bundled one when none is named."""
    from train.checkpoint import CONFIG

    folder = BUNDLED if given is None else given
    if not (folder / CONFIG).is_file():
        raise InputError(f"expected a checkpoint folder (with {CONFIG}), found none at {folder}")
    return folder
