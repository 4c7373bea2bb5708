"""The columns of the Parquet files, and an answer as a row.

One row stands for one expression on one frame. A frame that cannot be read is one row with its
``error`` and without an expression; a file that cannot is one without a frame, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sdk.extras import extras_named
from sdk.results.grounding import Grounding

if TYPE_CHECKING:
    import pyarrow

Row = dict[str, Any]


def schema() -> pyarrow.Schema:
    """The columns: numbers as ``Grounding`` has them, never rounded; boxes in frame pixels."""
    with extras_named():
        import pyarrow as pa
    box = pa.list_(pa.float32(), 4)
    zoom = pa.struct([("window_xyxy", box), ("xyxy", box), ("raw_score", pa.float64())])
    return pa.schema(
        [
            ("source", pa.string()),
            ("frame", pa.int64()),  # of all frames of the source, from 0
            ("time_s", pa.float64()),  # on the recording's clock; images have none
            ("ref", pa.string()),
            ("found", pa.bool_()),
            ("complete", pa.bool_()),
            ("score", pa.float64()),
            ("xyxy", box),
            ("reason", pa.string()),
            ("rival_score", pa.float64()),
            ("rival_xyxy", box),
            ("zooms", pa.list_(zoom)),
            ("unknown_words", pa.list_(pa.string())),
            ("frame_wh", pa.list_(pa.int32(), 2)),
            ("timing_ms", pa.map_(pa.string(), pa.float64())),
            ("error", pa.string()),
        ]
    )


def table(rows: Iterable[Row]) -> pyarrow.Table:
    """Rows as a table; a column that a row lacks is null."""
    with extras_named():
        import pyarrow as pa
    return pa.Table.from_pylist(list(rows), schema())


def answer_row(source: str, frame: int, time_s: float | None, answer: Grounding) -> Row:
    """The row of an answer.

    Args:
        source: the file's name.
        frame: its number in the file, from 0.
        time_s: on the recording's clock; None: it has none.
        answer: to one expression.

    Returns:
        A value for each column of ``schema`` but ``error``.
    """
    rival = answer.rival
    return {
        "source": source,
        "frame": frame,
        "time_s": time_s,
        "ref": answer.ref,
        "found": answer.found,
        "complete": answer.complete,
        "score": answer.score,
        "xyxy": answer.xyxy,
        "reason": answer.reason,
        "rival_score": None if rival is None else rival.score,
        "rival_xyxy": None if rival is None else rival.xyxy,
        "zooms": [
            {"window_xyxy": zoom.window_xyxy, "xyxy": zoom.xyxy, "raw_score": zoom.raw_score}
            for zoom in answer.zooms
        ],
        "unknown_words": answer.unknown_words,
        "frame_wh": answer.frame_wh,
        "timing_ms": list(answer.timing_ms.items()),
    }


def error_row(source: str, frame: int | None, time_s: float | None, error: str) -> Row:
    """The row of what could not be read."""
    return {"source": source, "frame": frame, "time_s": time_s, "error": error}
