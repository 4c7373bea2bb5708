"""The report of a folder: document, plots, figures, README."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.__main__ import main
from benchmarks.report.markdown import BEGIN, END, replaced
from sdk.errors import InputError

PLOTS = {
    *("latency-distribution", "latency-over-time", "latency-stages", "accuracy-against-p99"),
    *("scaling", "deadline", "calibration", "kernel", "methods", "zoo", "fewshot"),
}


def test_document_and_its_plots(folder: Path, tmp_path: Path, made: dict[str, Any]) -> None:
    docs = tmp_path / "docs" / "benchmarks.md"
    assert main(["report", str(folder), "--docs", str(docs)]) == 0
    text = docs.read_text()
    assert "| **search** |" in text
    plots = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert {Path(plot).stem for plot in plots} == PLOTS
    for plot in plots:
        root = ElementTree.parse(docs.parent / plot).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table.splitlines()}) == 1
    for said in ("Fast CPU", "tiny@abc", "image.onnx 0123456789ab", "60 searches", "&lt;fast>"):
        assert said in text
    assert "<fast>" not in text
    assert set(made) == {path.stem for path in (docs.parent / "data").glob("*.json")}


def test_figures_lie_beside_the_document_where_its_commands_write_them(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undrawn: None
) -> None:
    monkeypatch.chdir(tmp_path)
    record = {"date": "today", "quick": False, "wheel_mb": 1.0}
    ran = {"name": "refs", "command": "python -m benchmarks refs --scenes 9"}
    record["ran"] = [ran | {"exit_code": 0, "seconds": 1.0}]
    (folder / "run.json").write_text(json.dumps(record))
    assert main(["report", str(folder), "--docs", "docs/benchmarks.md"]) == 0
    text = Path("docs/benchmarks.md").read_text()
    command = "python -m benchmarks refs --scenes 9 --json docs/data/refs.json"
    assert f"`{command}` → [data/refs.json](data/refs.json)" in text
    for link in re.findall(r"\]\((data/\w+\.json)\)", text):
        copied = Path("docs", link)
        assert copied.read_bytes() == (folder / copied.name).read_bytes()
    Path("README.md").write_text(f"{BEGIN}\n{END}\n")
    assert main(["report"]) == 0  # from what is kept, the same again
    assert Path("docs/benchmarks.md").read_text() == text
    assert "[docs/benchmarks.md](docs/benchmarks.md)" in Path("README.md").read_text()


def test_a_report_beside_its_figures(
    folder: Path, undrawn: None, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name for path in folder.iterdir()}
    assert main(["report", str(folder)]) == 0
    assert "benchmarks.md" in capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == before | {"benchmarks.md", "benchmarks"}
    assert "[latency.json](latency.json)" in (folder / "benchmarks.md").read_text()


def test_the_plot_of_everyone(folder: Path, made: dict[str, Any]) -> None:
    """Those who look elsewhere than ours does; the same each time."""
    (folder / "peers.json").rename(folder.parent / "peers.json")
    for path in folder.glob("*.json"):
        path.unlink()
    (folder.parent / "peers.json").rename(folder / "peers.json")
    plot = folder / "benchmarks" / "accuracy-against-p99.svg"
    assert main(["report", str(folder)]) == 0
    svg = plot.read_text()
    for said in ("nobody is faster and more exact", "ours", "slicing", "single pass", "960x544"):
        assert said in svg
    assert "eager" not in svg
    assert main(["report", str(folder)]) == 0
    assert plot.read_text() == svg
    for row in made["peers"]["rows"]:
        row["macc"] = None
    (folder / "peers.json").write_text(json.dumps(made["peers"]))
    assert main(["report", str(folder)]) == 0
    assert "accuracy-against-p99" not in (folder / "benchmarks.md").read_text()


def test_readme(folder: Path, undrawn: None, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nmore\n")
    command = ["report", str(folder), "--readme", str(readme)]
    assert main([*command, "--docs", str(tmp_path / "docs" / "b.md")]) == 0
    once = readme.read_text()
    assert once.startswith(f"# Title\n\n{BEGIN}\n| figure |")
    assert once.endswith(f"{END}\n\nmore\n")
    assert "\nold\n" not in once
    assert "[docs/b.md](docs/b.md)" in once
    assert "| time of loop | **6.00x ours** |" in once
    assert main([*command, "--docs", str(tmp_path / "docs" / "b.md")]) == 0
    assert readme.read_text() == once


@pytest.mark.parametrize(
    "text", ["", BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}\n{BEGIN}\n{END}", f"{BEGIN}{END}{END}"]
)
def test_a_readme_without_its_markers(text: str) -> None:
    with pytest.raises(InputError, match="expected one line"):
        replaced(text, "table")


def test_some_of_the_benchmarks_are_enough(
    tmp_path: Path, undrawn: None, latency: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = latency(20, None)
    figures["cold_start"] = None
    (tmp_path / "latency.json").write_text(json.dumps(figures))
    assert main(["report", str(tmp_path)]) == 0
    text = (tmp_path / "benchmarks.md").read_text()
    assert "p99.9 is not told" in text
    assert text.count("not measured") == 3
    assert "a deadline" not in text


def test_ten_thousand_searches(tmp_path: Path, latency: Any) -> None:
    (tmp_path / "latency.json").write_text(json.dumps(latency(10_000)))
    assert main(["report", str(tmp_path)]) == 0
    assert "p99.9" in (tmp_path / "benchmarks.md").read_text()
    sizes = [plot.stat().st_size for plot in (tmp_path / "benchmarks").iterdir()]
    assert len(sizes) == 3
    assert max(sizes) < 400_000


def test_what_a_reader_must_know(folder: Path, undrawn: None, made: dict[str, Any]) -> None:
    busy = {**made["refs"]["environment"], "load_1min": 7.0, "cpu": "Slow CPU"}
    (folder / "refs.json").write_text(
        json.dumps({**made["refs"], "environment": busy, "engine": "other@1"})
    )
    ran = {"name": "video", "command": "python -m benchmarks video", "exit_code": 3, "seconds": 1.0}
    record = {"date": "2026-01-01", "quick": True, "wheel_mb": 6.0, "ran": [ran]}
    (folder / "run.json").write_text(json.dumps(record))
    assert main(["report", str(folder)]) == 0
    text = (folder / "benchmarks.md").read_text()
    assert "> A smoke run" in text
    assert "> python -m benchmarks video failed with 3." in text
    assert "is part of: refs 7." in text
    assert "Not one engine measured all of it: other@1; tiny@abc, onnxruntime fp32." in text
    assert "Not one processor measured all of it" in text
    assert "| wheel without assets | below 5 MB | 6.00 MB | **not met** |" in text
    assert "2026-01-01" in text


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("latency.json", "{", "latency.json is not valid JSON"),
        ("latency.json", "[]", "expected a JSON object, got list"),
        ("latency.json", '{"p50_ms": 1, "rows": []}', "latency.json does not hold the figures"),
        ("refs.json", '{"rows": [5]}', "refs.json does not hold the figures"),
        ("refs.json", '{"rows": []}', "refs.json does not hold the figures"),
        ("deadline.json", '{"rows": [], "normal_ms": "x"}', "deadline.json does not hold"),
        (
            "peers.json",
            '{"rows": [{"name": "a"}], "goals": [], "text_cache": 0, "absent": 0}',
            "KeyError: 'group'",
        ),
        ("peers.json", '{"rows": 5}', "peers.json does not hold the figures"),
        ("run.json", "{}", "has no 'wheel_mb'"),
        ("run.json", '{"wheel_mb": null, "ran": [{}]}', "has no 'name'"),
    ],
)
def test_damaged_figures(
    folder: Path,
    undrawn: None,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str,
    message: str,
) -> None:
    (folder / name).write_text(text)
    assert main(["report", str(folder)]) == 2
    assert message in capsys.readouterr().err


def test_figures_that_only_a_plot_needs(
    folder: Path, made: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    del made["latency"]["samples"]
    (folder / "latency.json").write_text(json.dumps(made["latency"]))
    assert main(["report", str(folder)]) == 2
    assert "KeyError: 'samples'" in capsys.readouterr().err
    assert not (folder / "benchmarks.md").exists()


def test_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert "measure with piza bench all --out" in capsys.readouterr().err


def test_no_readme(folder: Path, undrawn: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(folder), "--readme", str(folder / "none.md")]) == 2
    assert "cannot read" in capsys.readouterr().err
