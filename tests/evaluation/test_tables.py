"""Tables, JSON and the description of the machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluation.environment import describe, header
from evaluation.tables import JsonFile, share, table
from sdk.cores import usable_cores
from sdk.errors import InputError


def test_table() -> None:
    assert table(("", "n"), [["all", "5"], ["a few", "12"]]).splitlines() == [
        "        n",
        "-----  --",
        "all     5",
        "a few  12",
    ]


def test_share() -> None:
    assert [share(0.5), share(float("nan")), share(None)] == ["0.500", "-", "-"]


def test_json_has_no_nan(tmp_path: Path) -> None:
    path = tmp_path / "new" / "figures.json"
    JsonFile(path).write({"a": float("nan"), "b": [1.5, {"c": float("nan")}]})
    assert json.loads(path.read_text()) == {"a": None, "b": [1.5, {"c": None}]}


def test_a_row_is_a_line(tmp_path: Path) -> None:
    figures = {
        "n": 2,
        "rows": [{"name": "a", "box": [1, 2]}, {"name": "b"}, {}],
        "samples": {"search_ms": [1.5, 2.5], "question": ["é", '"']},
        "none": [],
    }
    path = tmp_path / "figures.json"
    JsonFile(path).write(figures)
    text = path.read_text()
    assert json.loads(text) == figures
    assert '    {"name": "b"},\n' in text
    assert '    "search_ms": [1.5, 2.5],\n' in text


def test_json_appears_with_its_figures(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    file = JsonFile(path)
    assert not path.exists()  # an interrupted measurement leaves nothing behind
    file.write({"a": 1})
    JsonFile(path)
    assert json.loads(path.read_text()) == {"a": 1}


def test_json_is_optional() -> None:
    JsonFile(None).write({"a": 1})


def test_json_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        JsonFile(tmp_path / "file" / "figures.json")


def test_environment_names_machine_and_versions() -> None:
    environment = describe()
    assert environment["cores"] == usable_cores() >= 1
    assert {"numpy", "onnxruntime", "piza-edge"} <= set(environment["versions"])
    lines = "\n".join(header(environment))
    assert environment["cpu"] in lines
    assert environment["versions"]["onnxruntime"] in lines


def test_clocks_and_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nvidia-smi").write_text(
        "#!/bin/sh\necho 'H200, 580.1, 345 MHz, 1980 MHz, 9 MiB'\n"
    )
    (tmp_path / "nvidia-smi").chmod(0o755)
    for name, value in (("scaling_cur_freq", "2500000"), ("scaling_governor", "performance")):
        (tmp_path / name).write_text(value + "\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("evaluation.environment._CPUFREQ", tmp_path)
    environment = describe()
    assert environment["clock_mhz"] == {"now": 2500.0, "governor": "performance"}
    assert environment["gpu"] == ["H200, 580.1, 345 MHz, 1980 MHz, 9 MiB"]
    assert "2500 MHz" in header(environment)[0]
    assert header(environment)[1] == "gpu       H200, 580.1, 345 MHz, 1980 MHz, 9 MiB"


def test_a_driver_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert describe()["gpu"] == []
