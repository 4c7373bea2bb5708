"""``python -m benchmarks all --out DIR``: measure everything and write the report."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.report.parts import PARTS
from train.options import positive, positive_float

HELP = "run all benchmarks, each in a process of its own, and write the report of them"
EXIT_FAILED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    names = [each.name for each in PARTS]
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="figures and report")
    parser.add_argument("--quick", action="store_true", help="a smoke run, a minute or two")
    parser.add_argument("--only", nargs="+", choices=names, help="these; what else is in DIR stays")
    parser.add_argument("--deadline-ms", type=positive_float, help="of the latency benchmark")
    parser.add_argument("--wheel", type=Path, metavar="FILE", help="a wheel whose size is told")
    parser.add_argument("--engine", type=Path, help="engine folder (default: the bundled one)")
    parser.add_argument("--threads", type=positive, help="CPU threads (default: every core)")
    parser.add_argument(
        "--allow-unproven", action="store_true", help="accept an engine without a certificate"
    )


def run(args: argparse.Namespace) -> int:
    """Run, write, say where; 3 when one of them failed (the others are in the report)."""
    from benchmarks.plots import check_plot
    from benchmarks.report.goals import wheel_mb
    from benchmarks.report.parts import in_own_process, present, run_part
    from benchmarks.report.writing import note_run, write_report

    check_plot(args.out / "plot.svg")  # not only after an hour of measuring
    size = None if args.wheel is None else wheel_mb(args.wheel)
    args.out.mkdir(parents=True, exist_ok=True)
    chosen = [each for each in present() if args.only is None or each.name in args.only]
    failed = []
    for part in chosen:
        print(f"\n== {part.name} ==", flush=True)
        extra = _engine(args) if part.engine else []
        if part.name == "latency" and args.deadline_ms is not None:
            extra += ["--deadline-ms", f"{args.deadline_ms:g}"]
        done = run_part(part, args.out, extra, args.quick, in_own_process)
        note_run(args.out, done, args.quick, size)
        failed += [part.name] if done.exit_code != 0 else []
    print("\n".join(f"wrote {path}" for path in write_report(args.out)))
    if failed:
        print(f"failed: {', '.join(failed)}")
    return EXIT_FAILED if failed else 0


def _engine(args: argparse.Namespace) -> list[str]:
    options = []
    if args.engine is not None:
        options += ["--engine", str(args.engine)]
    if args.threads is not None:
        options += ["--threads", str(args.threads)]
    return [*options, "--allow-unproven"] if args.allow_unproven else options
