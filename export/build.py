"""build-engine and verify: a folder that a runtime opens, and the proof that it is right.

Nothing of PyTorch is imported before a checkpoint is meant.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from export.atomic_folder import place_engine, store_certificate
from export.backends import check_backend, lower, retarget, runs_here
from export.certificate.certificate import certify
from export.options import BuildOptions, check_searches
from export.precision.plan import PLAN_FILE
from export.references.portable import PortableReference
from export.references.reference import Reference
from export.tensorrt.options import PlanOptions
from sdk.engine.folder import BUNDLED, MANIFEST_FILE, Manifest, read_manifest, verify_files
from sdk.errors import EngineError, InputError
from sdk.runtime.target import built_for
from sdk.runtime.tensorrt import RTX


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

    return place_engine(folder, lambda partial: _make(partial, reference, options))


def _make(folder: Path, reference: Reference, options: BuildOptions) -> Manifest:
    """An engine with its certificate, whether that passes or not."""
    reference.write_engine(folder)
    lower(folder, options)
    if options.backend == RTX:  # the networks, for no GPU of this machine may run the plans
        verify(folder, reference, options.searches)
    manifest = retarget(folder, options.backend, options.plans)
    return verify(folder, reference, options.searches) if runs_here(manifest) else manifest


def verify(folder: Path, reference: Reference, searches: int) -> Manifest:
    """Compares an engine with its reference and writes the certificate into its manifest.

    Raises EngineError when they do not come from the same checkpoint.
    """
    check_searches(searches)
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    if not runs_here(manifest):
        raise EngineError(
            f"the plans of {folder} run on no GPU of this machine, they were built for"
            f" {built_for(manifest.target)}: verify them there, or here with --rebuild, which"
            " builds them again and compares their bytes"
        )
    ours, theirs = manifest.checkpoint.get("sha256"), reference.checkpoint_sha256()
    if ours != theirs:
        raise EngineError(
            f"{folder} was exported from checkpoint {str(ours)[:12]}..., {reference.path} has"
            f" {str(theirs)[:12]}...: name its own {reference.kind}, or build the engine again"
        )
    return store_certificate(folder, manifest, certify(folder, reference, searches))


def rebuild(folder: Path, reference: Reference, searches: int) -> Manifest:
    """Builds the RTX plans of an engine again and compares their bytes; what proves the networks of
    the second then proves those of the first, on a machine that runs neither.

    Returns:
        The manifest with the certificate of the networks.

    Raises:
        InputError: the engine has no such plans.
        EngineError: a plan differs, or what ``build`` raises.
    """
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    if manifest.backend != RTX:
        raise InputError(
            f"expected an engine of {RTX}, whose builds are the same every time, found one of"
            f" {manifest.backend}: verify it without --rebuild"
        )
    lowered = manifest.precision != reference.precision
    options = BuildOptions(
        searches,
        manifest.precision,
        RTX,
        plan=folder / PLAN_FILE if lowered else None,
        plans=PlanOptions(targets=tuple(manifest.target["compute_capabilities"])),
    )
    check_backend(RTX)
    with tempfile.TemporaryDirectory() as place:
        again = _make(Path(place, "again.engine"), reference, options)
    ours, theirs = manifest.target["plans"], again.target["plans"]
    other = [name for name, digest in ours.items() if theirs.get(name) != digest]
    if other:
        raise EngineError(
            f"the plans of {', '.join(other)} differ from those that {reference.path} gives with"
            f" {built_for(again.target)}: {folder} was built for {built_for(manifest.target)}, from"
            " networks that may have been calibrated on other scenes; build it again"
        )
    return store_certificate(folder, manifest, dict(again.certificate or {}))


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
