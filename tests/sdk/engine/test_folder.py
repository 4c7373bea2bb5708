"""The engine folder: what is refused, and what the refusal says."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import pytest

from sdk import EngineError, Grounder, MissingRuntimeError
from sdk.engine.folder import BUNDLED, default_engine, read_manifest, verify_files, write_manifest
from sdk.engine.manifest import ImageInput, TextInput

FILES = ("text.onnx", "image.onnx", "ground.onnx", "tokenizer.json", "history.npz")


def edit(engine, **changes):
    """Changes values of engine.json; a dotted key reaches inwards, None as value removes."""
    path = engine / "engine.json"
    data = json.loads(path.read_text())
    for key, value in changes.items():
        *parents, last = key.split("__")
        place = data
        for parent in parents:
            place = place[parent]
        if value is None:
            del place[last]
        else:
            place[last] = value
    path.write_text(json.dumps(data))


def test_a_manifest_reads_as_it_was_written(engine, make_manifest):
    written = write_manifest(engine, make_manifest(checkpoint={"sha256": "ab"}))
    assert read_manifest(engine) == written
    assert set(written.files) == set(FILES)
    assert written.proven
    verify_files(engine, written)
    assert not [path for path in engine.iterdir() if path.name.startswith(".")]


def test_the_manifest_has_the_names_that_others_rely_on(engine):
    data = json.loads((engine / "engine.json").read_text())
    first = ["format", "name", "family", "backend", "precision", "networks", "inputs", "text"]
    assert list(data)[: len(first) + 1] == [*first, data["family"]]
    assert data["format"] == 2
    assert {"files", "calibration", "certificate", "target", "versions"} <= set(data)
    assert data["networks"]["image"] == {
        "file": "image.onnx",
        "inputs": {"pixels": [[1, 3, 96, 128], "float32"]},
        "outputs": {"image_features": [[1, 768, 3], "float32"]},
    }
    assert set(data["inputs"]["pixels"]) == {"size", "mean", "std", "order", "fit"}
    assert data["text"] == {"max_tokens": 12}
    assert set(data["certificate"]) == {"passed", "networks", "searches"}


def test_more_files_can_be_vouched_for(engine, make_manifest):
    (engine / "README.md").write_text("squares")
    written = write_manifest(engine, make_manifest(files={"README.md": "0" * 64}))
    assert "README.md" in written.files
    (engine / "README.md").write_text("circles")
    with pytest.raises(EngineError, match=r"README\.md was altered"):
        verify_files(engine, written)


def test_nothing_is_written_when_a_file_is_missing(engine, make_manifest):
    before = (engine / "engine.json").read_bytes()
    (engine / "image.onnx").unlink()
    with pytest.raises(EngineError, match=r"has no image\.onnx"):
        write_manifest(engine, make_manifest())
    assert (engine / "engine.json").read_bytes() == before


def test_a_manifest_that_could_not_be_read_is_not_written(engine, make_manifest):
    before = (engine / "engine.json").read_bytes()
    with pytest.raises(EngineError, match="calibration"):
        write_manifest(engine, make_manifest(calibration={"threshold": 2.0}))
    assert (engine / "engine.json").read_bytes() == before


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_flipped_bit_is_refused(engine, name, place):
    path = engine / name
    data = bytearray(path.read_bytes())
    data[{"first": 0, "middle": len(data) // 2, "last": -1}[place]] ^= 1
    path.write_bytes(data)
    with pytest.raises(EngineError, match=f"{name} was altered or truncated"):
        Grounder(engine)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_a_truncated_file_is_refused(engine, name, keep):
    data = (engine / name).read_bytes()
    (engine / name).write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(EngineError, match=f"{name} was altered or truncated"):
        Grounder(engine)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(engine, name):
    (engine / name).unlink()
    with pytest.raises(EngineError, match=f"has no {name}"):
        Grounder(engine)


def test_a_folder_in_place_of_a_file(engine):
    (engine / "image.onnx").unlink()
    (engine / "image.onnx").mkdir()
    with pytest.raises(EngineError, match="cannot read"):
        Grounder(engine)


def test_missing_folders_and_manifests(engine, tmp_path):
    with pytest.raises(EngineError, match="expected an engine folder"):
        Grounder(tmp_path / "absent")
    with pytest.raises(EngineError, match="expected an engine folder"):
        Grounder(engine / "engine.json")
    (engine / "engine.json").unlink()
    with pytest.raises(EngineError, match=r"has no engine\.json.*piza build-engine"):
        Grounder(engine)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b'{"format": 1', b"[]", b"null"])
def test_manifests_that_are_none(engine, content):
    (engine / "engine.json").write_bytes(content)
    with pytest.raises(EngineError, match=r"not valid JSON|expected a JSON object"):
        Grounder(engine)


def test_a_newer_format_names_both(engine):
    edit(engine, format=7)
    with pytest.raises(EngineError, match="has format 7, this version reads up to format 2"):
        Grounder(engine)


def test_a_newer_format_is_told_before_anything_else(engine):
    (engine / "engine.json").write_text('{"format": 3}')
    with pytest.raises(EngineError, match="has format 3"):
        Grounder(engine)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "1"}, "format"),
        ({"format": 0}, "format"),
        ({"name": ""}, "name"),
        ({"name": None}, "has no 'name'"),
        ({"family": "yolo"}, "has no 'yolo'"),  # the block of that name
        ({"family": 3}, "'family' to be a name"),
        ({"backend": "tpu"}, "'backend' to be one of onnxruntime"),
        ({"inputs__pixels__size": [96]}, r"inputs\.pixels: expected 'size'"),
        ({"inputs__pixels__size": [96, 128.5]}, "whole pixels"),
        ({"inputs__pixels__size": [0, 128]}, "size"),
        ({"inputs__pixels__mean": [1, 2]}, "mean"),
        ({"inputs__pixels__std": [0, 1, 1]}, "std"),
        ({"inputs__pixels__std": ["1", 1, 1]}, "std"),
        ({"inputs__pixels__fit": "stretch"}, "letterbox"),
        ({"inputs__pixels__order": "bgr"}, "one of rgb"),
        ({"inputs__pixels": 3}, "expected a JSON object"),
        ({"text__max_tokens": 2}, "max_tokens"),
        ({"text__max_tokens": 12.5}, "max_tokens"),
        ({"networks": []}, "'networks' to be an object"),
        ({"networks": {}}, "'networks' to be an object of networks"),
        ({"networks__text__file": "text.plan"}, r"file \*\.onnx"),
        ({"networks__text__inputs__input_ids": [[1, "12"], "int32"]}, r"\[shape, type\]"),
        ({"networks__text__outputs": None}, "has no 'outputs'"),
        ({"piza": 3}, "'piza' to be an object"),
        ({"calibration": {}}, r"calibration\.threshold"),
        ({"calibration__threshold": True}, r"calibration\.threshold"),
        ({"calibration__evidence": {}}, r"calibration\.evidence\.whole"),
        ({"certificate": {}}, r"certificate\.passed"),
        ({"certificate__passed": "yes"}, r"certificate\.passed"),
        ({"certificate": 1}, "certificate"),
        ({"files": {}}, "does not list text.onnx"),
        ({"files__../outside": "0" * 64}, "plain file names"),
        ({"files__text.onnx": "abc"}, "SHA-256"),
        ({"files__text.onnx": 5}, "SHA-256"),
    ],
)
def test_values_that_make_no_sense(engine, changes, message):
    edit(engine, **changes)
    with pytest.raises(EngineError, match=message):
        read_manifest(engine)


def test_keys_that_are_not_known_are_ignored(engine):
    edit(engine, remark="made on a Friday")
    assert read_manifest(engine).name == "squares"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"inputs": {"pixels": ImageInput((96, 160), (114.0,) * 3, (127.0,) * 3)}},
            "the manifest says pixels is",
        ),
        ({"text": TextInput(16)}, "the manifest says input_ids is"),
    ],
)
def test_networks_that_are_not_what_the_manifest_says(engine, make_manifest, changes, message):
    write_manifest(engine, make_manifest(**changes))
    with pytest.raises(EngineError, match=message):
        Grounder(engine)


def test_networks_in_the_wrong_place(engine, make_manifest):
    (engine / "text.onnx").write_bytes((engine / "image.onnx").read_bytes())
    write_manifest(engine, make_manifest())
    with pytest.raises(EngineError, match=r"text\.onnx: expected inputs"):
        Grounder(engine)


def test_a_network_that_is_none(engine, make_manifest):
    (engine / "ground.onnx").write_bytes(b"not a network")
    write_manifest(engine, make_manifest())
    with pytest.raises(EngineError, match=r"cannot load .*ground\.onnx"):
        Grounder(engine)


def test_networks_that_answer_with_nan_give_no_box(engine, make_manifest, make_frame):
    import onnx
    from onnx import numpy_helper

    model = onnx.load(engine / "text.onnx")
    broken = np.full((12, 3), np.nan, np.float32)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(broken, "colors"))
    onnx.save(model, engine / "text.onnx")
    write_manifest(engine, make_manifest())
    with Grounder(engine) as grounder:
        answer = grounder.locate(make_frame(), "the red square")
    assert not answer.found


@pytest.mark.parametrize("module", ["onnxruntime", "cpp_ext"])
def test_a_missing_runtime_is_named(engine, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)  # makes the import fail
    with pytest.raises(MissingRuntimeError, match=r"pip install piza-edge"):
        Grounder(engine)


def test_the_default_engine(engine, tmp_path, monkeypatch):
    monkeypatch.setenv("PIZA_ENGINE", str(engine))
    assert default_engine() == engine
    assert Grounder().manifest.name == "squares"
    monkeypatch.delenv("PIZA_ENGINE")
    built, bundled = tmp_path / "built", tmp_path / "bundled"
    monkeypatch.setattr("sdk.engine.folder._PLACES", (built, bundled))
    with pytest.raises(EngineError, match=r"found no engine.*build-engine.*PIZA_ENGINE"):
        default_engine()
    shutil.copytree(engine, bundled)
    assert default_engine() == bundled
    shutil.copytree(engine, built)
    assert default_engine() == built


@pytest.mark.parametrize("place", ["build/piza-tiny.engine", "assets/piza-tiny/engine"])
def test_an_engine_of_somebody_else_is_not_opened(engine, tmp_path, monkeypatch, place):
    """The working directory may be anybody's."""
    monkeypatch.delenv("PIZA_ENGINE", raising=False)
    (tmp_path / place).parent.mkdir(parents=True)
    engine.rename(tmp_path / place)
    monkeypatch.chdir(tmp_path)
    assert not default_engine().is_relative_to(tmp_path)
    monkeypatch.setattr("sdk.engine.folder._PLACES", (tmp_path / "none",))
    with pytest.raises(EngineError, match="found no engine"):
        default_engine()


def test_the_bundled_model_is_a_checkpoint_with_its_engine():
    assert read_manifest(BUNDLED / "engine").proven
    assert (BUNDLED / "config.json").is_file()
