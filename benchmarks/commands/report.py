"""``python -m benchmarks report DIR``: write the report of what was measured."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("folder", type=Path, help="where piza bench all wrote")
    parser.add_argument(
        "--docs", type=Path, metavar="FILE.md", help="write the document here, plots beside it"
    )
    parser.add_argument(
        "--readme", type=Path, metavar="FILE.md", help="replace the table between its markers"
    )


def run(args: argparse.Namespace) -> int:
    """Read, write, say where."""
    from benchmarks.plots.methods import check_plot
    from benchmarks.report.markdown import write_docs, write_readme, write_report

    check_plot(args.folder / "plot.svg")
    written = write_report(args.folder)
    if args.docs is not None:
        written += write_docs(args.folder, args.docs)
    if args.readme is not None:
        written += write_readme(args.folder, args.readme, args.docs)
    print("\n".join(f"wrote {path}" for path in written))
    return 0
