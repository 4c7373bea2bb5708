"""Every TensorRT name that we use exists in the real bindings, and takes what we give it.

TensorRT for RTX imports as it is, and so do the bindings of TensorRT's runtime (tensorrt_lean).
Those of its builder want three libraries of gigabytes, but only nine functions of them, and none
before it is called: stand-ins that abort are compiled for those, in a process of its own. No GPU is
needed. The names that our sources use are collected from the sources.

The bindings that are tested against by default are those of 11.4. For others, unpack them (pip
install --no-deps --target FOLDER tensorrt-cu12-bindings==10.3.0) and set PIZA_TENSORRT_BINDINGS to
the folders, separated as in $PATH.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
RUNTIME, RTX_RUNTIME = ROOT / "sdk/runtime/tensorrt.py", ROOT / "sdk/runtime/tensorrt_rtx.py"
BUILDER, PROGRESS = ROOT / "export/tensorrt/one_plan.py", ROOT / "export/tensorrt/progress.py"
RTX_ONLY = "_for_targets"  # the function of the builder that only TensorRT for RTX is asked for
WHEELS = "not installed: pip install -e '.[dev]' on Linux, x86-64"

# What a variable of the modules is. Every attribute of one has to exist.
CLASSES = {
    "builder": "Builder",
    "network": "INetworkDefinition",
    "parser": "OnnxParser",
    "config": "IBuilderConfig",
    "cache": "ITimingCache",
    "error": "ParserError",
    "runtime": "Runtime",
    "engine": "ICudaEngine",
    "context": "IExecutionContext",
    "inspector": "EngineInspector",
}
RTX_CLASSES = {**CLASSES, "config": "IRuntimeConfig", "cache": "IRuntimeCache"}
# What is none of TensorRT's; a variable that is in neither list fails the tests.
OTHERS = {
    *("contextlib", "importlib", "json", "np", "os", "re", "sys", "threading", "Path"),
    *("logger", "device", "manifest", "layers", "path", "folder", "source", "partial", "scratch"),
    *(
        "stream",
        "lines",
        "line",
        "bar",
        "progress",
        "shown",
        "pool",
        "pointers",
        "severity",
        "text",
    ),
}
NOT_IN_LEAN = {"init_libnvinfer_plugins"}  # the lean runtime has no plugin library

DUMP = """
import ctypes, importlib, json, sys
for library in sys.argv[2:]:
    ctypes.CDLL(library, ctypes.RTLD_GLOBAL)
module = importlib.import_module(sys.argv[1])
found = {"": {name: getattr(module, name).__doc__ or "" for name in dir(module)}}
def add(prefix, owner):
    for name, value in vars(owner).items():
        if isinstance(value, type) and not name.startswith("_"):
            path = f"{prefix}{name}"
            found[path] = {key: getattr(getattr(value, key), "__doc__", "") or ""
                           for key in dir(value)}
            add(path + ".", value) if prefix.count(".") < 1 and value is not owner else None
add("", module)
print(json.dumps(found))
"""
STAND_INS = {
    "libnvinfer.so": "createInferBuilder_INTERNAL createInferRefitter_INTERNAL"
    " createInferRuntime_INTERNAL getBuilderPluginRegistry getPluginRegistry",
    "libnvinfer_plugin.so": "initLibNvInferPlugins",
    "libnvonnxparser.so": "createNvOnnxParser_INTERNAL createNvOnnxParserRefitter_INTERNAL"
    " getNvOnnxParserVersion",
}

Names = dict[str, dict[str, str]]  # class ("" for the module) -> attribute -> docstring


def dump(module: str, libraries: tuple[Path, ...] = (), folder: Path | None = None) -> Names:
    """Names and docstrings of a module, imported in a process of its own."""
    path = {} if folder is None else {"PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", DUMP, module, *map(str, libraries)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | path,
    )
    assert done.returncode == 0, done.stderr
    names: Names = json.loads(done.stdout)
    return names


@pytest.fixture(scope="module")
def lean() -> Names:
    """The names of the runtime's bindings."""
    if importlib.util.find_spec("tensorrt_lean_bindings") is None:
        pytest.skip(f"tensorrt-lean-cu13-bindings is {WHEELS}")
    return dump("tensorrt_lean_bindings")


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Libraries that hold the place of TensorRT 10's and 11's."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("c++")
    if compiler is None:
        pytest.skip("no C compiler for the libraries that hold the place of TensorRT's")
    folder, made = tmp_path_factory.mktemp("libraries"), []
    for library, functions in STAND_INS.items():
        source = folder / f"{library}.c"
        lines = [f"void {name}(void) {{ abort(); }}" for name in functions.split()]
        source.write_text("\n".join(["#include <stdlib.h>", *lines, ""]))
        for major in (10, 11):
            name = f"{library}.{major}"
            made.append(folder / name)
            command = [compiler, "-x", "c", "-shared", "-fPIC", f"-Wl,-soname,{name}"]
            subprocess.run([*command, "-o", made[-1], source], check=True)
    return tuple(made)


