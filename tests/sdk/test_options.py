"""Options that commands share."""

from __future__ import annotations

import json
import os

import pytest

from sdk.__main__ import main
from sdk.cli import run_package
from sdk.cores import ENVIRONMENT, default_threads
from sdk.frame import write_image

OPENS_AN_ENGINE = [
    *[("sdk", name) for name in ("locate", "video", "replay")],
    *[("export", name) for name in ("build-engine", "verify", "prove")],
    *[("train", name) for name in ("tune", "piza", "evaluate", "calibrate")],
    *[
        ("benchmarks", name)
        for name in ("accuracy", "latency", "engines", "kernel", "peers", "all")
    ],
]


@pytest.mark.parametrize(("package", "name"), OPENS_AN_ENGINE)
@pytest.mark.parametrize("threads", ["0", "257", "two", "1.5", "-1"])
def test_every_command_that_opens_an_engine_takes_threads(package, name, threads, capsys):
    with pytest.raises(SystemExit) as stopped:
        run_package(package, [name, f"--threads={threads}"])
    assert stopped.value.code == 2
    assert "argument --threads: expected threads, a number of 1 to 256" in capsys.readouterr().err


@pytest.fixture
def image(tmp_path, make_frame):
    write_image(tmp_path / "frame.png", make_frame())
    return str(tmp_path / "frame.png")


def test_a_command_runs_with_so_many_threads(engine, image, monkeypatch, capsys):
    seen = []

    def remember(folder, manifest, threads):
        seen.append(threads or default_threads())
        return open_networks(folder, manifest, threads)

    from sdk.families import open_networks

    monkeypatch.setattr("sdk.grounder.open_networks", remember)
    monkeypatch.setenv(ENVIRONMENT, "2")
    command = ["locate", image, "the red square", "--engine", str(engine), "--json"]
    for options, threads in (([], 2), (["--threads", "3"], 3), ([], 2)):
        assert main([*command, *options]) == 0
        assert json.loads(capsys.readouterr().out)["found"]
        assert seen[-1] == threads
    assert os.environ[ENVIRONMENT] == "2"


def test_an_environment_that_makes_no_sense(engine, image, monkeypatch, capsys):
    monkeypatch.setenv(ENVIRONMENT, "many")
    assert main(["locate", image, "the red square", "--engine", str(engine)]) == 2
    assert "expected $PIZA_THREADS, a number of 1 to 256, got 'many'" in capsys.readouterr().err
