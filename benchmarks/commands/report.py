"""``python -m benchmarks report DIR``: write the report of what was measured."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.plots.style import check_plot

# What the repository keeps: this folder's figures make that document and that table.
DATA, DOCS, README = Path("docs/data"), Path("docs/benchmarks.md"), Path("README.md")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        help="where piza bench all wrote; its report goes there as well (default: docs/data, whose"
        " report is docs/benchmarks.md and the table of README.md)",
    )
    parser.add_argument(
        "--docs",
        type=Path,
        metavar="FILE.md",
        help="write the document here, its plots beside it and the figures to data/ beside it",
    )
    parser.add_argument(
        "--readme", type=Path, metavar="FILE.md", help="replace the table between its markers"
    )


def run(args: argparse.Namespace) -> int:
    """Read, write, say where."""
    from benchmarks.report.markdown import write_docs, write_readme

    folder, docs, readme = args.folder, args.docs, args.readme
    if folder is None:
        folder, docs, readme = DATA, docs or DOCS, readme or README
    check_plot(folder / "plot.svg")
    data = folder if docs is None else docs.parent / DATA.name
    docs = docs or folder / DOCS.name
    written = write_docs(folder, docs, data)
    if readme is not None:
        written.append(write_readme(folder, readme, docs))
    print("\n".join(f"wrote {path}" for path in written))
    return 0
