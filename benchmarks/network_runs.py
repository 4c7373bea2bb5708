"""Instructions that a run of a network takes, with operators of our own and without.

``python -m benchmarks.network_runs ENGINE NETWORK exported|ours RUNS`` runs one so often, with one
thread. Two such programs under callgrind differ by the instructions of runs alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from benchmarks.callgrind import check_valgrind, collected
from benchmarks.report.section import Figures, Table, times

_FEW, _MORE = 1, 3


def run(engine: Path, network: str, which: str, count: int) -> None:
    """Opens a network of an engine for ONNX Runtime, and runs it on what is no picture.

    Args:
        engine: the folder.
        network: its name there.
        which: "exported", or "ours": with the operators that are put in when it is loaded.
        count: how often.
    """
    from sdk.engine.folder import read_manifest
    from sdk.runtime.onnx_network import OnnxNetwork, as_exported, import_onnxruntime

    file = engine / read_manifest(engine).networks[network].file
    with as_exported() if which == "exported" else nullcontext():
        opened = OnnxNetwork(file, threads=1)
    wrap, rng = import_onnxruntime().OrtValue.ortvalue_from_numpy, np.random.default_rng(0)
    feeds = {}
    for name, shape in opened.inputs.items():
        whole = name.endswith("_ids")
        values = np.ones(shape, np.int32) if whole else rng.normal(size=shape).astype(np.float32)
        feeds[name] = wrap(values)
    for _ in range(count):
        opened.run(opened.outputs, feeds)


def count(engine: Path, networks: Sequence[str]) -> Iterator[Figures]:
    """Instructions of one run of each network: ``exported`` and ``ours``.

    Args:
        engine: the folder of an engine for ONNX Runtime.
        networks: their names.

    Raises:
        BenchmarkError: valgrind is missing, or a run failed.
    """
    check_valgrind()
    program = (sys.executable, "-P", "-m", __name__, str(engine))
    for network in networks:
        row: Figures = {"network": network}
        for which in ("exported", "ours"):
            few, more = (collected(*program, network, which, str(n)) for n in (_FEW, _MORE))
            row[which] = (more - few) // (_MORE - _FEW)
        yield row


def table_of(rows: Sequence[Figures]) -> Table:
    """Millions of instructions.

    Args:
        rows: of ``count``.
    """
    return Table(
        ("million instructions (AVX2)", "as exported", "as it runs", "ratio"),
        tuple(
            (
                row["network"],
                *(f"{row[which] / 1e6:.1f}" for which in ("exported", "ours")),
                times(row["exported"] / row["ours"]),
            )
            for row in rows
        ),
    )


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
