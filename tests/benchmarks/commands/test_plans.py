"""``python -m benchmarks plans``: rows of real builds, and the page that shows those of record."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import onnx
import pytest

from benchmarks.__main__ import main
from benchmarks.commands import plans
from benchmarks.report.markdown import _section
from sdk.engine.folder import read_manifest, write_manifest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None, reason="tensorrt-rtx is not installed"
)
def test_a_row_for_each_network(
    engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """And of one that does not build, why."""
    bad = Path(shutil.copytree(engine, tmp_path / "bad.engine"))
    model = onnx.load(bad / "image.onnx")
    model.graph.node[0].op_type = "FusedThing"
    onnx.save(model, bad / "image.onnx")
    write_manifest(bad, read_manifest(bad))
    (tmp_path / "engine").symlink_to(engine)
    monkeypatch.setattr(plans, "BUNDLED", tmp_path)
    file = tmp_path / "plans.json"
    assert main(["plans", str(bad), "--precisions", "fp32", "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert len(figures["rows"]) == 6
    refused = [row for row in figures["rows"] if "error" in row]
    assert [row["network"] for row in refused] == ["image"]
    for row in figures["rows"]:
        assert row["family"] == "piza"
        assert row["precision"] == "fp32"
        if row not in refused:
            assert row["seconds"] > 0
            assert row["bytes"] > 1000
            assert 50 < row["peak_mb"] < 2000
            assert set(row["targets"]) >= {"8.0", "8.6", "8.9", "12.0", "12.1"}
    said = capsys.readouterr().out
    assert "FusedThing" in said
    assert said.count("8.0, 8.6, 8.9, 12.0, 12.1") == 5

    for row in figures["rows"]:  # as if another engine had them
        row["engine"] = "another"
    file.write_text(json.dumps(figures))
    command = ["plans", str(bad), "--precisions", "fp32", "--json", str(file), "--add"]
    monkeypatch.setattr(plans, "_built", lambda *_: {"error": "not built here"})
    assert main(command) == 0
    found = json.loads(file.read_text())["rows"]
    assert [row["engine"] for row in found] == ["another"] * 6 + ["still"] * 3
    file.write_text("{}")
    assert main(command) == 3
    assert "expected --json FILE with --add" in capsys.readouterr().err


def test_the_page_shows_the_rows_of_record() -> None:
    figures = json.loads((ROOT / "docs/data/plans.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs/tensorrt.md").read_text(encoding="utf-8")
    assert "\n\n".join(_section(plans.section(figures), "plots")) in page
    kinds = {(row["family"], row["engine"], row["precision"]) for row in figures["rows"]}
    assert ("piza", "swin-t-random", "fp16") in kinds
    assert {precision for _, name, precision in kinds if name == "piza-tiny"} == {
        *("fp32", "fp16", "int8")
    }
