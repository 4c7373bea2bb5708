"""``python -m benchmarks all``: what is run, with which arguments, what becomes of failures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.report import parts
from benchmarks.report.folder import read_record
from benchmarks.report.parts import benchmarks, in_own_process, run_part

USUAL = [name for name, each in benchmarks().items() if not each.PART.asked_for]


class Fake:
    """Runs nothing: writes made-up figures, fails where it is told to."""

    def __init__(self, made: dict[str, Any], failing: Sequence[str] = ()) -> None:
        self.made, self.failing = made, failing
        self.ran: list[list[str]] = []

    def __call__(self, arguments: Sequence[str]) -> int:
        assert list(arguments[:2]) == ["-m", "benchmarks"]
        assert arguments[-2] == "--json"
        self.ran.append(list(arguments[2:-2]))
        name = arguments[2]
        if name in self.failing:
            return 3
        Path(arguments[-1]).write_text(json.dumps(self.made[name]))
        return 0

    @property
    def names(self) -> list[str]:
        return [arguments[0] for arguments in self.ran]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, made: dict[str, Any], undrawn: None) -> Fake:
    runner = Fake(made)
    monkeypatch.setattr(parts, "in_own_process", runner)
    return runner


def test_everything(fake: Fake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "report"
    options = [
        "--with",
        "latency",
        "--deadline-ms 50",
        "--with",
        "engines",
        "'a b.engine' c.engine",
        *("--with", "methods", "--out elsewhere"),
        *("--with", "proposals", "d.engine"),
        *("--with", "zoo", ""),
        *("--with", "fewshot", ""),
        *("--with", "plans", ""),
    ]
    assert main(["all", "--out", str(out), *options]) == 0
    assert fake.names == list(benchmarks())
    assert ["engines", "a b.engine", "c.engine"] in fake.ran
    assert fake.ran[0] == [
        *("latency", "--runs", "10000", "--warmup", "20"),
        *("--deadline-ms", "50"),
    ]
    assert (out / "benchmarks.md").is_file()
    assert (out / "benchmarks" / "scaling.svg").is_file()
    record = read_record(out)
    assert not record.quick
    assert record.wheel_mb is None
    latency = "python -m benchmarks latency --runs 10000 --warmup 20 --deadline-ms 50"
    assert record.command("latency") == latency
    assert "UTC" in record.date
    assert "== video ==" in capsys.readouterr().out


def test_a_smoke_run_of_another_engine(fake: Fake, tmp_path: Path) -> None:
    options = ["--quick", "--engine", "my.engine", "--threads", "2", "--allow-unproven"]
    assert main(["all", "--out", str(tmp_path), *options]) == 0
    engine = ["--engine", "my.engine", "--threads", "2", "--allow-unproven"]
    by_name = {arguments[0]: arguments[1:] for arguments in fake.ran}
    assert "engines" not in by_name  # nobody said which
    for name in USUAL:
        part = benchmarks()[name].PART
        assert by_name[name] == [*part.quick, *(engine if part.engine else [])]
    assert "smoke run" in (tmp_path / "benchmarks.md").read_text()


def test_some_again(fake: Fake, tmp_path: Path) -> None:
    assert main(["all", "--out", str(tmp_path), "--quick"]) == 0
    assert main(["all", "--out", str(tmp_path), "--only", "refs", "latency"]) == 0
    assert fake.names[-2:] == ["latency", "refs"]
    record = read_record(tmp_path)
    assert record.command("refs") == "python -m benchmarks refs"
    assert record.command("scaling").endswith("--rounds 1")
    assert len(record.ran) == len(USUAL)
    assert record.quick  # what is left of the smoke run is still in the report


def test_one_that_fails(fake: Fake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "refs.json").write_text("figures of another day")
    fake.failing = ["refs"]
    assert main(["all", "--out", str(tmp_path)]) == 3
    assert fake.names == USUAL
    assert not (tmp_path / "refs.json").exists()
    assert "failed: refs" in capsys.readouterr().out
    assert "refs failed with 3" in (tmp_path / "benchmarks.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nothing", "--runs 2"], "got 'nothing'"),
        (["latency", "--json 'a"], "No closing quotation"),
    ],
)
def test_more_options_for_nobody(
    fake: Fake,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    assert main(["all", "--out", str(tmp_path), "--with", *options]) == 2
    assert message in capsys.readouterr().err
    assert not fake.ran


def test_all_that_fail(fake: Fake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake.failing = USUAL
    assert main(["all", "--out", str(tmp_path)]) == 2
    assert "expected figures" in capsys.readouterr().err


@pytest.mark.parametrize("name", benchmarks())
def test_arguments_are_those_of_the_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    part = benchmarks()[name].PART
    for arguments in (part.arguments, part.quick):
        with pytest.raises(SystemExit) as stopped:
            main([name, *arguments, "--help"])
        assert stopped.value.code == 0
    known = capsys.readouterr().out
    assert all(each in known for each in (*part.arguments, *part.quick) if each.startswith("--"))


def test_a_part_in_a_process_of_its_own(engine: Path, tmp_path: Path) -> None:
    done = run_part("refs", tmp_path, ["--engine", str(engine)], True, in_own_process)
    assert (done.name, done.exit_code) == ("refs", 0)
    assert done.command == f"python -m benchmarks refs --scenes 1 --rounds 1 --engine {engine}"
    assert done.seconds > 0
    assert json.loads((tmp_path / "refs.json").read_text())["rows"]


def test_the_size_of_a_wheel(fake: Fake, tmp_path: Path) -> None:
    source = tmp_path / "wheel"
    for name in ("piza_edge/a.py", "piza_edge/assets/weights.bin"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(bytes(range(256)) * 40)
    wheel = Path(shutil.make_archive(str(tmp_path / "w"), "zip", source))
    assert main(["all", "--out", str(tmp_path / "out"), "--wheel", str(wheel)]) == 0
    size = read_record(tmp_path / "out").wheel_mb
    assert size is not None
    assert 0 < size < wheel.stat().st_size / 1e6
    assert main(["all", "--out", str(tmp_path / "out"), "--only", "refs"]) == 0
    assert read_record(tmp_path / "out").wheel_mb == size


@pytest.mark.parametrize("wheel", ["none.whl", "no.whl"])
def test_no_wheel(
    fake: Fake, tmp_path: Path, capsys: pytest.CaptureFixture[str], wheel: str
) -> None:
    (tmp_path / "no.whl").write_text("not a wheel")
    out = tmp_path / "out"
    assert main(["all", "--out", str(out), "--wheel", str(tmp_path / wheel)]) == 2
    assert "expected a wheel" in capsys.readouterr().err
    assert not fake.ran
