"""``python -m benchmarks all --out DIR``: measure everything and write the report."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from benchmarks.options import add_opening
from benchmarks.plots.style import check_plot
from benchmarks.report.parts import benchmarks
from sdk.options import add_engine

EXIT_FAILED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="figures and report")
    parser.add_argument("--quick", action="store_true", help="a smoke run, a minute or two")
    parser.add_argument(
        "--only", nargs="+", choices=list(benchmarks()), help="these; what else is in DIR stays"
    )
    parser.add_argument(
        "--with",
        dest="extra",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "OPTIONS"),
        help='more options for one of them, in one string: --with latency "--deadline-ms 50";'
        " engines is run only with the folders it is to measure, methods with its --out",
    )
    parser.add_argument("--wheel", type=Path, metavar="FILE", help="a wheel whose size is told")
    add_engine(parser)
    add_opening(parser)


def run(args: argparse.Namespace) -> int:
    """Run, write, say where; 3 when one of them failed (the others are in the report)."""
    from benchmarks.report.folder import note_run
    from benchmarks.report.goals import wheel_mb
    from benchmarks.report.markdown import write_docs
    from benchmarks.report.parts import in_own_process, run_part

    check_plot(args.out / "plot.svg")  # not only after an hour of measuring
    size = None if args.wheel is None else wheel_mb(args.wheel)
    args.out.mkdir(parents=True, exist_ok=True)
    extra = _extra(args.extra)
    chosen = {
        name: each.PART
        for name, each in benchmarks().items()
        if (args.only is None or name in args.only) and (name in extra or not each.PART.asked_for)
    }
    failed = []
    for name, part in chosen.items():
        print(f"\n== {name} ==", flush=True)
        options = [*(_engine(args) if part.engine else []), *extra.get(name, [])]
        done = run_part(name, args.out, options, args.quick, in_own_process)
        note_run(args.out, done, args.quick, size)
        failed += [name] if done.exit_code != 0 else []
    print(
        "\n".join(
            f"wrote {path}" for path in write_docs(args.out, args.out / "benchmarks.md", args.out)
        )
    )
    if failed:
        print(f"failed: {', '.join(failed)}")
    return EXIT_FAILED if failed else 0


def _extra(given: list[list[str]]) -> dict[str, list[str]]:
    """The options of ``--with`` by the benchmark that they are for."""
    from sdk.errors import InputError

    extra: dict[str, list[str]] = {}
    for name, options in given:
        if name not in benchmarks():
            raise InputError(f"expected --with one of {', '.join(benchmarks())}, got {name!r}")
        try:
            extra[name] = extra.get(name, []) + shlex.split(options)
        except ValueError as error:  # a quote that is not closed
            raise InputError(f"cannot read the options of {name}, {options!r}: {error}") from error
    return extra


def _engine(args: argparse.Namespace) -> list[str]:
    options = []
    if args.engine is not None:
        options += ["--engine", str(args.engine)]
    if args.threads is not None:
        options += ["--threads", str(args.threads)]
    return [*options, "--allow-unproven"] if args.allow_unproven else options
