"""Which plans run on which machines."""

from __future__ import annotations

import dataclasses
import json

import pytest

from sdk.engine.folder import MANIFEST_FILE, read_manifest, write_manifest
from sdk.errors import EngineError
from sdk.runtime.cuda import Gpu
from sdk.runtime.target import (
    AMPERE_PLUS,
    LEVELS,
    SAME_CAPABILITY,
    SAME_GPU,
    check_target,
    describe_target,
)

ORIN = Gpu("Orin", "8.7", "12.6", 2**35)
RTX_4090 = Gpu("NVIDIA GeForce RTX 4090", "8.9", "13.0", 2**34)
L40 = Gpu("NVIDIA L40", "8.9", "13.0", 2**35)
T4 = Gpu("Tesla T4", "7.5", "12.6", 2**34)


@pytest.mark.parametrize("level", LEVELS)
def test_home_is_always_right(level):
    check_target(describe_target("10.3.0", ORIN, level), "10.3.0", ORIN, "least.engine")


@pytest.mark.parametrize(
    ("level", "built", "found", "fits"),
    [
        (SAME_GPU, RTX_4090, L40, False),
        (SAME_CAPABILITY, RTX_4090, L40, True),
        (SAME_CAPABILITY, RTX_4090, ORIN, False),
        (AMPERE_PLUS, RTX_4090, L40, True),
        (AMPERE_PLUS, ORIN, RTX_4090, True),
        (AMPERE_PLUS, ORIN, T4, False),
        ("a level of the future", RTX_4090, L40, False),
    ],
)
def test_how_far_plans_go(level, built, found, fits):
    target = describe_target("11.4.0.106", built, level)
    if fits:
        check_target(target, "11.4.0.106", found, "least.engine")
        return
    with pytest.raises(EngineError) as refusal:
        check_target(target, "11.4.0.106", found, "least.engine")
    said = str(refusal.value)
    assert f"built for {built.name}" in said
    assert f"found {found.name}" in said
    assert "--backend tensorrt -o least.engine" in said


def test_versions_have_to_be_equal():
    target = describe_target("10.3.0", ORIN, AMPERE_PLUS)
    for version in ("10.3.1", "10.13.0", "11.4.0.106", ""):
        with pytest.raises(EngineError, match=r"TensorRT 10\.3\.0, found TensorRT"):
            check_target(target, version, ORIN, "e")


def test_drivers_of_the_same_major_version_will_do():
    target = describe_target("11.4.0.106", RTX_4090, SAME_GPU)
    older = Gpu(RTX_4090.name, "8.9", "12.9", 1)
    newer = Gpu(RTX_4090.name, "8.9", "13.4", 1)
    check_target(target, "11.4.0.106", newer, "e")
    with pytest.raises(EngineError, match=r"driver is too old.*CUDA 13\.0.*CUDA 12\.9.*update"):
        check_target(target, "11.4.0.106", older, "e")


@pytest.mark.parametrize("target", [{}, {"tensorrt": "10.3.0"}, {"gpu": "Orin", "cuda": 3}])
def test_a_manifest_that_does_not_say(target):
    with pytest.raises(EngineError, match="does not say which machine it was built for"):
        check_target(target, "10.3.0", ORIN, "e")


@pytest.mark.parametrize("cuda", ["", "new", None, 13, 12.6])
def test_hostile_cuda_versions(cuda):
    target = describe_target("10.3.0", ORIN, SAME_GPU) | {"cuda": cuda}
    if cuda == 13:
        with pytest.raises(EngineError, match="too old"):
            check_target(target, "10.3.0", ORIN, "e")
    else:
        check_target(target, "10.3.0", ORIN, "e")


def test_the_manifest_carries_the_target(engine, make_manifest):
    target = describe_target("10.3.0", ORIN, SAME_GPU)
    write_manifest(engine, make_manifest(target=target))
    assert read_manifest(engine).target == target
    path = engine / MANIFEST_FILE
    said = json.loads(path.read_text())
    del said["target"]  # as engines from before plans have it
    path.write_text(json.dumps(said))
    assert read_manifest(engine).target == {}
    path.write_text(json.dumps({**said, "target": "Orin"}))
    with pytest.raises(EngineError, match="expected 'target' to be an object, got 'Orin'"):
        read_manifest(engine)


@pytest.mark.parametrize("backend", ["tensorrt", "onnxruntime-cuda"])
def test_each_backend_has_its_files(engine, make_manifest, backend):
    suffix = "plan" if backend == "tensorrt" else "onnx"
    manifest = make_manifest(backend=backend)
    networks = {
        name: dataclasses.replace(each, file=f"{name}.{suffix}")
        for name, each in manifest.networks.items()
    }
    manifest = dataclasses.replace(manifest, networks=networks)
    assert manifest.required_files[:3] == tuple(
        f"{n}.{suffix}" for n in ("text", "image", "ground")
    )
    if backend == "tensorrt":
        with pytest.raises(EngineError, match=r"has no text\.plan"):
            write_manifest(engine, manifest)
