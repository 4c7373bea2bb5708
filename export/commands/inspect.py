"""``python -m export inspect ENGINE``"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("engine", type=Path, nargs="?", help="default: the engine in use")


def run(args: argparse.Namespace) -> int:
    from export.certificate.report import certificate_lines, network_lines, precision_lines
    from sdk.engine.folder import default_engine, read_manifest, verify_files
    from sdk.families import family
    from sdk.runtime.target import target_lines

    folder = args.engine or default_engine()
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    print(f"engine    {folder} ({manifest.label})")
    print(f"family    {manifest.family}: {'; '.join(family(manifest).describe(manifest))}")
    print(f"runs on   {manifest.backend} {manifest.precision}")
    for name, image in manifest.inputs.items():
        print(f"input     {name} {image.hw[1]}x{image.hw[0]}, {image.fit}, {image.order}")
    lines = [*target_lines(manifest.target), *network_lines(folder, manifest)]
    print("\n".join([*lines, *precision_lines(manifest), *certificate_lines(manifest)]))
    return 0
