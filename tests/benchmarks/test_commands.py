"""The benchmark commands from end to end, on an engine that always points at the same places."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.demo import main as demo


def test_accuracy(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "accuracy.json"
    command = ["accuracy", "--scenes", "3", "--seed", "900000", "--engine", str(engine)]
    assert main([*command, "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert {"acc50", "acc75", "macc", "steps", "first_window"} <= set(figures["zoom"])
    assert figures["zoom"]["steps"] == 2.0
    assert figures["zoom"]["acc50"] == 0.0
    assert "acc50" in figures["shuffled"]
    assert figures["absent"]["found"] == 1.0
    assert (figures["scenes"], figures["seed"]) == (3, 900000)
    assert len(figures["rows"]) == 3
    printed = capsys.readouterr().out
    assert "still@" in printed
    assert "sentences shuffled" in printed
    plainly = [row["ref"] for row in figures["rows"]]
    assert main([*command, "--json", str(file), "--grammar", "rich"]) == 0
    assert "one rich sentence each" in capsys.readouterr().out
    figures = json.loads(file.read_text())
    assert figures["grammar"] == "rich"
    assert [row["ref"] for row in figures["rows"]] != plainly


def test_latency(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "latency.json"
    command = ["latency", "--runs", "7", "--warmup", "2", "--engine", str(engine)]
    command += ["--deadline-ms", "0.001", "--cold-starts", "1"]
    assert main([*command, "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert 0 < figures["p50_ms"] <= figures["p90_ms"] <= figures["p99_ms"]
    assert (figures["n"], figures["warmup"]) == (7, 2)
    assert set(figures["stages_ms"]) == {"crop", "text", "image", "ground", "host"}
    assert figures["stages_ms"]["text"] > 0  # no sentence was remembered
    assert figures["deadline"] == {"deadline_ms": 0.001, "missed": 7, "share": 1.0}
    assert figures["cold_start"]["torch"] is False
    assert figures["cold_start"]["load_to_answer_ms"] > 0
    assert figures["rows"][0] == {"name": "search"} | {
        f"{name}_ms": figures[f"{name}_ms"] for name in ("p50", "p90", "p99", "mean", "min", "max")
    }
    assert len(figures["samples"]["search_ms"]) == 7
    assert {"text.onnx", "tokenizer.json"} <= set(figures["engine_files"])
    assert {"cpu", "clock_mhz", "gpu", "versions"} <= set(figures["environment"])
    printed = capsys.readouterr().out
    assert "after 2 for warm-up, which do not count" in printed
    assert "7 of 7 searches (100.00 %) took longer than 0.001 ms" in printed
    assert "1 fresh processes without PyTorch: medians" in printed


def test_video(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "video.json"
    command = ["video", "--clips", "2", "--frames", "8", "--stills", "2", "--engine", str(engine)]
    assert main([*command, "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert (figures["stills"]["questions"], figures["stills"]["pictures"]) == (2, 20)
    assert set(figures["by_kind"]) == {"ego", "moving", "all"}
    assert figures["by_kind"]["all"]["cold"]["steps"] == 2.0
    assert (figures["clips"], figures["frames"], len(figures["rows"])) == (2, 8, 16)
    printed = capsys.readouterr().out
    assert "still@" in printed
    assert "hidden" in printed


def test_video_of_too_few_frames(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["video", "--frames", "7"]) == 2
    assert "at least 8 frames" in capsys.readouterr().err


def test_no_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["latency", "--engine", str(tmp_path / "none")]) == 3
    assert "expected an engine folder" in capsys.readouterr().err


def test_json_in_a_bad_place(engine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["latency", "--runs", "1", "--warmup", "0", "--engine", str(engine)]
    assert main([*command, "--json", "/proc/no/figures.json"]) == 2
    assert "cannot write /proc/no/figures.json" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--scenes", "0"], ["--seed", "-1"], ["--threads", "0"]])
def test_options_out_of_range(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["accuracy", *option])
    assert stopped.value.code == 2
    assert "a number of" in capsys.readouterr().err


def test_demo(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo(["--engine", str(engine), "--out", str(tmp_path / "out")]) == 0
    answer = json.loads((tmp_path / "out" / "demo.json").read_text())
    assert answer["frame_wh"] == [1920, 1080]
    assert (tmp_path / "out" / "demo.jpg").stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert answer["ref"] in printed
    assert "$ piza locate" in printed


def test_demo_without_an_engine(tmp_path: Path) -> None:
    assert demo(["--engine", str(tmp_path / "none"), "--out", str(tmp_path)]) == 3
    assert not (tmp_path / "demo.json").exists()


def test_calibration(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, plot = tmp_path / "calibration.json", tmp_path / "calibration.png"
    command = ["calibration", "--scenes", "4", "--engine", str(engine), "--json", str(file)]
    assert main([*command, "--plot", str(plot)]) == 0
    figures = json.loads(file.read_text())
    assert (figures["n"], figures["absent"], figures["seed"]) == (4, 2, 970_000)
    assert figures["ece"] == pytest.approx(0.9)  # it says 0.9, and is never right
    assert figures["found"]["absent"]["share"] == 1.0
    assert figures["found"]["right"]["share"] is None
    assert figures["risk"] is None
    assert len(figures["rows"]) == 4
    assert plot.stat().st_size > 10_000
    assert "calibration error 0.900" in capsys.readouterr().out
    assert main([*command, "--plot", str(tmp_path / "plot.txt")]) == 2