@pytest.fixture(scope="module")
def full(libraries: tuple[Path, ...]) -> Names:
    """The names of the builder's bindings."""
    if importlib.util.find_spec("tensorrt_bindings") is None:
        pytest.skip(f"tensorrt-cu13-bindings is {WHEELS}")
    return dump("tensorrt_bindings", libraries)


@dataclass(frozen=True)
class Use:
    """One use of a name: ``owner`` is a class, ``""`` for the module, ``?`` when unknown."""

    owner: str
    name: str
    line: int
    arguments: int | None = None  # given by position; None when it is not called
    keywords: tuple[str, ...] = ()


def uses(text: str, classes: dict[str, str] = CLASSES) -> Iterator[Use]:
    """Every use of a name of TensorRT's in a source."""
    tree = ast.parse(text)
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    inner = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or id(node) in inner:
            continue
        chain = _chain(node)
        if chain is None:
            continue  # an attribute of a result: a Path's, a string's
        base, *names = chain
        if base == "self":
            if names[0] != "_trt":
                if names[0].strip("_") in classes and len(names) > 1:
                    yield Use("?", ".".join(chain), node.lineno)  # give it to a variable first
                continue
            base, names = "trt", names[1:]
            if not names:
                continue
        call = calls.get(id(node))
        arguments = None if call is None else len(call.args)
        keywords = () if call is None else tuple(k.arg or "**" for k in call.keywords)
        if base == "trt":
            yield Use(".".join(names[:-1]), names[-1], node.lineno, arguments, keywords)
        elif base in classes:
            yield Use(classes[base], names[0], node.lineno, arguments, keywords)
        elif base not in OTHERS:
            yield Use("?", ".".join(chain), node.lineno)


def _chain(node: ast.expr) -> list[str] | None:
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) and (before := _chain(node.value)):
        return [*before, node.attr]
    return None


def without(text: str, function: str) -> str:
    """A source without one of its functions."""
    tree = ast.parse(text)
    (found,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function)
    tree.body.remove(found)
    return ast.unparse(tree)


def problems(
    text: str,
    real: Names,
    absent: frozenset[str] = frozenset(),
    classes: dict[str, str] = CLASSES,
) -> list[str]:
    """What a source expects of the bindings and does not find there."""
    found = []
    for use in uses(text, classes):
        where = f"line {use.line}: {use.owner}.{use.name}"
        if use.owner == "" and use.name in absent:
            continue
        if use.owner not in real or use.name not in real[use.owner]:
            found.append(f"{where} does not exist")
        elif use.arguments is not None:
            doc = real[use.owner][use.name]
            if use.owner == "" and use.name in real:
                doc = real[use.name]["__init__"]
            if wrong := _misfit(use, doc):
                found.append(f"{where}: {wrong}")
    return found + list(_overrides(text, real))


def _misfit(use: Use, doc: str) -> str | None:
    """Why none of the signatures in a pybind11 docstring takes a call."""
    name = use.name if use.owner or use.name[0].islower() else "__init__"
    signatures = re.findall(rf"\b{name}\((.*?)\) ->", doc)
    if not signatures:
        return None  # a function written in Python
    for signature in signatures:
        parts = [p for p in _split(signature) if not p.startswith("self")]
        names = [part.split(":")[0].strip() for part in parts]
        needed = sum("=" not in part for part in parts)
        given = (use.arguments or 0) + len(use.keywords) - (use.name == "__init__")  # its self
        if set(use.keywords) <= set(names) and needed <= given <= len(parts):
            return None
    return f"takes {' or '.join(signatures)}"


