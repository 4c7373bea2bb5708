"""``prove``, on the CPU: the same command that is run where TensorRT is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from export import prove
from export.__main__ import main
from export.build import build, verify
from export.certificate import comparison
from export.options import BuildOptions
from export.prove import Latency, Proof, measure, write_report
from export.references.portable import PortableReference
from sdk.engine.folder import read_manifest
from sdk.errors import EngineError, InputError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bundled(built: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small engine in place of the bundled one, and few scenes to time."""
    monkeypatch.setattr("export.commands.prove.BUNDLED_ENGINE", built)
    monkeypatch.setattr("export.prove.questions", lambda *_: comparison.questions(0, 2))
    return built


def test_the_command_writes_both_reports(bundled, tmp_path, capsys) -> None:
    argv = ["prove", "--backend", "onnxruntime", "--precisions", "fp32", "--searches", "2"]
    argv += ["--work", str(tmp_path / "work"), "-o", str(tmp_path / "out")]
    assert main(argv) == 0
    assert "least fp32: passed" in capsys.readouterr().out
    data = json.loads((tmp_path / "out" / "onnxruntime-cpu.json").read_text())
    (engine,) = data["engines"]
    assert engine["passed"] is True
    assert engine["certificate"]["searches"]["count"] == 2
    assert engine["latency"]["p50_ms"] > 0
    assert engine["latency"]["p95_ms"] >= engine["latency"]["p50_ms"]
    assert data["machine"]["packages"]["onnxruntime"]
    text = (tmp_path / "out" / "onnxruntime-cpu.md").read_text()
    assert "| least | fp32 | passed | 100.0% | 100.0% |" in text
    assert "proof     passed" in text


def test_tensorrt_in_the_report(bundled, fake_tensorrt, builds_here, tmp_path) -> None:
    """With a FAKE TensorRT: only the way to the report is tested."""
    argv = ["prove", "--precisions", "fp32", "--searches", "1", "--work", str(tmp_path / "work")]
    assert main([*argv, "-o", str(tmp_path / "out")]) == 0
    data = json.loads((tmp_path / "out" / "tensorrt-fake-gpu.json").read_text())
    assert data["engines"][0]["target"]["tensorrt"] == "11.4.0.106"
    assert "Built for" in (tmp_path / "out" / "tensorrt-fake-gpu.md").read_text()
    fake_tensorrt.fails_to_open = True
    assert main([*argv, "-o", str(tmp_path / "out")]) == 1  # and the reason is in the report
    (engine,) = json.loads((tmp_path / "out" / "tensorrt-fake-gpu.json").read_text())["engines"]
    assert "cannot open the plan that was just built" in engine["error"]
    assert engine["latency"] is None


def test_where_there_is_nothing_to_prove_with(bundled, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pycuda", None)
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    assert main(["prove", "-o", str(tmp_path / "out")]) == 3
    assert "needs pycuda" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_engine_that_differs_is_reported(bundled, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(
        "export.build.certify",
        lambda *_: {
            "passed": False,
            "networks": {},
            "searches": {"count": 1, "same_box": 0.0, "same_decision": 0.0, "lowest_iou": 0.0},
            "reference": "x",
        },
    )
    proof = prove.prove(bundled, tmp_path / "new", BuildOptions(1))
    assert not proof.passed
    assert "differs from its checkpoint" in (proof.error or "")
    assert proof.certificate is not None
    assert proof.latency is not None
    data, text = write_report(tmp_path / "out", [proof])
    assert "FAILED" in text.read_text()
    assert json.loads(data.read_text())["engines"][0]["passed"] is False


def test_latency_counts_what_it_says(bundled) -> None:
    found = measure(bundled, 3)
    assert found.searches == 3
    manifest = read_manifest(bundled)
    assert 1 <= found.steps <= manifest.block["max_steps"]
    assert found.stages_ms.keys() == {"total", "crop", "host", *manifest.networks}


def test_rows_without_a_certificate(tmp_path) -> None:
    proofs = [
        Proof("a", "tensorrt", "fp16", False, 1.0, "no memory"),
        Proof("b", "tensorrt", "fp16", True, 1.0, latency=Latency(1, 2.0, 3.0, 1.0, {})),
    ]
    _, text = write_report(tmp_path, proofs)
    assert "| a | fp16 | FAILED | - | - | - | - | 1 | 0.0 |" in text.read_text()
    assert "no memory" in text.read_text()
    assert "| b | fp16 | passed | - | - | 2.0, 3.0 |" in text.read_text()


def test_searches_are_checked(bundled) -> None:
    assert main(["prove", "--backend", "onnxruntime", "--searches", "0"]) == 2


WITHOUT_PYTORCH = """
import sys
for name in ("torch", "transformers", "safetensors", "onnxscript"):
    sys.modules[name] = None
from export.__main__ import main
from export.build import build, verify
from export.certificate import comparison
from export.options import BuildOptions
sys.exit(main(sys.argv[1:]))
"""


def test_the_vehicle_needs_no_pytorch(built, tmp_path) -> None:
    """Building from a portable folder, and verifying against it, in a process without PyTorch."""

    def run(*argv: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", WITHOUT_PYTORCH, *map(str, argv), "--searches", "1"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    folder = tmp_path / "again.engine"
    done = run("build-engine", built, "-o", folder)
    assert done.returncode == 0, done.stderr
    assert "which was compared with PyTorch" in done.stdout
    assert read_manifest(folder).proven
    done = run("verify", folder, "--checkpoint", built)
    assert done.returncode == 0, done.stderr


def test_portable_folders_of_other_checkpoints(engine, built, tmp_path) -> None:
    manifest = read_manifest(engine)
    from sdk.engine.folder import write_manifest

    write_manifest(engine, type(manifest)(**{**vars(manifest), "checkpoint": {"sha256": "0" * 64}}))
    with pytest.raises(EngineError, match="was exported from checkpoint 000000000000"):
        verify(engine, PortableReference(built), 1)


def test_precisions_only_go_down(engine, tmp_path) -> None:
    from sdk.engine.folder import write_manifest

    manifest = read_manifest(engine)
    write_manifest(engine, type(manifest)(**{**vars(manifest), "precision": "fp16"}))
    with pytest.raises(InputError, match="is fp16 already"):
        build(PortableReference(engine), tmp_path / "new", BuildOptions(1))
