"""``piza doctor``: what is damaged has a line and advice, whatever it raises; no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sdk.__main__ import main
from sdk.frame import write_image

ROOT = Path(__file__).resolve().parents[2]
START = "import sys; from sdk.cli import piza; sys.exit(piza())"
BROKEN = {
    "raises": "raise ImportError('''\n\nIMPORTANT: PLEASE READ THIS\n\nlibgone.so is gone''')",
    "without code": "",
    "panics": "class PanicException(BaseException): pass\nraise PanicException('rust')",
}


def piza(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own that looks for packages in ``path`` first."""
    clean = {k: v for k, v in os.environ.items() if k not in ("PIZA_ENGINE", "PIZA_DEBUG")}
    return subprocess.run(
        [sys.executable, "-P", "-c", START, *arguments],
        env={**clean, "PYTHONPATH": str(path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, object]]:
    return {each["subject"]: each for each in json.loads(done.stdout)["findings"]}


@pytest.mark.parametrize("module", ["numpy", "cv2", "tokenizers", "onnxruntime", "tqdm"])
@pytest.mark.parametrize("how", BROKEN)
def test_a_damaged_package(module, how, tmp_path):
    (tmp_path / f"{module}.py").write_text(BROKEN[how])
    done = piza(tmp_path, "doctor", "--json")
    assert done.returncode == 3
    assert done.stderr == ""
    found = findings(done)
    assert found[module]["ok"] is False
    assert "pip install --force-reinstall" in found[module]["detail"]
    assert not [each for each in found.values() if "\n" in each["detail"]]
    if module in ("numpy", "tokenizers", "onnxruntime"):
        assert found["locate"]["ok"] is False


@pytest.mark.parametrize("module", ["numpy", "cv2", "tokenizers", "onnxruntime"])
@pytest.mark.parametrize("how", BROKEN)
def test_locate_names_the_doctor(module, how, tmp_path, make_frame):
    write_image(tmp_path / "frame.png", make_frame())
    (tmp_path / f"{module}.py").write_text(BROKEN[how])
    done = piza(tmp_path, "locate", str(tmp_path / "frame.png"), "the red car")
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "piza doctor" in done.stderr


def distribution(folder: Path, name: str, version: str) -> None:
    """What pip leaves of an installed distribution."""
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_two_that_overwrite_each_other(tmp_path):
    distribution(tmp_path, "opencv-python", "4.9.0.80")
    done = piza(tmp_path, "doctor", "--json")
    assert done.returncode == 0, done.stdout
    lines = [each for each in json.loads(done.stdout)["findings"] if each["subject"] == "cv2"]
    assert [each["ok"] for each in lines] == [True, None]
    assert "opencv-python 4.9.0.80" in lines[1]["detail"]
    assert "pip uninstall opencv-python-headless opencv-python" in lines[1]["detail"]
    (tmp_path / "cv2.py").touch()  # what is left when one of them is removed
    done = piza(tmp_path, "doctor")
    assert done.returncode == 3
    assert "MISSING  cv2" in done.stdout
    assert "not ready" in done.stdout


def test_a_version_that_is_too_old(tmp_path):
    (tmp_path / "tqdm.py").write_text("__version__ = '4.1'\ndef tqdm(x, disable): return x")
    done = piza(tmp_path, "doctor", "--json")
    assert done.returncode == 3
    detail = findings(done)["tqdm"]["detail"]
    assert detail.startswith("tqdm is of version 4.1, expected at least 4.66")


def test_the_version_is_that_of_what_is_loaded(tmp_path):
    distribution(tmp_path, "tqdm", "9.9")
    (tmp_path / "tqdm.py").write_text("__version__ = '8.8'\ndef tqdm(x, disable): return x")
    assert findings(piza(tmp_path, "doctor", "--json"))["tqdm"]["detail"] == "8.8"


def test_an_extra_of_which_remains_are_left(tmp_path):
    distribution(tmp_path, "matplotlib", "3.9")
    (tmp_path / "matplotlib.py").touch()
    found = findings(piza(tmp_path, "doctor", "--json"))["matplotlib"]
    assert (found["ok"], found["detail"]) == (None, "3.9")


def test_the_kernel_and_a_search_are_tried(monkeypatch, capsys):
    monkeypatch.delenv("PIZA_ENGINE", raising=False)
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "the bundled engine answers" in said
    assert "with operators of its own" in said
    assert said.endswith("ready\n")

    import cpp_ext

    monkeypatch.setattr(cpp_ext, "crop_resize", lambda *_, **__: 1 / 0)
    assert main(["doctor"]) == 3
    said = capsys.readouterr().out
    assert "MISSING  cpp_ext      ZeroDivisionError" in said
    assert "pip install --force-reinstall piza-edge" in said
    assert "MISSING  locate" in said


def test_whatever_a_gpu_package_raises(engine, monkeypatch, capsys):
    class Damaged:
        def __getattr__(self, name):
            raise RuntimeError(f"no {name}\nin two lines")

    monkeypatch.setitem(sys.modules, "tensorrt", Damaged())
    assert main(["doctor", "--engine", str(engine)]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if " tensorrt " in line)
    assert "RuntimeError no __spec__ in two lines" in line


def test_ascii_terminals_get_valid_json(tmp_path):
    folder = tmp_path / "größe"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "sdk", "doctor", "--engine", str(folder), "--json"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        cwd=ROOT,
        capture_output=True,
    )
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert str(folder) in report["findings"][-2]["detail"]
