"""Prints what the base installation and some extras ask for, but for packages that are there.

``python3 requirements.py PYPROJECT --extras A B --but-for C D``, for a machine whose OpenCV or
TensorRT pip does not know of and would hide: no extra can take a package away.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("pyproject", type=Path)
parser.add_argument("--extras", nargs="*", default=[])
parser.add_argument("--but-for", nargs="*", default=[])
args = parser.parse_args()

project = tomllib.loads(args.pyproject.read_text(encoding="utf-8"))["project"]
groups = [project["dependencies"], *(project["optional-dependencies"][e] for e in args.extras)]
for line in dict.fromkeys(line for group in groups for line in group):
    if re.match(r"[\w.-]+", line)[0] not in args.but_for:
        print(line)
