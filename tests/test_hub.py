"""From ``piza push`` to ``Grounder.from_hub``, over a hub on this machine's loopback."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdk import Detector, Grounder
from sdk.cli import piza
from sdk.engine.folder import BUNDLED, read_manifest, write_manifest
from sdk.errors import EngineError, MissingRuntimeError
from sdk.hub import fetch_engine

ENGINE, REPO = BUNDLED / "engine", "somebody/tiny"


def push(*argv: str | Path) -> int:
    return piza(["push", *map(str, argv), "--repo", REPO])


@pytest.fixture
def pushed(fake_hub: Any) -> Any:
    """The hub, with the bundled engine on it."""
    assert push(ENGINE, "--licence", "mit") == 0
    return fake_hub


def test_an_engine_goes_there_and_comes_back(fake_hub: Any, capsys) -> None:
    assert push(ENGINE) == 0
    files = fake_hub.files(REPO)
    names = ("engine.json", *read_manifest(ENGINE).files)
    assert set(files) == {*names, "README.md"}
    assert {name: files[name] for name in names} == {n: (ENGINE / n).read_bytes() for n in names}
    assert len(fake_hub.repos[REPO].commits) == len(fake_hub.messages) == 1  # all at once
    assert (
        f"{fake_hub.address}/{REPO}/commit/{fake_hub.repos[REPO].head}" in capsys.readouterr().out
    )

    frame = np.random.default_rng(0).integers(0, 256, (72, 128, 3), np.uint8)
    with Grounder.from_hub(REPO, threads=1) as ours, Grounder(ENGINE, threads=1) as theirs:
        assert ours.manifest == theirs.manifest
        found, expected = (each.locate(frame, "the red car") for each in (ours, theirs))
    assert found.score == expected.score
    np.testing.assert_array_equal(found.xyxy, expected.xyxy)
    assert not any("README" in each for each in fake_hub.requests if each.startswith("GET"))
    with pytest.raises(EngineError, match="family few-shot"):
        Detector.from_hub(REPO)


def test_the_card_says_what_the_engine_says(pushed: Any) -> None:
    card = pushed.files(REPO)["README.md"].decode()
    head, _, text = card.removeprefix("---\n").partition("\n---\n")
    assert pushed.cards == [card]  # the hub's client asks whether it is well formed
    assert "license: mit" in head.splitlines()
    assert "pipeline_tag: zero-shot-object-detection" in head.splitlines()
    manifest = read_manifest(ENGINE)
    size = manifest.calibration["by_size"][0]
    for words in (
        "# piza-tiny",
        f'Grounder.from_hub("{REPO}")',
        f"hf download {REPO} --local-dir piza-tiny.engine",
        "| family | piza: zooms in up to 3 steps",
        "`pixels` 640x352 (letterbox, rgb; mean 123.675/116.28/103.53",
        "| ground | `ground.onnx` |",
        "`meanings` float32 1x1100x64",
        f"from a score of {manifest.threshold:g} on",
        "at most 5% of the expressions that are true of nothing are found",
        f"| {size['from_px']:g} to {size['to_px']:g} | {size['n']:g} | {size['acc50']:.1%} |",
        "searches  500: same box (IoU >= 0.99) 100.0%",
        "proof     passed, against PyTorch",
    ):
        assert words in text


def test_without_a_licence_the_card_names_none(fake_hub: Any, tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    assert push(ENGINE, "--card", card) == 0
    assert "license" not in card.read_text()
    assert fake_hub.requests == []


def test_a_checkpoint(fake_hub: Any) -> None:
    assert push(BUNDLED, "--private") == 0
    files = fake_hub.files(REPO)
    assert set(files) == {"config.json", "model.safetensors", "tokenizer.json", "README.md"}
    assert files["model.safetensors"] == (BUNDLED / "model.safetensors").read_bytes()
    assert fake_hub.repos[REPO].private
    card = files["README.md"].decode()
    for words in ("| method | piza-adapter+ |", "| parameters | 2.5 million |", "352 x 640"):
        assert words in card
    with pytest.raises(EngineError, match=r"is no engine: it has no engine\.json; piza push"):
        fetch_engine(REPO)


def test_what_was_altered_on_the_hub_is_not_opened(pushed: Any) -> None:
    first = pushed.repos[REPO].head
    network = bytearray(pushed.files(REPO)["ground.onnx"])
    network[len(network) // 2] ^= 1
    pushed.repos[REPO].commit({"ground.onnx": bytes(network)})
    with pytest.raises(EngineError, match=r"ground\.onnx was altered or truncated"):
        Grounder.from_hub(REPO)
    Grounder.from_hub(REPO, revision=first, threads=1).close()


def test_an_engine_without_proof(fake_hub: Any, tmp_path: Path, capsys) -> None:
    folder = Path(shutil.copytree(ENGINE, tmp_path / "unproven"))
    write_manifest(folder, dataclasses.replace(read_manifest(folder), certificate=None))
    assert push(folder) == 3
    assert "has no certificate" in capsys.readouterr().err
    assert fake_hub.requests == []
    assert push(folder, "--allow-unproven") == 0
    assert "proof     none" in fake_hub.files(REPO)["README.md"].decode()
    with pytest.raises(EngineError, match="has no certificate"):
        Grounder.from_hub(REPO)


def test_a_cache_is_enough_once_the_hub_is_gone(pushed: Any, monkeypatch, capsys) -> None:
    folder = fetch_engine(REPO)
    pushed.gone = True
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("tried again"))
    assert fetch_engine(REPO) == folder
    with pytest.raises(EngineError, match=r"cannot be reached \(.*its cache has no some/other"):
        fetch_engine("some/other")
    assert push(ENGINE) == 3
    assert f"nothing was pushed to {REPO}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"risk": {"guard": "luck"}}, "risk: has no 'n'"),
        ({"by_size": [{"from_px": -1}]}, "'from_px'"),
        ({"by_size": 3}, "expected 'by_size' to be a list"),
    ],
)
def test_what_the_card_would_say_makes_no_sense(
    fake_hub: Any, tmp_path: Path, capsys, change: dict[str, Any], words: str
) -> None:
    folder = Path(shutil.copytree(ENGINE, tmp_path / "odd"))
    manifest = read_manifest(folder)
    calibration = {**manifest.calibration, **change}
    write_manifest(folder, dataclasses.replace(manifest, calibration=calibration))
    assert push(folder) == 3
    assert words in capsys.readouterr().err
    assert fake_hub.requests == []


@pytest.mark.parametrize("token", ["hf_of_somebody_else", ""])
def test_who_may_not_write(fake_hub: Any, monkeypatch, capsys, token: str) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    assert push(ENGINE) == 3
    said = capsys.readouterr().err
    assert f"the hub does not let you write to {REPO}: sign in with hf auth login" in said
    assert "Traceback" not in said
    assert fake_hub.repos == {}


def test_who_may_not_read(pushed: Any, monkeypatch) -> None:
    pushed.repos[REPO].private = True
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody_else")
    with pytest.raises(EngineError, match=f"no {REPO}, or does not show it to you: check the id"):
        Grounder.from_hub(REPO)
    pushed.repos[REPO].private, pushed.repos[REPO].gated = False, True
    with pytest.raises(EngineError, match="to those alone whom its owner let in"):
        Grounder.from_hub(REPO)


def test_names_of_nothing(pushed: Any, tmp_path: Path, capsys) -> None:
    with pytest.raises(EngineError, match="the hub has no some/other"):
        Grounder.from_hub("some/other")
    with pytest.raises(EngineError, match=f"{REPO} on the hub has no revision v9"):
        Grounder.from_hub(REPO, revision="v9")
    with pytest.raises(EngineError, match="is no id of the hub"):
        Grounder.from_hub("a/b/c")
    assert piza(["push", str(ENGINE), "--repo", "a/b/c"]) == 2
    assert "is no id of the hub" in capsys.readouterr().err
    assert push(tmp_path) == 2
    assert "found neither" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", "{", "cannot read"),
        ("config.json", "[]", "no checkpoint of ours"),
        ("model.safetensors", "no weights", "cannot read"),
        ("model.safetensors", None, "cannot read"),
    ],
)
def test_damaged_checkpoints(fake_hub: Any, tmp_path: Path, capsys, name, content, words) -> None:
    for each in ("config.json", "model.safetensors"):
        shutil.copy(BUNDLED / each, tmp_path)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_text(content)
    assert push(tmp_path) == 3
    assert words in capsys.readouterr().err
    assert fake_hub.requests == []


def test_without_the_client(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingRuntimeError, match=r"\[hub\] extra, which brings huggingface_hub"):
        Grounder.from_hub(REPO)
