"""Models of the Hugging Face hub: from its cache, or an error at once where there is no way to it.

The hub's own client tries again for most of a minute before it gives up. It is imported when
somebody asks for a model of the hub, and never before.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sdk.engine.folder import MANIFEST_FILE, read_manifest
from sdk.errors import EngineError, first_line
from sdk.extras import extras_named

REACH_S = 5.0  # how long the hub may take to answer at all
SIGN_IN = "sign in with hf auth login, or put a token into $HF_TOKEN"


def fetch_engine(source: str, revision: str | None = None) -> Path:
    """The folder of an engine in the hub's cache, all of its files of one revision.

    Nothing is proven here: whoever opens the folder holds its files against their hashes, as those
    of any other engine.

    Args:
        source: the engine's id on the hub, "owner/name".
        revision: a branch, a tag or a commit; by default the newest of its main branch.

    Raises:
        EngineError: as ``fetch``, or what the hub has there is no engine.
        MissingRuntimeError: the hub's client is not installed.
    """
    with extras_named():
        found = fetch(source, (MANIFEST_FILE,), revision)
        if not (found / MANIFEST_FILE).is_file():
            raise EngineError(
                f"{source} on the hub is no engine: it has no {MANIFEST_FILE}; piza push ENGINE"
                f" --repo {source} puts one there"
            )
        names = tuple(read_manifest(found).files)
        return fetch(source, (MANIFEST_FILE, *names), found.name)  # a folder a commit


def fetch(source: str, names: Sequence[str], revision: str | None = None) -> Path:
    """The folder of a model in the cache, with those of its files that match ``names``.

    Args:
        source: the model's id, "owner/name".
        names: file names, with ``*`` where they vary.
        revision: a branch, a tag or a commit; by default the newest of its main branch.

    Raises:
        EngineError: it is no id, the hub has no such model or does not show it, or it is neither in
            the cache nor to be had from the hub.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    refused = unreachable()
    try:
        return Path(
            snapshot_download(
                source,
                allow_patterns=list(names),
                revision=revision,
                local_files_only=bool(refused),
            )
        )
    except LocalEntryNotFoundError as error:
        reason = refused or first_line(error)
        raise EngineError(
            f"the hub cannot be reached ({reason}), and its cache has no {source}"
        ) from error
    except HFValidationError as error:
        raise EngineError(f"{source} is no id of the hub") from error
    except GatedRepoError as error:
        raise EngineError(
            f"the hub gives {source} to those alone whom its owner let in: ask on its page, then"
            f" {SIGN_IN}"
        ) from error
    except RepositoryNotFoundError as error:
        raise EngineError(
            f"the hub has no {source}, or does not show it to you: check the id, or {SIGN_IN}"
        ) from error
    except RevisionNotFoundError as error:
        raise EngineError(f"{source} on the hub has no revision {revision}") from error
    except Exception as error:  # of the network, of the hub, of the disk: they share no base
        raise EngineError(f"cannot fetch {source} from the hub: {first_line(error)}") from error


def unreachable() -> str:
    """Why the hub does not answer; empty when it does."""
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=REACH_S)
    except Exception as error:
        return first_line(error)
    return ""
