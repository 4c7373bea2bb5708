"""The Dockerfiles: linted where hadolint is installed, and held to what can be told without an
engine that builds them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "docker").glob("Dockerfile.*"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HADOLINT = Path(sys.prefix, "bin", "hadolint")
PORT = "8000"

each = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


def instructions(file: Path) -> list[tuple[str, str]]:
    """Each instruction and what follows it, comments and breaks of lines taken out."""
    text = re.sub(r"^\s*#.*\n", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip()]


def last_stage(file: Path) -> list[tuple[str, str]]:
    found = instructions(file)
    begin = max(k for k, (name, _) in enumerate(found) if name == "FROM")
    return found[begin:]


def only(found: list[tuple[str, str]], name: str) -> str:
    (value,) = (rest for each, rest in found if each == name)
    return value


def test_there_are_three() -> None:
    assert [file.suffix for file in FILES] == [".cpu", ".jetson", ".x86-gpu"]


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint is not installed")
@each
def test_hadolint_finds_nothing(file: Path) -> None:
    config = ROOT / "docker" / "hadolint.yaml"
    done = subprocess.run([HADOLINT, "-c", config, file], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@each
def test_bases_have_a_version(file: Path) -> None:
    stages = {rest.split(" AS ")[-1] for name, rest in instructions(file) if name == "FROM"}
    for name, rest in instructions(file):
        if name == "FROM" and (base := rest.split()[0]) not in stages - {rest}:
            assert re.search(r":[\w.-]*\w+[\w.-]*$", base), base
            assert not base.endswith(":latest")


@each
def test_it_serves_as_somebody_without_rights(file: Path) -> None:
    stage = last_stage(file)
    uid = only(stage, "USER")
    assert int(uid) > 0
    made = next(rest for name, rest in stage if name == "RUN" and "useradd" in rest)
    assert f"--uid {uid} " in made
    assert max(k for k, (name, _) in enumerate(stage) if name == "RUN") < stage.index(("USER", uid))
    assert only(stage, "EXPOSE") == PORT


@each
def test_what_it_runs_is_a_command_of_ours(file: Path) -> None:
    stage = last_stage(file)
    typed = json.loads(only(stage, "ENTRYPOINT")) + json.loads(only(stage, "CMD"))
    assert typed[:2] == ["piza", "serve"]
    assert typed[typed.index("--port") + 1] == PORT
    assert typed[typed.index("--host") + 1] == "0.0.0.0"
    flags = (ROOT / "tests" / "flags.txt").read_text(encoding="utf-8").splitlines()
    for flag in (word for word in typed if word.startswith("--")):
        assert f"piza serve {flag}" in flags


@each
def test_what_is_built_with_it_is_a_command_of_ours(file: Path) -> None:
    flags = (ROOT / "tests" / "flags.txt").read_text(encoding="utf-8")
    for name, rest in instructions(file):
        for typed in re.findall(r"/piza (build-engine .*)", rest) if name == "RUN" else ():
            for word in shlex.split(typed):
                assert not word.startswith("-") or f"build-engine {word}" in flags.replace(
                    "-o --out", "-o"
                ), word


@each
@pytest.mark.parametrize("status", [200, 503])
def test_the_health_check_asks_healthz(file: Path, status: int) -> None:
    """The command itself, against a server that is well or is not, at another port."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    value = only(last_stage(file), "HEALTHCHECK")
    python, option, code = json.loads(value[value.index("CMD") + 3 :])
    assert (python, option) == ("python3", "-c")
    assert f":{PORT}/" in code
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        code = code.replace(f":{PORT}/", f":{server.server_port}/")
        done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True)
    assert asked == ["/healthz"]
    assert done.returncode == (0 if status == 200 else 1)


def test_the_context_is_what_the_wheel_is_made_from() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    packages = PROJECT["tool"]["scikit-build"]["wheel"]["packages"]
    files = {"CMakeLists.txt", "LICENSE", "README.md", "pyproject.toml", "assets"}
    files.add("docker/requirements.py")
    assert {line[1:] for line in lines if line.startswith("!")} == files | set(packages)
    assert "*" in lines
    assert lines.index("*") < min(k for k, line in enumerate(lines) if line.startswith("!"))


@each
def test_extras_exist(file: Path) -> None:
    for name, rest in instructions(file):
        for extras in re.findall(r"/src\[([\w,-]+)\]", rest) if name == "RUN" else ():
            assert set(extras.split(",")) <= set(PROJECT["project"]["optional-dependencies"])


def test_a_jetson_gets_all_but_what_it_has() -> None:
    (line,) = (
        rest
        for _, rest in instructions(ROOT / "docker" / "Dockerfile.jetson")
        if "--but-for" in rest
    )
    typed = shlex.split(re.search(r"/src/docker/(requirements\.py .*?) >", line)[1])
    done = subprocess.run(
        [sys.executable, *(word.replace("/src/", f"{ROOT}/") for word in typed)],
        cwd=ROOT / "docker",
        capture_output=True,
        text=True,
        check=True,
    )
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = {*PROJECT["project"]["dependencies"], *extras["serve"], *extras["tensorrt"]}
    given = set(done.stdout.splitlines())
    left_out = {each for each in wanted | set(extras["detectors"]) if each not in given}
    assert given < wanted | set(extras["detectors"])
    assert {re.match(r"[\w-]+", each)[0] for each in left_out} == {
        "opencv-python-headless",
        "tensorrt",
    }
