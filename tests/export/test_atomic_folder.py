"""Builds that meet, are killed or told to end: one at a time, nothing in the way of the next."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from export.__main__ import main
from export.atomic_folder import place_engine, place_networks
from sdk.engine.folder import Manifest, read_manifest
from sdk.errors import InputError

# A build that has made half of an engine and then takes its time.
_SLOW = """
import sys, time
from pathlib import Path
from export.atomic_folder import place_engine
from export.stopping import stoppable

def make(folder):
    folder.mkdir()
    (folder / "text.onnx").write_bytes(b"half")
    print("at work", flush=True)
    time.sleep(60)

with stoppable():
    place_engine(Path(sys.argv[1]), make)
"""


@contextmanager
def slow_build(folder: Path, *, ignoring: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """Another process, at work on ``folder``."""
    before = (
        "" if ignoring is None else f"import signal; signal.signal({ignoring:d}, signal.SIG_IGN)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", before + textwrap.dedent(_SLOW), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "at work\n"
            yield process
        finally:
            process.kill()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def copy(built: Path):
    """What a build does that takes no time."""

    def make(folder: Path) -> Manifest:
        shutil.copytree(built, folder)
        return read_manifest(folder)

    return make


def never(_: Path) -> Manifest:
    raise AssertionError("nothing is to be made")


@pytest.mark.parametrize("place", [place_engine, place_networks])
def test_a_second_build_is_told_at_once(tmp_path: Path, copy, place) -> None:
    folder = tmp_path / "a.engine"
    with slow_build(folder) as first:
        with pytest.raises(InputError, match=rf"another build is at work .*process {first.pid} "):
            place(folder, never)
        (tmp_path / "link").symlink_to(tmp_path)  # the same folder by another name
        with pytest.raises(InputError, match="another build is at work"):
            place(tmp_path / "link" / "a.engine", never)
        assert (tmp_path / "a.engine.partial" / "new" / "text.onnx").read_bytes() == b"half"
        assert place(tmp_path / "b.engine", copy).proven  # another folder is free
    assert place(folder, copy).proven
    assert names(tmp_path) == {"a.engine", "b.engine", "link"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_build_that_is_told_to_end_leaves_nothing(tmp_path: Path, number: int) -> None:
    with slow_build(tmp_path / "a.engine") as process:
        process.send_signal(number)
        assert process.wait(30) == 128 + number
        assert process.stderr.read() == ""
    assert names(tmp_path) == set()


def test_nohup_is_respected(tmp_path: Path) -> None:
    with slow_build(tmp_path / "a.engine", ignoring=signal.SIGHUP) as process:
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    assert names(tmp_path) == set()


def test_a_killed_build_is_in_nobodys_way(tmp_path: Path, copy) -> None:
    folder = tmp_path / "a.engine"
    with slow_build(folder) as process:
        process.kill()
        process.wait(30)
    assert names(tmp_path) == {"a.engine.partial"}
    assert place_engine(folder, copy).proven
    assert names(tmp_path) == {"a.engine"}
    assert "text.onnx" in names(folder)
    assert "lock" not in names(folder)


def test_an_engine_that_was_just_exchanged_is_put_back(engine: Path) -> None:
    """The builder was killed between two renamings: the only engine lay in its folder."""
    partial = engine.with_name("least.engine.partial")
    (partial / "old").mkdir(parents=True)
    before = read_manifest(engine)
    engine.rename(partial / "old" / engine.name)

    def fail(_: Path) -> Manifest:
        raise RuntimeError("of another kind")

    with pytest.raises(RuntimeError):
        place_engine(engine, fail)
    assert read_manifest(engine) == before
    assert names(engine.parent) == {engine.name}


def test_what_a_killed_build_replaced_is_not_put_back_over_a_new_one(engine: Path) -> None:
    old = engine.with_name("least.engine.partial") / "old" / engine.name
    old.mkdir(parents=True)
    before = read_manifest(engine)
    with pytest.raises(AssertionError):
        place_engine(engine, never)
    assert read_manifest(engine) == before
    assert names(engine.parent) == {engine.name}


@pytest.mark.parametrize(
    ("command", "work"),
    [
        (["build-engine", "{checkpoint}", "-o", "{out}"], "export.build.build"),
        (["build-engine", "{built}", "-o", "{out}"], "export.build.build"),
        (["onnx", "{checkpoint}", "-o", "{out}"], "export.portable.export_checkpoint"),
        (["verify", "{built}", "--checkpoint", "{checkpoint}"], "export.build.verify"),
        (["prove", "--backend", "onnxruntime", "--work", "{out}"], "export.prove.prove"),
    ],
)
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_every_long_command_can_be_told_to_end(
    command: list[str], work: str, name: str, checkpoint, built, tmp_path, monkeypatch
) -> None:
    """The handlers are those of before, afterwards."""
    number = getattr(signal, name)
    monkeypatch.setattr(work, lambda *_, **__: os.kill(os.getpid(), number))
    before = signal.signal(number, signal.SIG_DFL)
    try:
        paths = {"checkpoint": checkpoint, "built": built, "out": tmp_path / "out"}
        with pytest.raises(SystemExit) as ended:
            main([part.format(**paths) for part in command])
        assert ended.value.code == 128 + number
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert names(tmp_path) == set()


def test_networks_alone_are_whole_or_not_there(
    checkpoint: Path, tmp_path: Path, ready_made, monkeypatch, capsys
) -> None:
    out = tmp_path / "networks"
    assert main(["onnx", str(checkpoint), "-o", str(out)]) == 0
    before = (out / "engine.json").read_bytes()

    def fail(_: Path, folder: Path) -> None:
        folder.mkdir()
        (folder / "text.onnx").write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("export.portable.export_checkpoint", fail)
    assert main(["onnx", str(checkpoint), "-o", str(out)]) == 2
    assert "disk full" in capsys.readouterr().err
    assert (out / "engine.json").read_bytes() == before
    assert names(tmp_path) == {"networks"}
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.txt").write_text("years")
    assert main(["onnx", str(checkpoint), "-o", str(tmp_path / "work")]) == 2
    assert names(tmp_path / "work") == {"thesis.txt"}
