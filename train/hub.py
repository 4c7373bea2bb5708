"""Models of the Hugging Face hub: from its cache, or an error at once where there is no way to it.

The hub's own client tries again for most of a minute before it gives up.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sdk.errors import EngineError

REACH_S = 5.0  # how long the hub may take to answer at all


def fetch(source: str, names: Sequence[str]) -> Path:
    """The folder of a model in the cache, with those of its files that match ``names``.

    Args:
        source: the model's id, "owner/name".
        names: file names, with ``*`` where they vary.

    Raises:
        EngineError: it is no id, the hub has no such model, or it is neither in the cache nor to be
            had from the hub.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    refused = _unreachable()
    try:
        return Path(
            snapshot_download(source, allow_patterns=list(names), local_files_only=bool(refused))
        )
    except LocalEntryNotFoundError as error:
        reason = refused or str(error)
        raise EngineError(
            f"the hub cannot be reached ({reason}), and its cache has no {source}"
        ) from error
    except HFValidationError as error:
        raise EngineError(f"{source} is no id of the hub") from error
    except Exception as error:  # of the network, of the hub, of the disk: they share no base
        raise EngineError(f"cannot fetch {source} from the hub: {first_line(error)}") from error


def _unreachable() -> str:
    """Why the hub does not answer; empty when it does."""
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=REACH_S)
    except Exception as error:
        return first_line(error)
    return ""


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its name."""
    return (str(error).splitlines() or [type(error).__name__])[0]
