"""The wheel as a stranger installs it: a fresh environment, a folder with modules of others."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from filelock import FileLock
from packaging.requirements import Requirement

from benchmarks.demo import draw
from evaluation.questions import Case, make_case
from evaluation.seeds import DEMO
from sdk.geometry import iou

ROOT = Path(__file__).resolve().parents[1]
ENGINE = ROOT / "assets" / "piza-tiny" / "engine"
MOST_MB = 25
FOREIGN_WORDS = "a module of the working folder was imported"
FOREIGN = f"raise SystemExit({FOREIGN_WORDS!r})\n"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and an environment; made once for all test processes."""
    folder = tmp_path_factory.getbasetemp().parent / "installed"
    with FileLock(f"{folder}.lock"):
        if not (folder / "ready").exists():
            build_wheel(folder)
            make_environment(folder)
            (folder / "ready").touch()
    return folder


@pytest.fixture(scope="session")
def wheel(installed: Path) -> Path:
    (found,) = installed.glob("*.whl")
    return found


def build_wheel(folder: Path) -> None:
    """What was compiled in an earlier session is used again."""
    pip = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--wheel-dir", str(folder), "--quiet"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    settings = ["-C", f"build-dir={ROOT / 'build' / 'wheel'}", "-C", "cmake.define.PIZA_CUDA=OFF"]
    subprocess.run([*pip, *offline, *settings], check=True)


