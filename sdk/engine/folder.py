"""The engine folder: a manifest (``engine.json``) beside the files that it vouches for.

The manifest vouches for itself as well: its last value, ``seal``, is the SHA-256 of ``engine.json``
with zeros in the seal's place.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from pathlib import Path

from sdk.engine.manifest import Manifest, parse_manifest
from sdk.errors import EngineError

__all__ = [
    "BUNDLED",
    "MANIFEST_FILE",
    "Manifest",
    "default_engine",
    "file_sha256",
    "read_manifest",
    "verify_files",
    "write_manifest",
]

MANIFEST_FILE = "engine.json"
_BUILD = "build it with: piza build-engine"
_UNSEALED = "0" * 64
_SEAL = re.compile(r'"seal": "([0-9a-f]{64})"\s*}\s*\Z')

_PACKAGE = Path(__file__).resolve().parents[1]  # sdk
_CHECKOUT = _PACKAGE.parent
_PACKED = _PACKAGE / "assets"  # a wheel has here what a checkout has in its own assets/

BUNDLED = (_PACKED if _PACKED.is_dir() else _CHECKOUT / "assets") / "piza-tiny"
"""The folder of the bundled model: a checkpoint, and its engine in ``engine``."""

_PLACES: tuple[Path, ...] = (BUNDLED / "engine",)
if not _PACKED.is_dir():
    _PLACES = (_CHECKOUT / "build" / "piza-tiny.engine", *_PLACES)


def read_manifest(folder: str | Path) -> Manifest:
    """Reads and checks ``engine.json``; the files beside it are checked by ``verify_files``.

    Args:
        folder: the engine folder.

    Returns:
        What it says, each value checked.

    Raises:
        EngineError: the folder or the manifest is missing, is not JSON, has a format newer than
            this version knows, or has a value that does not make sense.
    """
    path = Path(folder) / MANIFEST_FILE
    if not Path(folder).is_dir():
        raise EngineError(f"expected an engine folder at {folder}, found none; {_BUILD}")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EngineError(f"{folder} is no engine: it has no {MANIFEST_FILE}; {_BUILD}") from None
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise EngineError(f"{path} is not valid JSON ({error}); {_BUILD}") from error
    return parse_manifest(data, str(path))


def write_manifest(folder: str | Path, manifest: Manifest) -> Manifest:
    """Hashes the engine's files and writes ``engine.json`` in one step (never half of it).

    Args:
        folder: the engine folder, which has the files already.
        manifest: what to write; of ``files`` only the names count. Hashed are the files that the
            backend needs and those that it names besides.

    Returns:
        The manifest as written, with the hashes.

    Raises:
        EngineError: a file is missing or cannot be written, or ``read_manifest`` would not accept
            the manifest.
    """
    root = Path(folder)
    names = dict.fromkeys((*manifest.required_files, *manifest.files))
    hashes = {name: file_sha256(root / name) for name in names}
    written = dataclasses.replace(manifest, files=hashes)
    values = {**written.to_dict(), "seal": _UNSEALED}
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    text = _with_seal(text, _sha256(text.encode()))
    path, partial = root / MANIFEST_FILE, root / f".{MANIFEST_FILE}.{os.getpid()}"
    parse_manifest(json.loads(text), str(path))
    try:
        with partial.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as error:
        raise EngineError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return written


def verify_files(folder: str | Path, manifest: Manifest) -> None:
    """Checks ``engine.json`` against its seal and every file of the manifest against its hash.

    Args:
        folder: the engine folder.
        manifest: what ``read_manifest`` said of it.

    Raises:
        EngineError: one is missing or not as it was written; the message names the first.
    """
    _verify_seal(Path(folder) / MANIFEST_FILE)
    for name, expected in manifest.files.items():
        path = Path(folder) / name
        found = file_sha256(path)
        if found != expected:
            raise EngineError(
                f"{path} was altered or truncated: expected SHA-256 {expected[:12]}..., found"
                f" {found[:12]}... ({path.stat().st_size} bytes); copy the engine again or {_BUILD}"
            )


def _verify_seal(path: Path) -> None:
    try:
        text = path.read_bytes().decode()
    except (OSError, ValueError) as error:
        raise EngineError(f"cannot read {path}: {error}") from error
    seal = _SEAL.search(text)
    if seal is None or seal[1] != _sha256(_with_seal(text, _UNSEALED).encode()):
        raise EngineError(
            f"{path} was altered: it is not what its seal says; copy the engine again or {_BUILD}"
        )


def _with_seal(text: str, seal: str) -> str:
    return _SEAL.sub(lambda found: found[0].replace(found[1], seal), text)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits.

    Raises:
        EngineError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise EngineError(f"the engine has no {path.name}: expected it at {path}") from None
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror or error}") from error


def default_engine() -> Path:
    """The engine that is used when none is named.

    ``$PIZA_ENGINE`` when it is set; else, in a checkout, ``build/piza-tiny.engine`` if it was
    built; else the bundled engine. The working directory, which may be anybody's, has no say.

    Returns:
        The folder. That of ``$PIZA_ENGINE`` is not looked at here.

    Raises:
        EngineError: there is none.
    """
    named = os.environ.get("PIZA_ENGINE")
    if named:
        return Path(named)
    for place in _PLACES:
        if (place / MANIFEST_FILE).is_file():
            return place
    raise EngineError(
        f"found no engine ({' or '.join(map(str, _PLACES))}): install piza-edge again, {_BUILD},"
        " or name one (--engine, Grounder(path), $PIZA_ENGINE)"
    )
