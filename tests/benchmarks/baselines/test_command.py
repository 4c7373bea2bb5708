"""The whole command in miniature, for real but for a model that knows nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.baselines import entries
from benchmarks.baselines.slicing import Grid, Slicer
from sdk.engine.folder import read_manifest
from sdk.families import open_networks
from sdk.zoom.answering import Networks
from train.evaluation.asking import Searcher
from train.families import load


@pytest.fixture(scope="module")
def plain(make_checkpoint: Callable[..., Path]) -> Path:
    return make_checkpoint(seed=1, method="full")


def run(tmp_path: Path, *options: str) -> tuple[int, Path]:
    file = tmp_path / "peers.json"
    return main(["peers", "--quick", "--threads", "1", "--json", str(file), *options]), file


def test_everybody(
    checkpoint: Path,
    plain: Path,
    exported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every size and every checkpoint is one engine here, which saves exporting them."""
    wanted: list[tuple[Path, tuple[int, int]]] = []

    def export_at(source: Path, input_hw: tuple[int, int], folder: Path) -> Path:
        assert folder.is_dir()
        wanted.append((source, input_hw))
        return exported

    monkeypatch.setattr(entries, "export_at", export_at)
    options = ["--checkpoint", str(checkpoint), "--single-pass", str(plain), "--twin"]
    code, file = run(tmp_path, *options, str(checkpoint), "--plot", str(tmp_path / "peers.png"))
    assert code == 0
    own, larger = (60, 100), (544, 960)
    assert wanted == [(checkpoint, own), (checkpoint, own), (plain, own), (plain, larger)]
    figures = json.loads(file.read_text())
    rows = {row["name"]: row for row in figures["rows"]}
    assert list(rows) == [
        "ours, onnxruntime fp32",
        "ours, expression known",
        "published loop, 100x60",
        "published demo, 100x60",
        "published loop, 1333x800",
        "our loop, PyTorch eager",
        "transformers pipeline",
        "2x2 tiles",
        "ours, trained as the single pass",
        "single pass, 100x60",
        "2x2 tiles, single-pass weights",
        "single pass, 960x544",
    ]
    ours, eager = rows["ours, onnxruntime fp32"], rows["our loop, PyTorch eager"]
    assert (ours["ratio"], ours["n"], ours["runs"], ours["looks"]) == (1.0, 8, 4, 2.0)
    assert eager["same_box"] == 1.0
    assert eager["ratio"] == pytest.approx(eager["p50_ms"] / ours["p50_ms"])
    assert rows["published loop, 1333x800"]["runs"] == 1
    assert rows["2x2 tiles"]["looks"] == 4
    assert rows["transformers pipeline"]["macc"] is None
    assert rows["single pass, 960x544"]["weights"].startswith("full@")
    assert figures["absent"] == {"our loop, torch.compile": "not asked for"}
    assert {"environment", "engine", "goals", "host", "text_cache", "seed"} <= set(figures)
    assert (tmp_path / "peers.png").stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert "higher mAcc at lower p99" in printed
    assert "left out: our loop, torch.compile: not asked for" in printed


def test_an_engine_of_another_checkpoint(
    checkpoint: Path, plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = tmp_path / "engine"
    shutil.copytree(Path("assets/piza-tiny/engine").resolve(), engine)
    code, file = run(tmp_path, "--checkpoint", str(checkpoint), "--engine", str(engine))
    assert code == 2
    assert "name its own checkpoint with --checkpoint" in capsys.readouterr().err
    assert not file.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--checkpoint", "/none"], "expected a checkpoint folder"),
        (["--twin", "/none"], "expected a checkpoint folder"),
        (["--plot", "peers.pdf"], "expected a plot in a .png or .svg file"),
    ],
)
def test_options_that_cannot_be(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, *options)[0] == 2
    assert message in capsys.readouterr().err


def test_more_timed_questions_than_questions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["peers", "--runs", "9", "--scenes", "8"]) == 2
    assert "expected at most 8 timed questions" in capsys.readouterr().err


def test_another_input_size_changes_no_weights(checkpoint: Path, exported: Path) -> None:
    """The exported engine is the PyTorch model at that size."""
    manifest = read_manifest(exported)
    assert manifest.input_hw == (60, 100)
    model = load(checkpoint)
    frame = np.random.default_rng(0).integers(0, 256, (90, 160, 3)).astype(np.uint8)
    first = Searcher(model)(frame, "the red car").zooms[0]
    runtime = open_networks(exported, manifest, 1)
    slicer = Slicer(Networks(runtime), manifest, model.tokenizer(), first.progress, "w")
    reply = slicer.peer("one", "single pass", Grid(1, 1)).ask(frame, "the red car")
    runtime.close()
    assert reply.xyxy == pytest.approx(first.xyxy, abs=1e-2)
