"""How a command ends, seen from outside: exit codes, at most a line on stderr."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START = "import sys\nfrom sdk.exits import exit_code\n"


def start(body: str, **options) -> subprocess.Popen[str]:
    """A process that runs ``body`` as a command."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    script = f"{START}def command():\n{lines}    return 0\nsys.exit(exit_code(command))"
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONUNBUFFERED", "PIZA_DEBUG")}
    environment = {**clean, **options.pop("env", {})}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    return subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=environment, **options)


def ended(body: str, **options) -> tuple[int, str, str]:
    """Its exit code, stdout and stderr."""
    with start(body, **options) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out or "", err or ""


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("from sdk.errors import InputError\nraise InputError('bad')", 2, "error: bad\n"),
        ("from sdk.errors import EngineError\nraise EngineError('old')", 3, "error: old\n"),
        ("open('/none/such')", 2, "No such file or directory: '/none/such'\n"),
        ("raise KeyboardInterrupt", 130, ""),
        ("raise SystemExit(5)", 5, ""),
        ("pass", 0, ""),
    ],
)
def test_codes_and_lines(body: str, code: int, said: str) -> None:
    found, _, err = ended(body)
    assert found == code
    assert err.endswith(said)
    assert err.count("\n") == (1 if said else 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "raise ImportError('\\n\\nPLEASE READ\\nnumpy is broken', name='numpy')",
            "numpy is broken",
        ),
        ("import none_such", "No module named 'none_such'"),
        ("import json\njson.imread", "module 'json' has no attribute 'imread'"),
        ("class PanicException(BaseException): pass\nraise PanicException('rust')", "rust"),
        ("raise ValueError", "unexpected ValueError"),
        ("raise RuntimeError('x' * 9999 + ' y' * 9999)", "unexpected RuntimeError"),
    ],
)
def test_damaged_packages_and_faults_of_ours(body: str, said: str) -> None:
    code, _, err = ended(body)
    assert code == 3
    assert said in err
    assert "piza doctor" in err
    assert err.count("\n") == 1
    assert len(err) < 1000


def test_debugging_shows_a_traceback() -> None:
    code, _, err = ended("raise ValueError('seen')", env={"PIZA_DEBUG": "1"})
    assert code == 1
    assert "Traceback" in err
    assert "ValueError: seen" in err


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("body", ["for _ in range(20000): print('x' * 80)", "print('x' * 80)"])
def test_a_reader_that_leaves(body: str, unbuffered: str) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        found = ended(body, stdout=write, env={"PYTHONUNBUFFERED": unbuffered})
        assert found == (141, "", "")
    finally:
        os.close(write)


def test_another_pipe_that_breaks_is_told() -> None:
    body = "import os\nread, write = os.pipe()\nos.close(read)\nos.write(write, b'x')"
    assert ended(body) == (2, "", "error: [Errno 32] Broken pipe\n")


def test_a_reader_that_leaves_both_streams() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        code, _, _ = ended("print('x' * 80)", stdout=write, stderr=write)
    finally:
        os.close(write)
    assert code == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk() -> None:
    with Path("/dev/full").open("w") as full:
        code, _, err = ended("print('x')", stdout=full)
    assert code == 2
    assert "No space left on device" in err
    assert err.count("\n") == 1


def test_without_streams() -> None:
    script = f"{START}sys.exit(exit_code(lambda: print('x') or 0))"
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" >&- 2>&-', sys.executable, script], cwd=ROOT, check=False
    )
    assert done.returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "latin-1", "cp1252"])
def test_terminals_that_are_not_utf8(encoding: str) -> None:
    body = "print('a\\u2192b'); print('c\\u2192d', file=sys.stderr)"
    code, out, err = ended(body, env={"PYTHONIOENCODING": encoding})
    assert (code, out.strip()) == (0, "a?b")
    assert err.strip() == r"c\u2192d"


def test_file_names_that_are_no_text() -> None:
    """Python holds bytes that are not UTF-8 as surrogates, which nothing can encode."""
    assert ended("print('a\\udcffb')", env={"PYTHONIOENCODING": "utf-8"}) == (0, "a?b\n", "")


def test_control_c() -> None:
    with start("import time\nprint('ready', flush=True)\ntime.sleep(60)") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