def _split(signature: str) -> list[str]:
    """The arguments of a signature; commas in brackets separate nothing."""
    parts, depth = [""], 0
    for letter in signature:
        depth += (letter in "[(<") - (letter in "])>")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _overrides(text: str, real: Names) -> Iterator[str]:
    """Classes derived from TensorRT's define each of its methods, with its arguments."""
    for node in ast.walk(ast.parse(text)):
        bases = [_chain(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
        for base in bases:
            if not base or base[0] != "trt":
                continue
            ours = {f.name: f for f in node.body if isinstance(f, ast.FunctionDef)}
            for name, doc in real[base[-1]].items():
                signature = re.match(rf"{name}\((.*?)\) ->", doc)
                if name.startswith("_") or signature is None:
                    continue
                expected = [part.split(":")[0].strip() for part in _split(signature[1])]
                found = [a.arg for a in ours[name].args.args] if name in ours else None
                if found != expected:
                    yield f"{base[-1]}.{name}: expected {expected}, ours has {found}"


def test_the_runtime_exists_in_the_real_bindings(lean: Names) -> None:
    assert problems(RUNTIME.read_text(), lean, frozenset(NOT_IN_LEAN)) == []


def test_everything_exists_in_the_full_bindings(full: Names) -> None:
    for text in (RUNTIME.read_text(), without(BUILDER.read_text(), RTX_ONLY), PROGRESS.read_text()):
        assert problems(text, full) == []


def test_everything_exists_in_tensorrt_for_rtx() -> None:
    if importlib.util.find_spec("tensorrt_rtx") is None:
        pytest.skip(f"tensorrt-rtx is {WHEELS}")
    real = dump("tensorrt_rtx")
    for source in (RUNTIME, BUILDER, PROGRESS):
        assert problems(source.read_text(), real) == []
    text = RTX_RUNTIME.read_text()
    assert problems(text, real, classes=RTX_CLASSES) == []
    for right in ("set_runtime_cache(cache)", "get_engine_validity(header)", "USER_MANAGED"):
        assert problems(text.replace(right, "x" + right), real, classes=RTX_CLASSES)


def test_other_versions(libraries: tuple[Path, ...]) -> None:
    """What a version lacks is refused with words: see ``export.tensorrt.one_plan._level``."""
    named = os.environ.get("PIZA_TENSORRT_BINDINGS")
    if not named:
        pytest.skip("PIZA_TENSORRT_BINDINGS names no folders with bindings of other versions")
    for folder in map(Path, named.split(os.pathsep)):
        real = dump("tensorrt_bindings", libraries, folder)
        assert problems(RUNTIME.read_text(), real) == []
        lacking = problems(without(BUILDER.read_text(), RTX_ONLY), real)
        assert all("SAME_COMPUTE_CAPABILITY does not exist" in each for each in lacking), folder


def test_the_sources_use_what_the_flow_needs() -> None:
    """So that a collector that finds nothing cannot pass for a source without faults."""
    texts = [path.read_text() for path in (RUNTIME, BUILDER, PROGRESS)]
    names = {(use.owner, use.name) for text in texts for use in uses(text)}
    assert names >= {
        ("", "Builder"),
        ("Builder", "build_serialized_network"),
        ("NetworkDefinitionCreationFlag", "STRONGLY_TYPED"),
        ("OnnxParser", "parse"),
        ("ParserError", "node_name"),
        ("IBuilderConfig", "set_memory_pool_limit"),
        ("IBuilderConfig", "progress_monitor"),
        ("ITimingCache", "serialize"),
        ("EngineInspector", "get_engine_information"),
        ("Runtime", "deserialize_cuda_engine"),
        ("IExecutionContext", "execute_async_v3"),
        ("IExecutionContext", "set_tensor_address"),
        ("ILogger.Severity", "ERROR"),
    }
    assert len(names) > 40


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        (BUILDER, "BuilderFlag.TF32", "BuilderFlag.FP16"),
        (BUILDER, "STRONGLY_TYPED", "EXPLICIT_BATCH"),
        (BUILDER, "config.set_memory_pool_limit(", "config.set_max_workspace_size("),
        (BUILDER, "config.progress_monitor =", "config.progres_monitor ="),
        (BUILDER, "builder.build_serialized_network(network, config)", "builder.build_engine(1)"),
        (BUILDER, "error.node_name()", "error.node_label()"),
        (BUILDER, "set_timing_cache(cache, False)", "set_timing_cache(cache)"),
        (BUILDER, "create_network(1", "create_network(flag=1"),
        (PROGRESS, "def step_complete(self, phase_name: str, step", "def step_complete(self, step"),
        (PROGRESS, "def phase_finish", "def phase_end"),
        (RUNTIME, "execute_async_v3(stream)", "execute_async_v2(stream)"),
        (RUNTIME, "execute_async_v3(stream)", "execute_async_v3(stream, 0)"),
        (RUNTIME, "execute_async_v3(stream)", "execute_async_v3(stream=stream)"),
        (RUNTIME, "TensorIOMode.INPUT", "TensorIOMode.IN"),
        (RUNTIME, "device_memory_size_v2", "device_memory_size"),
        (RUNTIME, "trt.Runtime(logger)", "trt.Runtime(logger, 3)"),
        (RUNTIME, "Severity.INTERNAL_ERROR", "Severity.FATAL"),
        (RUNTIME, "context = self._context\n", "context = self._context.name\n"),
        (RUNTIME, "engine.num_io_tensors", "motor.num_io_tensors"),
    ],
)
def test_the_check_can_fail(full: Names, source: Path, right: str, wrong: str) -> None:
    text = source.read_text()
    assert right in text
    changed = text.replace(right, wrong)
    assert problems(without(changed, RTX_ONLY) if source == BUILDER else changed, full)


def test_a_removed_flag_is_gone_from_the_real_bindings(full: Names) -> None:
    assert "TF32" in full["BuilderFlag"]
    assert not {"FP16", "BF16", "INT8", "FP8"} & set(full["BuilderFlag"])
