"""The report of a folder: page, document, README."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.report.markdown import BEGIN, END, replaced
from sdk.errors import InputError

VOID = {"meta", "br", "image"}


class Page(HTMLParser):
    """Checks that elements nest, gathers identifiers, links and what is loaded."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.loaded: list[str] = []
        self.tags: Counter[str] = Counter()
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        values = dict(attrs)
        self.ids.update([values["id"]] if "id" in values else [])
        self.loaded += [str(values[key]) for key in ("src", "href", "xlink:href") if key in values]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()


def test_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(folder)]) == 0
    assert "report.html" in capsys.readouterr().out
    text = (folder / "report.html").read_text()
    page = Page(text)
    assert page.tags["svg"] == 8
    assert page.tags["script"] == page.tags["link"] == 0
    assert all(link.startswith(("#", "data:")) for link in page.loaded)
    assert {link[1:] for link in page.loaded if link.startswith("#")} <= set(page.ids)
    assert max(page.ids.values()) == 1
    assert "url(http" not in text
    assert "prefers-color-scheme:dark" in text
    for said in (
        "deadline 50 ms",
        "Fast CPU",
        "tiny@abc",
        "image.onnx 0123456789ab",
        "60 searches",
    ):
        assert said in text
    assert "compiled &lt;fast&gt;" in text
    assert "<fast>" not in text
    assert not re.search(r"#(30638e|d1495b|22303c)", text.split("</style>", 1)[1], re.IGNORECASE)


def test_the_plot_of_everyone(folder: Path, made: dict[str, Any], tmp_path: Path) -> None:
    """Those who look elsewhere than ours does, in colours that a page can turn dark."""
    docs = tmp_path / "docs" / "benchmarks.md"
    assert main(["report", str(folder), "--docs", str(docs)]) == 0
    (plot,) = re.findall(r"\((\S*accuracy-against-p99\S*)\)", docs.read_text())
    svg = (docs.parent / plot).read_text()
    for said in ("nobody is faster and more exact", "ours", "slicing", "single pass", "960x544"):
        assert said in svg
    assert "eager" not in svg
    assert not re.findall(r"(?:fill|stroke): #\w+", svg)
    for row in made["peers"]["rows"]:
        row["macc"] = None
    (folder / "peers.json").write_text(json.dumps(made["peers"]))
    assert main(["report", str(folder)]) == 0
    assert "accuracy-against-p99" not in (folder / "report.html").read_text()


def test_document_and_its_plots(folder: Path, tmp_path: Path) -> None:
    docs = tmp_path / "docs" / "benchmarks.md"
    assert main(["report", str(folder), "--docs", str(docs)]) == 0
    text = docs.read_text()
    assert "| **search** |" in text
    assert "`python -m benchmarks latency --json latency.json`" in text
    plots = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert len(plots) == 8
    for plot in plots:
        assert (docs.parent / plot).read_text().startswith("<svg xmlns=")
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table.splitlines()}) == 1
    assert "![" not in (folder / "benchmarks.md").read_text()


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
    page = tmp_path / "report.html"
    assert "p99.9" in page.read_text()
    assert page.stat().st_size < 400_000
    Page(page.read_text())


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
        ("latency.json", '{"p50_ms": 1, "rows": []}', "has no samples, cold_start, steps"),
        (
            "peers.json",
            '{"rows": [{"name": "a"}], "goals": [], "text_cache": 0, "absent": 0}',
            "has no group, p50_ms, p99_ms, ratio",
        ),
        (
            "peers.json",
            '{"rows": 5, "goals": [], "text_cache": 0, "absent": 0}',
            "has no rows of objects",
        ),
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


def test_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert "measure with piza bench all --out" in capsys.readouterr().err


def test_no_readme(folder: Path, undrawn: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(folder), "--readme", str(folder / "none.md")]) == 2
    assert "cannot read" in capsys.readouterr().err
