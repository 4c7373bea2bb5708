"""The command ``piza``: what it reaches, what it imports, what it says of missing packages."""

from __future__ import annotations

import ast
import importlib
import json
import keyword
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from sdk.cli import piza
from sdk.extras import EXTRAS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("sdk", "export", "train", "benchmarks")
GROUPS = {"train": ["train"], "benchmarks": ["bench"]}
NAMES = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "mcap_protobuf": "mcap-protobuf-support",
    "mcap_ros2": "mcap-ros2-support",
    "rerun": "rerun-sdk",
    "skimage": "scikit-image",
}


def table(package: str) -> dict[str, str]:
    return importlib.import_module(f"{package}.commands").COMMANDS


@pytest.mark.parametrize("package", PACKAGES)
def test_the_tables_and_the_modules_agree(package: str) -> None:
    modules = {path.stem for path in (ROOT / package / "commands").glob("*.py")} - {"__init__"}
    assert modules == {
        name.replace("-", "_") + "_" * keyword.iskeyword(name) for name in table(package)
    }
    assert all(re.fullmatch(r"\w.{9,88}", text) for text in table(package).values())


@pytest.mark.parametrize("package", PACKAGES)
def test_piza_and_python_m_reach_every_command(package: str, capsys) -> None:
    package_main = importlib.import_module(f"{package}.__main__").main
    for name, text in table(package).items():
        said = []
        for run, words in ((piza, [*GROUPS.get(package, []), name]), (package_main, [name])):
            with pytest.raises(SystemExit) as ended:
                run([*words, "--help"])
            assert ended.value.code == 0
            said.append(capsys.readouterr().out.partition("]")[2])
            assert text in " ".join(said[-1].split())
        assert said[0].split() == said[1].split()


def test_names_are_of_one_command_each() -> None:
    names = [*table("sdk"), *table("export"), "train", "bench"]
    assert len(set(names)) == len(names)


def loaded_after(*arguments: str) -> tuple[int, str, set[str]]:
    """Exit code, stdout and loaded packages of a fresh ``piza``."""
    script = (
        "import json, sys\n"
        "from sdk.cli import piza\n"
        "try: code = piza(sys.argv[1:])\n"
        "except SystemExit as ended: code = ended.code\n"
        "print(json.dumps([code, list(sys.modules)]), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    return code, done.stdout, set(modules)


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["bench", "--help"], []])
def test_lists_import_no_command(arguments: list[str]) -> None:
    code, said, modules = loaded_after(*arguments)
    assert code == (0 if arguments else 2)
    assert not modules & {"numpy", "cv2", "onnx", "torch", "onnxruntime"}
    assert not [name for name in modules if re.match(r"\w+\.commands\.", name)]
    packages = {"train": ["train"], "bench": ["benchmarks"]}.get(
        "".join(arguments[:1]), ["sdk", "export"]
    )
    for package in packages if arguments else []:
        for name in table(package):
            assert f" {name}" in said


def test_a_command_imports_no_other() -> None:
    code, _, modules = loaded_after("build-engine", "--help")
    assert code == 0
    assert not modules & {"torch", "onnxruntime", "export.build"}
    assert [name for name in modules if re.match(r"\w+\.commands\.", name)] == [
        "export.commands.build_engine"
    ]


@pytest.mark.parametrize(
    ("arguments", "module", "extra"),
    [
        (["onnx", "-o", "OUT"], "torch", "export"),
        (["build-engine", "-o", "OUT"], "torch", "export"),
        (["check", "ENGINE"], "onnx", "export"),
        (["train", "init", "-o", "OUT"], "torch", "train"),
        (["train", "calibrate", "CHECKPOINT"], "torch", "train"),
        (["bench", "calibration", "--plot", "x.svg"], "matplotlib", "benchmarks"),
        (["video", "x.mcap", "a van"], "mcap_ros2", "mcap"),
    ],
)
def test_a_missing_package_is_one_line(arguments, module, extra, tmp_path) -> None:
    script = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name.split('.')[0] == {module!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from sdk.cli import piza\n"
        "sys.exit(piza(sys.argv[1:]))"
    )
    (tmp_path / "x.mcap").write_bytes(b"\x89MCAP0\r\n")
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert f"needs the [{extra}] extra" in done.stderr
    assert f"pip install 'piza-edge[{extra}]'" in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "x.mcap"]


def promised() -> dict[str, set[str]]:
    """The distributions of each extra, and those of the base installation under ""."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return {
        extra: {re.match(r"[\w-]+", line)[0] for line in lines} for extra, lines in groups.items()
    }


def test_extras_bring_what_is_said_of_them() -> None:
    for module, extras in EXTRAS.items():
        for extra in extras:
            brought = promised()[extra]
            others = {wanted for name in brought for wanted in required(name)}
            assert NAMES.get(module, module.replace("_", "-")) in brought | others, module


def test_the_oldest_opencv_is_of_the_time_of_the_oldest_numpy() -> None:
    """OpenCV 4 of a distribution is compiled for numpy 1, OpenCV 5 takes no numpy before 2."""
    lines = (ROOT / "pyproject.toml").read_text()
    numpy, opencv = (
        re.search(rf'^    "{name}>=(\d+)\.', lines, re.MULTILINE)[1]
        for name in ("numpy", "opencv-python-headless")
    )
    assert (numpy, opencv) == ("1", "4")


def required(distribution: str) -> set[str]:
    try:
        wanted = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return set()
    return {re.match(r"[\w-]+", line)[0].replace("_", "-") for line in wanted}


TRITONS = {"triton_python_backend_utils"}  # of the server, in whose process that file runs


def test_every_package_is_of_the_base_or_of_an_extra() -> None:
    base = {"numpy", "cv2", "tokenizers", "onnxruntime", "tqdm"}
    assert {NAMES.get(name, name) for name in base} == promised()[""]
    ours = {*PACKAGES, "cpp_ext", "evaluation"}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = []
                if isinstance(node, ast.Import):
                    names = [each.name for each in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                for name in {each.split(".")[0] for each in names} - set(sys.stdlib_module_names):
                    assert name in base | ours | set(EXTRAS) | TRITONS, (path, name)
