"""The hub is asked once, and briefly, whether it is there."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from sdk import hub
from sdk.errors import EngineError
from sdk.hub import fetch


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[bool]:
    """Whether each download was from the cache alone."""
    asked: list[bool] = []

    def download(
        source: str, *, allow_patterns: list[str], revision: str | None, local_files_only: bool
    ) -> str:
        assert revision is None
        assert (source, allow_patterns) == ("some/model", ["a.json", "*.b"])
        asked.append(local_files_only)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    return asked


@pytest.mark.parametrize("refused", ["", "no network"])
def test_the_cache_is_enough(downloads, monkeypatch, tmp_path: Path, refused: str) -> None:
    monkeypatch.setattr(hub, "unreachable", lambda: refused)
    assert fetch("some/model", ("a.json", "*.b")) == tmp_path
    assert downloads == [bool(refused)]


def test_without_a_network_it_is_said_at_once(monkeypatch) -> None:
    """For real: an address where nobody answers."""
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)  # what its client does between its tries
    said = r"cannot be reached \(.*cache has no nobody/knows"
    with socket.socket() as taken:  # bound, and never listening
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        with pytest.raises(EngineError, match=said) as e:
            fetch("nobody/knows", ("config.json",))
    assert "\n" not in str(e.value)
    assert slept == []


@pytest.mark.parametrize("refused", ["", "no network"])
def test_names_that_are_no_ids(monkeypatch, refused: str) -> None:
    monkeypatch.setattr(hub, "unreachable", lambda: refused)
    with pytest.raises(EngineError, match="is no id of the hub"):
        fetch("a/b/c/d", ("config.json",))


def test_other_errors_of_the_hub(monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise ValueError("Repository Not Found\nand much more")

    monkeypatch.setattr(hub, "unreachable", lambda: "")
    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(EngineError, match=r"cannot fetch some/model .*: Repository Not Found$"):
        fetch("some/model", ("config.json",))
