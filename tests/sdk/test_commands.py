"""``python -m sdk``: stdout, stderr and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sdk.__main__ import main
from sdk.frame import read_image, write_image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def image(tmp_path, make_frame):
    path = tmp_path / "frame.png"
    write_image(path, make_frame())
    return path


def test_locate_in_a_process_of_its_own(engine, image, tmp_path):
    """stdout is one JSON object and nothing else, also when there is something to log."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sdk", "locate", str(image), "the red zebra"),
            *("--engine", str(engine), "--save", str(tmp_path / "out.jpg"), "--json"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["found"] is True
    assert "warning: the engine does not know 'zebra'" in done.stderr
    assert read_image(tmp_path / "out.jpg").shape[1] == 1600


def test_an_answer_is_an_answer(engine, image, capsys):
    assert main(["locate", str(image), "the green square", "--engine", str(engine)]) == 0
    assert "not found: the score" in capsys.readouterr().out


def test_threshold(engine, image, capsys):
    arguments = ["locate", str(image), "the red square", "--engine", str(engine), "--json"]
    assert main([*arguments, "--threshold", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["found"] is False
    assert main([*arguments, "--threshold", "2"]) == 2
    assert "threshold" in capsys.readouterr().err


def test_bad_input_exits_with_2(engine, image, tmp_path, capsys):
    ask = ["--engine", str(engine), "--json"]
    cut = tmp_path / "cut.png"
    cut.write_bytes(image.read_bytes()[:-30])
    for path, ref, message in [
        (tmp_path / "absent.png", "the red square", "No such file"),
        (cut, "the red square", "truncated"),
        (image, "", "at least one word"),
        (image, "red " * 30, "at most 12 tokens"),
    ]:
        assert main(["locate", str(path), ref, *ask]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert message in captured.err
    assert main(["locate", str(image), "the red square", *ask, "--save", "out.txt"]) == 2


@pytest.mark.parametrize("arguments", [[], ["find"], ["locate"], ["locate", "x.png", "y", "--no"]])
def test_bad_usage_exits_with_2(arguments):
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == 2


def test_engine_problems_exit_with_3(engine, image, tmp_path, monkeypatch, capsys):
    ask = ["locate", str(image), "the red square", "--engine"]
    assert main([*ask, str(tmp_path / "absent")]) == 3
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main([*ask, str(engine)]) == 3
    (engine / "text.onnx").write_bytes(b"")
    assert main([*ask, str(engine)]) == 3
    assert capsys.readouterr().out == ""


def test_unproven_engines_need_a_flag(engine, image, make_manifest):
    from sdk.engine.folder import write_manifest

    write_manifest(engine, make_manifest(certificate=None))
    ask = ["locate", str(image), "the red square", "--engine", str(engine)]
    assert main(ask) == 3
    assert main([*ask, "--allow-unproven"]) == 0


def test_doctor(engine, monkeypatch, capsys):
    assert main(["doctor", "--engine", str(engine)]) == 0
    assert "certificate passed" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (engine / "text.onnx").write_bytes(b"")
    assert main(["doctor", "--engine", str(engine), "--json"]) == 3
    report = json.loads(capsys.readouterr().out)
    assert report["ready"] is False
    missing = {
        each["subject"]: each["detail"] for each in report["findings"] if each["ok"] is False
    }
    assert "pip install --force-reinstall onnxruntime" in missing["onnxruntime"]
    assert "altered or truncated" in missing["engine"]
