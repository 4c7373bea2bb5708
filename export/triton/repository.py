"""Writes the models of an engine into a Triton model repository: one that searches, and each of its
networks by itself."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from export.triton.config import model_name, network_config, network_file, search_config
from sdk.engine.folder import MANIFEST_FILE, read_manifest, verify_files
from sdk.engine.manifest import Manifest
from sdk.engine.proof import require_proof
from sdk.errors import InputError

CONFIG = "config.pbtxt"
VERSION = "1"
_SEARCH = Path(__file__).with_name("search_model.py")
_DETECTS = "few-shot"  # the family that is not asked sentences


def write_repository(
    engine: Path, repository: Path, threads: int | None = None, allow_unproven: bool = False
) -> list[Path]:
    """Adds the models of an engine to a repository, all of them or none.

    The model that searches has a copy of the whole engine, which ``Grounder`` holds against its
    hashes when the server opens it; the networks are for those who want to ask them alone.

    Args:
        engine: its folder.
        repository: the model repository; made if it is not there, and may hold other models.
        threads: CPU threads of the search; by default one for each core that the server may use.
        allow_unproven: take an engine without a passing certificate.

    Returns:
        The folders of the models, that of the search first.

    Raises:
        EngineError: the engine is damaged, altered or not proven, or does not say its shapes.
        InputError: Triton cannot run such an engine, or a model of that name is there already.
    """
    manifest = read_manifest(engine)
    verify_files(engine, manifest)
    if not allow_unproven:
        require_proof(engine, manifest)
    if manifest.family == _DETECTS:
        raise InputError(
            f"expected an engine that answers sentences, {engine} is of the family {_DETECTS}"
        )
    if repository.exists() and not repository.is_dir():
        raise InputError(f"expected a folder for the model repository, {repository} is a file")
    told = {} if threads is None else {"threads": str(threads)}
    told |= {"allow_unproven": "true"} if allow_unproven else {}
    repository.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".piza-triton-", dir=repository.parent) as partial:
        made = _write_models(engine, manifest, Path(partial), told)
        there = [each.name for each in made if (repository / each.name).exists()]
        if there:
            raise InputError(
                f"{repository} has {', '.join(there)} already: remove it, or name another folder"
            )
        repository.mkdir(exist_ok=True)
        return [each.rename(repository / each.name) for each in made]


def _write_models(
    engine: Path, manifest: Manifest, folder: Path, parameters: dict[str, str]
) -> list[Path]:
    name, file = model_name(manifest.name), network_file(manifest)
    search = _model(folder, name, search_config(name, parameters))
    shutil.copyfile(_SEARCH, search / VERSION / "model.py")
    copied = search / VERSION / "engine"
    copied.mkdir()
    for each in (MANIFEST_FILE, *manifest.files):
        shutil.copyfile(engine / each, copied / each)
    made = [search]
    for key, network in manifest.networks.items():
        part = model_name(f"{name}-{key}")
        made.append(_model(folder, part, network_config(part, network, manifest)))
        shutil.copyfile(engine / network.file, made[-1] / VERSION / file)
    return made


def _model(folder: Path, name: str, config: str) -> Path:
    """The folder of a model, with its configuration and an empty first version."""
    (folder / name / VERSION).mkdir(parents=True)
    (folder / name / CONFIG).write_text(config, encoding="utf-8")
    return folder / name