def make_environment(folder: Path) -> None:
    """Installs the wheel of a folder beside it, and links what it requires."""
    venv = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    (wheel,) = folder.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python"), "install"]
    subprocess.run([*pip, "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    for name in base_distributions():
        link(metadata.distribution(name), packages)


def base_distributions() -> set[str]:
    """What ``pip install piza-edge`` brings, by name: requirements, and what these require."""
    found: set[str] = set()
    waiting = ["piza-edge"]
    while waiting:
        for text in metadata.requires(waiting.pop()) or []:
            wanted = Requirement(text)
            if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
                continue
            if wanted.name not in found:
                found.add(wanted.name)
                waiting.append(wanted.name)
    return found


def link(distribution: metadata.Distribution, packages: Path) -> None:
    """Puts an installed distribution into another environment, without copying it."""
    tops = {file.parts[0] for file in distribution.files or [] if file.parts[0] not in ("..", ".")}
    for top in tops - {"__pycache__"}:
        if not (packages / top).exists():
            (packages / top).symlink_to(distribution.locate_file(top))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds modules of somebody else, by the names of ours and of what we use."""
    folder = tmp_path / "somebody"
    for name in ("benchmarks", "cpp_ext", "evaluation", "export", "numpy", "sdk", "train"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(FOREIGN)
        (folder / f"{name}.py").write_text(FOREIGN)
    return folder


@pytest.fixture
def run(installed: Path, folder: Path) -> Run:
    """Runs a program of that environment in that folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIZA"))}

    def run(program: str, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(installed / "environment" / "bin" / program), *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**clean, **changes},
            timeout=120,
        )

    return run


def one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The line on stderr that a command ended with."""
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""
    return done.stderr


def test_what_is_in_it(wheel: Path) -> None:
    assert wheel.stat().st_size < MOST_MB * 1e6
    names = zipfile.ZipFile(wheel).namelist()
    engine = {f"sdk/assets/piza-tiny/engine/{path.name}" for path in ENGINE.iterdir()}
    assert engine <= set(names)
    for name in ("sdk/py.typed", "sdk/schemas/grounding-3.json", "export/check/operators.csv"):
        assert name in names
    assert {name.split("/")[0] for name in names} == {
        *("benchmarks", "cpp_ext", "evaluation", "export", "sdk", "train"),
        f"piza_edge-{metadata.version('piza-edge')}.dist-info",
    }
    assert not [name for name in names if name.endswith((".cpp", ".hpp", ".cu"))]


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Case]:
    """A rendered frame that the bundled model knows, as a file, and what is asked of it."""
    path = tmp_path_factory.mktemp("scene") / "frame.png"
    case = make_case(DEMO)
    draw(case, path)
    return path, case


def test_locate_where_others_have_modules(run: Run, scene: tuple[Path, Case]) -> None:
    path, case = scene
    done = run("piza", "locate", str(path), case.ref, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["found"] is True
    assert iou(answer["xyxy"], case.target_xyxy) >= 0.5
    assert "not found" in run("piza", "locate", str(path), "the purple bus").stdout


def test_grounder_in_any_folder(run: Run, scene: tuple[Path, Case]) -> None:
    path, case = scene
    script = (
        "import sys, cv2\nfrom sdk import Grounder\n"
        "g = Grounder().locate(cv2.imread(sys.argv[1]), sys.argv[2])\n"
        "print(g.found, sys.modules['sdk'].__file__)"
    )
    done = run("python", "-P", "-c", script, str(path), case.ref)
    assert done.returncode == 0, done.stderr
    found, where = done.stdout.split()
    assert found == "True"
    assert "site-packages" in where


def test_an_engine_of_the_working_folder_has_no_say(run: Run, folder: Path) -> None:
    for place in ("build/piza-tiny.engine", "assets/piza-tiny/engine"):
        (folder / place).mkdir(parents=True)
        (folder / place / "engine.json").write_text("somebody's")
    said = run("piza", "inspect").stdout
    assert "sdk/assets/piza-tiny/engine (piza-tiny@" in said.replace(os.sep, "/")
    assert "pixels [1, 3, 352, 640]" in said
    assert "piza-edge[export]" in said
    assert "proof     passed" in said


def test_doctor(run: Run) -> None:
    done = run("piza", "doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the bundled engine answers" in done.stdout
    assert re.search(r"^- +torch +not installed", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("module", ["cpp_ext/_core.py", "cpp_ext/__init__.py"])
def test_a_damaged_kernel(run: Run, module: str, tmp_path: Path) -> None:
    """As left by another compiler: found, and not to be loaded."""
    packages = tmp_path / "packages"
    (packages / "cpp_ext").mkdir(parents=True)
    (packages / "cpp_ext" / "__init__.py").touch()
    (packages / module).write_text("raise ImportError('GLIBC_9 not found')")
    done = run("piza", "doctor", PYTHONPATH=str(packages))
    assert done.returncode == 3
    assert done.stderr == ""
    assert "MISSING  cpp_ext" in done.stdout
    assert "pip install --force-reinstall piza-edge" in done.stdout


def test_helps(run: Run) -> None:
    for words in ([], ["train"], ["bench"], ["locate"], ["build-engine"], ["train", "tune"]):
        done = run("piza", *words, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(" ".join(["usage: piza", *words]))


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        ("build-engine", "export"),
        ("onnx -o out", "export"),
        ("verify .", "export"),
        ("check .", "export"),
        ("train init -o out", "train"),
        ("bench calibration --plot plot.svg", "benchmarks"),
        ("serve --port 0", "serve"),
    ],
)
def test_what_needs_an_extra_says_so(run: Run, folder: Path, words: str, extra: str) -> None:
    before = sorted(folder.iterdir())
    line = one_line(run("piza", *words.split()), 3)
    assert f"pip install 'piza-edge[{extra}]'" in line
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("package", "words"),
    [("sdk", "doctor"), ("export", "inspect"), ("train", "--help"), ("benchmarks", "--help")],
)
def test_python_m_where_others_have_other_modules(
    run: Run, folder: Path, package: str, words: str
) -> None:
    """What Python starts is ours then, and so is all that it imports."""
    shutil.rmtree(folder / package)
    (folder / f"{package}.py").unlink()
    done = run("python", "-m", package, words)
    assert (done.returncode, done.stderr) == (0, "")


def test_children_where_others_have_modules(run: Run, folder: Path) -> None:
    done = run("python", "-P", "-m", "benchmarks.demo", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert (folder / "out" / "demo.jpg").is_file()
    done = run("piza", "bench", "latency", "--runs", "2", "--warmup", "1", "--cold-starts", "1")
    assert done.returncode == 0, done.stderr
    assert "2 searches" in done.stdout
