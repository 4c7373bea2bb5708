"""Which operators and types TensorRT's ONNX parser takes, by version.

``operators.csv`` holds the facts of the parser's own table for 10.1 and 11.1
(https://github.com/onnx/onnx-tensorrt/blob/main/docs/operators.md): the documented versions
nearest below the oldest and the newest TensorRT that this project serves. TensorRT for RTX has the
column of 11.1 but where its builder answers otherwise (``tests/export/check/test_real.py``).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("operators.csv")


@dataclass(frozen=True)
class Target:
    """A TensorRT version, and the types that its parser takes, by operator.

    types: of operators that it does not support, the empty set.
    """

    version: str
    types: dict[str, frozenset[str]]

    def supports(self, operator: str) -> bool:
        """Whether the parser knows the operator at all."""
        return bool(self.types.get(operator))

    @property
    def is_ten(self) -> bool:
        """Whether it is of TensorRT 10."""
        return self.version.startswith("10.")

    @property
    def is_rtx(self) -> bool:
        """Whether it is TensorRT for RTX, whose answers are known from asking it."""
        return self.version.startswith("RTX")


def _read(version: str, column: str) -> Target:
    with TABLE.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        return Target(version, {row["op"]: frozenset(row[column].split()) for row in rows})


# Jetson Orin's JetPack 6 has 10.3, and it is the oldest; 11.4 is the newest.
TARGETS = {
    "10.3": _read("10.3", "types_10_1"),
    "11.4": _read("11.4", "types_11_1"),
    "rtx": _read("RTX 1.7", "types_rtx_1_7"),
}
