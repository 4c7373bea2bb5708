"""A benchmark is its module and a line in a list."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import commands
from benchmarks.__main__ import main
from benchmarks.report.folder import read_record
from benchmarks.report.markdown import BEGIN, END
from benchmarks.report.parts import benchmarks
from benchmarks.report.section import Goal, Headline, Part, Picture, Section, Table

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One more benchmark, as somebody would write it."""
    module = ModuleType("benchmarks.commands.made_up")

    def section(figures):
        return Section(
            "Made up",
            ("What it is.",),
            (
                Table(
                    ("name", "ms"), tuple((row["name"], str(row["ms"])) for row in figures["rows"])
                ),
            ),
            (Picture("made-up", "A plot", lambda path: path.write_text("<svg/>")),),
            (Goal("made up", "at least 1", "2", True),),
            (Headline("a figure", "7 ms", "of nothing"),),
        )

    module.section, module.PART = section, Part(quick=("--few",), engine=False)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(commands.COMMANDS, "made_up", "a benchmark that nobody has seen before")
    benchmarks.cache_clear()
    yield
    benchmarks.cache_clear()


def test_a_new_benchmark_is_its_module_and_its_line(
    made_up: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def runs(arguments: list[str]) -> int:
        figures = {"rows": [{"name": "one", "ms": 7}], "engine": "none@0"}
        Path(arguments[-1]).write_text(json.dumps(figures))
        return 0

    monkeypatch.setattr("benchmarks.report.parts.in_own_process", runs)
    out, readme = tmp_path / "out", tmp_path / "README.md"
    readme.write_text(f"{BEGIN}\n{END}\n")
    assert main(["all", "--out", str(out), "--quick", "--only", "made_up"]) == 0
    assert read_record(out).command("made_up") == "python -m benchmarks made_up --few"
    docs = tmp_path / "docs" / "benchmarks.md"
    assert main(["report", str(out), "--docs", str(docs), "--readme", str(readme)]) == 0
    text = docs.read_text()
    for said in ("## Made up", "| one | 7 |", "What it is.", "| made up | at least 1 | 2 | met |"):
        assert said in text
    assert (docs.parent / "benchmarks" / "made-up.svg").is_file()
    assert (docs.parent / "data" / "made_up.json").is_file()
    assert "| a figure | **7 ms** |" in readme.read_text()


def test_reading_a_report_needs_no_training_stack() -> None:
    code = (
        "import sys\n"
        "from benchmarks.report.parts import benchmarks\n"
        "print(*benchmarks())\n"
        "print({'torch', 'transformers', 'matplotlib'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names, loaded = done.stdout.splitlines()
    assert {"latency", "accuracy", "peers", "methods"} <= set(names.split())
    assert loaded == "set()"
