"""A portable folder as the reference, on the computer that will run the engine: without PyTorch.

The portable folder is an ``onnxruntime`` engine that was proven against PyTorch on a workstation.
What is built from it is compared with it, run by ONNX Runtime on the CPU, and the certificate says
so: it is one link of a chain.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from evaluation.host_runtime import RunNetwork
from export.references.reference import Answer, one_run
from sdk.engine.folder import MANIFEST_FILE, Manifest, read_manifest, verify_files
from sdk.errors import EngineError
from sdk.families import open_networks
from sdk.grounder import Grounder
from sdk.runtime.onnx_network import import_onnxruntime


class PortableReference:
    """Raises EngineError when the folder is altered, not proven or no ``onnxruntime`` engine."""

    kind = "portable folder"
    exact = False

    def __init__(self, path: Path) -> None:
        manifest = read_manifest(path)
        verify_files(path, manifest)
        if manifest.backend != "onnxruntime":
            raise EngineError(
                f"expected a portable folder (an onnxruntime engine), {path} is an engine of"
                f" {manifest.backend}: build from what it was built from"
            )
        if not manifest.proven:
            raise EngineError(
                f"{path} is not proven, so that an engine that equals it would say nothing:"
                f" piza verify {path} on a machine with PyTorch"
            )
        self.path, self._manifest = path, manifest
        self.name, self.precision = manifest.name, manifest.precision

    def checkpoint_sha256(self) -> str | None:
        return self._manifest.checkpoint.get("sha256")

    def describe(self) -> str:
        source = self._manifest
        proof = source.certificate or {}
        return (
            f"ONNX Runtime {import_onnxruntime().__version__} on the CPU with"
            f" {source.label} ({source.precision}), which was compared with"
            f" {proof.get('reference', 'nothing')}"
        )

    def write_engine(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        for name in (*self._manifest.files, MANIFEST_FILE):
            shutil.copyfile(self.path / name, folder / name)

    @contextmanager
    def networks(self) -> Iterator[RunNetwork]:
        with closing(open_networks(self.path, self._manifest)) as runtime:
            yield one_run(runtime)

    @contextmanager
    def answers(self, engine: Manifest) -> Iterator[Answer]:
        with Grounder(self.path, threshold=engine.threshold) as grounder:
            yield grounder.locate
