"""How large values become: nodes that half precision would overflow stay in float32."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.precision.graph import Graph

LARGEST_HALF = 65504.0
HEADROOM = 4.0  # other scenes may go beyond the calibration's; our own choice

Arrays = Mapping[str, NDArray[Any]]


def reader_of(feeds: Iterable[Arrays]) -> Any:
    """Inputs of a network, as ONNX Runtime's calibrators want them."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.feeds: Iterator[Arrays] = iter(feeds)

        def get_next(self) -> Arrays | None:
            return next(self.feeds, None)

    return Reader()


def peaks(model: Any, feeds: Iterable[Arrays]) -> dict[str, float]:
    """Largest magnitude of every float32 activation of ``model`` over all ``feeds``, by tensor.

    Infinite where an infinity came, or nothing but NaN.
    """
    found = tensor_ranges(model, feeds).data
    return {name: _magnitude(data.range_value) for name, data in found.items()}


def tensor_ranges(model: Any, feeds: Iterable[Arrays]) -> Any:
    """Smallest and largest value of every float32 activation.

    Args:
        model: the float32 network, an ``onnx.ModelProto``; not changed.
        feeds: for each run the inputs by name.

    Returns:
        Over all runs, as ONNX Runtime's quantisers want them (``TensorsData``).
    """
    import onnx
    from onnxruntime.quantization.calibrate import CalibrationMethod, create_calibrator

    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "network.onnx")
        onnx.save(model, path)
        calibrator = create_calibrator(
            path,
            augmented_model_path=str(Path(place, "augmented.onnx")),
            calibrate_method=CalibrationMethod.MinMax,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of tensors that are NaN throughout
            calibrator.collect_data(reader_of(feeds))
            found = calibrator.compute_data()
        del calibrator  # holds the file open
    return found


def overflowing(graph: Graph, largest: Mapping[str, float], limit: float | None = None) -> set[str]:
    """Names of the nodes that read or make a value beyond ``limit``.

    By default a quarter of the largest half-precision number for activations. Constants count up to
    that number itself: they do not change from scene to scene.
    """
    allowed = LARGEST_HALF / HEADROOM if limit is None else limit
    beyond = {name for name, value in largest.items() if not value <= allowed}
    beyond |= {name for name in graph.constants if _constant_peak(graph, name) > LARGEST_HALF}
    return {
        node.name
        for node in graph.nodes
        if any(name in beyond for name in (*node.input, *node.output))
    }


def _magnitude(low_high: tuple[Any, Any]) -> float:
    values = np.abs(np.concatenate([np.ravel(value) for value in low_high]).astype(np.float64))
    return float(np.nan_to_num(values, nan=np.inf).max(initial=0.0))


def _constant_peak(graph: Graph, name: str) -> float:
    import onnx

    if not graph.is_float(name):
        return 0.0
    values = np.abs(onnx.numpy_helper.to_array(graph.constants[name]))
    return float(np.nan_to_num(values, nan=np.inf).max(initial=0.0))
