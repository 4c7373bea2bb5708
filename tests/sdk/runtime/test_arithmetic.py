"""Eight-bit products: exact on every processor, and a certificate that says what it had."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from sdk import Grounder
from sdk.engine.folder import BUNDLED, read_manifest, write_manifest
from sdk.engine.manifest import Arithmetic, Manifest
from sdk.errors import EngineError
from sdk.runtime import arithmetic
from sdk.runtime.arithmetic import EightBits, arithmetic_doubt, eight_bits

PRECISE = {"session.x64quantprecision": "1"}
VNNI = EightBits(Arithmetic("x86_64 avx512_vnni", exact=True))
HASWELL = EightBits(Arithmetic("x86_64 avx2", exact=True), PRECISE)
WRONG = EightBits(Arithmetic("x86_64 avx2", exact=False))

Here = Callable[[EightBits], None]
FP32 = BUNDLED / "engine"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    """``here(eight bits)``: what this machine has."""

    def change(machine: EightBits) -> None:
        for module in ("sdk.runtime.arithmetic", "sdk.runtime.onnxruntime"):
            monkeypatch.setattr(f"{module}.eight_bits", lambda: machine)

    return change


def session(entries: dict[str, str]) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    for key, value in entries.items():
        options.add_session_config_entry(key, value)
    return onnxruntime.InferenceSession(arithmetic._product(), options)


def test_the_model_that_is_tried_is_a_product_with_the_largest_weights() -> None:
    graph = onnx.load_from_string(arithmetic._product()).graph
    assert [node.op_type for node in graph.node] == ["MatMulInteger"]
    weights = numpy_helper.to_array(graph.initializer[0])
    assert weights.dtype == np.int8
    np.testing.assert_array_equal(weights, np.full((8, 8), 127))


def test_products_are_exact_on_this_machine() -> None:
    """Whichever it is: with VNNI by itself, without it by what is asked for."""
    found = eight_bits()
    assert found.arithmetic.exact
    assert found.session_entries in ({}, PRECISE)
    a = np.random.default_rng(0).integers(0, 256, (5, 8)).astype(np.uint8)
    for entries in (dict(found.session_entries), PRECISE):  # asked for or not
        np.testing.assert_array_equal(
            session(entries).run(None, {"a": a})[0],
            a.astype(int) @ np.full((8, 8), 127),
        )


def test_what_saturates_is_asked_to_be_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "_exact", lambda entries: entries == PRECISE)
    assert eight_bits.__wrapped__().session_entries == PRECISE
    assert eight_bits.__wrapped__().arithmetic.exact
    monkeypatch.setattr(arithmetic, "_exact", lambda _: False)
    assert eight_bits.__wrapped__().session_entries == {}
    assert not eight_bits.__wrapped__().arithmetic.exact


@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason="qemu-user is not installed")
@pytest.mark.parametrize(
    ("processor", "instructions"), [("Haswell", "avx2"), ("EPYC", "avx2"), ("max", "avx2")]
)
def test_a_processor_without_vnni(processor: str, instructions: str) -> None:
    asked = (
        "from sdk.runtime import arithmetic as a; print(a._exact({}), a.eight_bits().arithmetic,"
        " dict(a.eight_bits().session_entries))"
    )
    said = subprocess.run(
        ["qemu-x86_64", "-cpu", processor, sys.executable, "-c", asked],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == f"False exact products (x86_64 {instructions}) {PRECISE}\n"


def int8(certificate: object, **changes: object) -> Manifest:
    manifest = read_manifest(FP32)
    return dataclasses.replace(manifest, precision="int8", certificate=certificate, **changes)


def noted(machine: EightBits) -> dict[str, object]:
    return {"passed": True, "arithmetic": dataclasses.asdict(machine.arithmetic)}


@pytest.mark.parametrize(
    ("measured", "machine", "doubted"),
    [
        (noted(VNNI), HASWELL, False),  # exact is exact
        (noted(HASWELL), VNNI, False),
        (noted(VNNI), WRONG, True),
        (noted(WRONG), VNNI, True),
        (noted(WRONG), WRONG, False),  # the same
        ({"passed": True}, VNNI, False),  # of before arithmetics were noted
        ({"passed": True}, HASWELL, True),
        ({"passed": True}, WRONG, True),
        (None, WRONG, False),  # there are no figures
    ],
)
def test_a_certificate_of_another_arithmetic_is_doubted(
    here: Here, measured: object, machine: EightBits, doubted: bool
) -> None:
    here(machine)
    said = arithmetic_doubt(int8(measured))
    assert (said is not None) is doubted
    if said is not None:
        assert str(machine.arithmetic) in said
        names = measured.get("arithmetic") if isinstance(measured, dict) else None
        assert (names["instructions"] if names else "does not name") in said


def test_other_engines_are_not_doubted(here: Here) -> None:
    here(WRONG)
    assert arithmetic_doubt(read_manifest(FP32)) is None
    assert arithmetic_doubt(int8({"passed": True}, backend="tensorrt")) is None


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """The bundled engine, which says of itself that it has eight bits."""
    folder = Path(shutil.copytree(FP32, tmp_path / "int8.engine"))
    write_manifest(folder, int8({"passed": True}))
    return folder


def test_grounder_says_it(engine: Path, here: Here) -> None:
    here(HASWELL)
    with (
        pytest.warns(UserWarning, match=r"may not hold here.*x86_64 avx2.*piza verify") as said,
        Grounder(engine, threads=1),
    ):
        pass
    assert [each.filename for each in said] == [__file__]  # the line that opened it
    write_manifest(engine, int8(noted(VNNI)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Grounder(engine, threads=1).close()


@pytest.mark.parametrize(("folder", "expected"), [("int8", PRECISE), ("fp32", {})])
def test_sessions_in_eight_bits_ask_for_exact_products(
    engine: Path, here: Here, monkeypatch: pytest.MonkeyPatch, folder: str, expected: dict
) -> None:
    asked = []

    class Options(onnxruntime.SessionOptions):
        def add_session_config_entry(self, key: str, value: str) -> None:
            asked.append((key, value))
            super().add_session_config_entry(key, value)

    monkeypatch.setattr(onnxruntime, "SessionOptions", Options)
    here(HASWELL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Grounder(engine if folder == "int8" else FP32, threads=1).close()
    assert [(k, v) for k, v in asked if k in PRECISE] == list(expected.items()) * 3


@pytest.mark.parametrize(
    "strange", [1, "avx2", {"instructions": "avx2"}, {"instructions": 1, "exact": True}]
)
def test_strange_notes_are_refused(engine: Path, strange: object) -> None:
    with pytest.raises(EngineError, match=r"certificate\.arithmetic"):
        write_manifest(engine, int8({"passed": True, "arithmetic": strange}))
