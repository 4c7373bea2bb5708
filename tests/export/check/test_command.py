"""``python -m export check``: exit codes, the table, the JSON."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from export.__main__ import main

CLEAN = "(float[2,3] x) => (y) { y = Relu(x) }"
WIDE = "(float[5,3] x, int64[2] i) => (y) { [pick] y = Gather(x, i) }"
OLD = "(float[1,2,5,8] q) => (y) { [heads] y = Attention(q, q, q) }"


@pytest.fixture
def folder(parse, tmp_path: Path) -> Path:
    """Two networks, one of them with a finding."""
    path = tmp_path / "engine"
    path.mkdir()
    onnx.save(parse(CLEAN), path / "image.onnx")
    onnx.save(parse(WIDE), path / "text.onnx")
    (path / "engine.json").write_text("{}")
    return path


def test_a_clean_network(folder: Path, tmp_path: Path, capsys) -> None:
    file = tmp_path / "reports" / "findings.json"
    assert main(["check", str(folder / "image.onnx"), "--json", str(file)]) == 0
    assert json.loads(file.read_text()) == {"findings": []}
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["network", "rule", "node", "what", "to", "do"]
    assert out[1].split() == ["image", "-", "-", "nothing"]
    assert out[2:] == ["0 findings for TensorRT 10.3, 11.4, RTX 1.7"]


def test_a_folder_with_a_finding(folder: Path, tmp_path: Path, capsys) -> None:
    file = tmp_path / "findings.json"
    assert main(["check", str(folder), "--json", str(file)]) == 1
    [found] = json.loads(file.read_text())["findings"]
    advice = "make this input int32, and let the host convert"
    assert found == {"rule": "int64", "network": "text", "node": "i", "advice": advice}
    out = capsys.readouterr().out
    assert advice in " ".join(out.split())
    assert out.endswith("1 finding for TensorRT 10.3, 11.4, RTX 1.7\n")
    assert {path.name for path in tmp_path.iterdir()} == {"engine", "findings.json"}


def test_versions(parse, tmp_path: Path, capsys) -> None:
    """What only one of them lacks is said to be of that one."""
    onnx.save(parse(OLD, 23), tmp_path / "net.onnx")
    found = {}
    for version in ("10.3", "11.4", "rtx", None):
        file = tmp_path / "findings.json"
        chosen = [] if version is None else ["--tensorrt", version]
        assert main(["check", str(tmp_path / "net.onnx"), "--json", str(file), *chosen]) == 1
        findings = json.loads(file.read_text())["findings"]
        found[version] = {each["rule"]: each["advice"] for each in findings}
    assert found["10.3"].keys() == {"opset", "operator"}
    assert found["11.4"].keys() == {"opset"}
    assert found[None]["operator"] == found["10.3"]["operator"] + " (TensorRT 10.3)"
    assert found[None]["opset"] == found["11.4"]["opset"] + " (TensorRT 10.3, 11.4)"
    assert found["rtx"].keys() == {"attention"}
    assert capsys.readouterr().out.count("for TensorRT 11.4\n") == 1


def test_many_alike_share_a_row(parse, tmp_path: Path, capsys) -> None:
    text = "(int32[2] a) => (y) {" + "".join(
        f"[flip{k}] b{k} = BitwiseNot({'a' if k == 0 else f'b{k - 1}'})" for k in range(40)
    )
    onnx.save(parse(text + " y = Neg(b39) }"), tmp_path / "net.onnx")
    assert main(["check", str(tmp_path / "net.onnx"), "--json", str(tmp_path / "f.json")]) == 1
    out = capsys.readouterr().out
    assert "flip0 +39" in out
    assert "flip1" not in out
    assert "40 findings" in out
    assert len(json.loads((tmp_path / "f.json").read_text())["findings"]) == 40


def test_narrow_terminals_and_long_names(parse, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    name = "a" * 300
    onnx.save(parse(f"(int32[2] a) => (y) {{ [{name}] y = BitwiseNot(a) }}"), tmp_path / "n.onnx")
    assert main(["check", str(tmp_path / "n.onnx")]) == 1
    assert all(len(line) < 100 for line in capsys.readouterr().out.splitlines())


def test_the_builder_is_asked(parse, tmp_path: Path, capsys) -> None:
    """What it builds, what it refuses, what it would compute otherwise; what crashes it."""
    pytest.importorskip("tensorrt_rtx", reason="pip install -e '.[dev]' on Linux, x86-64")
    narrow = "(float16[4,8] x, float16[8,8] w) => (float16[4,8] y) { a = Cast<to = 1>(x)"
    texts = {
        "clean": ("(float[2,3] x) => (float[2,3] y) { y = Relu(x) }", 18),
        "refused": ("(int32[2] a) => (int32[2] y) { [flip] y = BitwiseNot(a) }", 18),
        "narrowed": (f"{narrow} b = Cast<to = 1>(w) m = MatMul(a, b) y = Cast<to = 10>(m) }}", 18),
        "crashing": ("(float16[1,2,5,8] q) => (float16[1,2,5,8] y) { y = Attention(q, q, q) }", 23),
    }
    for name, (text, opset) in texts.items():
        model = parse(text, opset)
        model.ir_version = 10
        onnx.save(model, tmp_path / f"{name}.onnx")
    file = tmp_path / "findings.json"
    assert main(["check", str(tmp_path), "--tensorrt", "rtx", "--real", "--json", str(file)]) == 1
    said = {
        each["network"]: each["advice"]
        for each in json.loads(file.read_text())["findings"]
        if each["rule"] == "builder"
    }
    assert said.keys() == {"refused", "narrowed", "crashing"}
    assert "cannot parse refused.onnx: node 'flip' (BitwiseNot)" in said["refused"]
    assert "expected fp32, its layers read fp16" in said["narrowed"]
    assert "crashed on crashing.onnx (signal SIGSEGV)" in said["crashing"]
    assert "findings for TensorRT RTX 1.7; the builder was asked" in capsys.readouterr().out
    assert main(["check", str(tmp_path / "clean.onnx"), "--real"]) == 0


@pytest.mark.parametrize("name", ["absent", "empty", "text.onnx", "void.onnx", "bare.onnx"])
def test_bad_input(tmp_path: Path, name: str, capsys) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.onnx").write_text("this is no network")
    (tmp_path / "void.onnx").write_bytes(b"")
    node = helper.make_node("Relu", ["x"], ["y"])
    shapes = [helper.make_tensor_value_info(n, TensorProto.FLOAT, (1,)) for n in "xy"]
    bare = helper.make_model(helper.make_graph([node], "g", shapes[:1], shapes[1:]))
    del bare.opset_import[:]
    (tmp_path / "bare.onnx").write_bytes(bare.SerializeToString())
    file = tmp_path / "findings.json"
    assert main(["check", str(tmp_path / name), "--json", str(file)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert name in error
    assert not file.exists()


def test_a_report_that_cannot_be_written(folder: Path, capsys) -> None:
    file = folder / "image.onnx" / "findings.json"
    assert main(["check", str(folder), "--json", str(file)]) == 2
    assert "error: " in capsys.readouterr().err


def test_weights_beside_the_file_must_be_there(parse, tmp_path: Path, capsys) -> None:
    model = parse("(float[2,3] x) => (y) <float[3] w = {1.0, 2.0, 3.0}> { y = Add(x, w) }")
    model.graph.initializer[0].raw_data = b"\0" * 12
    model.graph.initializer[0].ClearField("float_data")
    path = tmp_path / "net.onnx"
    kept = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    onnx.save(model, path, **kept)
    assert main(["check", str(path)]) == 0
    (tmp_path / "weights.bin").unlink()
    assert main(["check", str(path)]) == 2
    assert "cannot read" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["x", "--tensorrt", "9.0"], ["x", "y"]])
def test_bad_arguments(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["check", *argv])
    assert stopped.value.code == 2
