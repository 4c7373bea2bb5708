"""The rules of the house: who may import whom, what an import costs, how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("benchmarks", "cpp_ext", "export", "sdk", "train")
TRAINING_STACK = ("torch", "transformers")

# A folder and the packages of ours that it may import, besides itself.
MAY_IMPORT = {
    "cpp_ext": set(),
    "sdk": {"cpp_ext"},
    "train": {"sdk"},
    "export": {"sdk", "train"},
    "benchmarks": {"cpp_ext", "export", "sdk", "train"},
}
WITHOUT_TRAINING_STACK = ("cpp_ext", "sdk", "train/data/scenes")
LONGEST_FILE = 350


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported_modules(path: Path) -> Iterator[str]:
    """Absolute names of everything that a file imports, anywhere in it."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield ".".join([*base, *([node.module] if node.module else [])])


@pytest.mark.parametrize("package", PACKAGES)
def test_arrows_run_one_way(package: str) -> None:
    forbidden = set(PACKAGES) - MAY_IMPORT[package] - {package}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(package)
        for name in imported_modules(path)
        if name.split(".")[0] in forbidden | {"tests"}
    ]
    assert sources(package)
    assert not wrong


@pytest.mark.parametrize("folder", WITHOUT_TRAINING_STACK)
def test_no_training_stack(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(folder)
        for name in imported_modules(path)
        if name.split(".")[0] in TRAINING_STACK
    ]
    assert sources(folder)
    assert not wrong


def test_scenes_stand_alone() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources("train/data/scenes")
        for name in imported_modules(path)
        if name.split(".")[0] in PACKAGES and not name.startswith("train.data.scenes")
    ]
    assert not wrong


def fresh_import(statement: str) -> tuple[float, set[str]]:
    """Seconds that a statement takes in a fresh interpreter, and the packages it leaves loaded."""
    code = (
        "import sys, time\n"
        "start = time.perf_counter()\n"
        f"{statement}\n"
        "print(time.perf_counter() - start)\n"
        "print(*{name.split('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, names = done.stdout.splitlines()
    return float(seconds), set(names.split())


def test_import_sdk_is_quick_and_light() -> None:
    best = float("inf")
    for _ in range(8):  # other work on the machine slows some of them down
        seconds, loaded = fresh_import("import sdk")
        assert not loaded & set(TRAINING_STACK)
        best = min(best, seconds)
        if best < 0.2:
            break
    assert best < 0.2


@pytest.mark.parametrize(
    "statement",
    [
        "import cpp_ext",
        "import train.data.scenes",
        "from sdk import Grounder",
        "import sdk.__main__, sdk.commands.locate, sdk.runtime.onnxruntime, sdk.explain",
        "import sdk.commands.video, sdk.commands.replay, sdk.commands.budget, sdk.video.stream",
        "import export.commands.check, export.check.checking",
        "import benchmarks.commands.accuracy, benchmarks.evaluation, benchmarks.demo",
        # What the vehicle computer needs to build its own engines.
        "import export.on_target, export.prove, export.commands.build_engine",
    ],
)
def test_imports_without_the_training_stack(statement: str) -> None:
    _, loaded = fresh_import(statement)
    assert not loaded & set(TRAINING_STACK)


@pytest.mark.parametrize("folder", [*PACKAGES, "tests"])
def test_files_are_short(folder: str) -> None:
    found = [
        path for kind in ("py", "pyi", "hpp", "cpp") for path in (ROOT / folder).rglob(f"*.{kind}")
    ]
    long = {
        str(path.relative_to(ROOT)): lines
        for path in found
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert not long
