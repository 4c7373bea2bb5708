"""``python -m benchmarks serve`` against a real server, for a moment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.commands.serve import Load, Response, server
from benchmarks.options import BenchmarkError


def test_a_load(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "serve.json"
    command = ["serve", "--clients", "3", "--places", "1", "--seconds", "1.2", "--scenes", "2"]
    assert main([*command, "--engine", str(engine), "--threads", "1", "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert set(figures["statuses"]) == {"200", "429"}
    assert (figures["errors"], figures["changed"]) == (0, 0)
    assert figures["statuses"]["200"] == pytest.approx(
        figures["answers_a_second"] * figures["seconds"]
    )
    assert 0 < figures["answered_ms"]["p50_ms"] <= figures["answered_ms"]["p99_ms"]
    assert 50 < figures["memory_mb"]["start"] <= figures["memory_mb"]["most"] < 2000
    printed = capsys.readouterr().out
    assert "3 clients for" in printed
    assert "0 besides 429 and 503; 0 answers other than without a load" in printed


def test_a_server_that_does_not_start(tmp_path: Path) -> None:
    with (
        pytest.raises(BenchmarkError, match="did not come to answer"),
        server(["--engine", str(tmp_path / "none")]),
    ):
        pytest.fail("there is no engine")


def test_what_counts_as_an_error() -> None:
    load = Load("127.0.0.1:9", [b""], [{}])
    load._memory_mb, load._seconds = [100.0, 104.0, 102.0, 101.0], 2.0
    load._responses = [
        *(Response(200, ms, ms < 30.0) for ms in (10.0, 20.0, 30.0)),
        Response(429, 1.0, False),
        Response(503, 3.0, False),
        Response(500, 1.0, False),
        Response("ConnectionResetError", 0.0, False),
    ]
    figures = load.figures()
    assert figures["statuses"] == {
        "200": 3,
        "429": 1,
        "500": 1,
        "503": 1,
        "ConnectionResetError": 1,
    }
    assert (figures["errors"], figures["changed"]) == (2, 1)
    assert figures["answers_a_second"] == 1.5
    assert figures["answered_ms"]["p50_ms"] == 20.0
    assert figures["refused_ms"]["p50_ms"] == 2.0
    assert figures["memory_mb"] == {
        "start": 100.0,
        "first_quarter": 100.0,
        "last_quarter": 101.0,
        "end": 101.0,
        "most": 104.0,
    }
    load._responses = []
    with pytest.raises(BenchmarkError, match="no question was answered"):
        load.figures()
