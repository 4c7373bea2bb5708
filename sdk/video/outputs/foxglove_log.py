"""Streams as Foxglove shows them: images and annotations in MCAP, in its own published schemas.

``foxglove.CompressedImage`` and ``foxglove.ImageAnnotations`` as protobuf messages, from the
package that Foxglove publishes; beside them the answers as ``--mcap`` writes them, for plots.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sdk.extras import extras_named
from sdk.video.outputs.records import McapRecords, log_time_ns
from sdk.video.outputs.viewers import answer_rgb, jpeg, marks
from sdk.video.stream import StreamFrame
from sdk.visual.overlay import verdict

IMAGES, ANNOTATIONS = "/camera/image", "/camera/annotations"
FRAME_ID = "camera"
_THIN = {"windows": 1.0, "rivals": 1.0, "answers": 2.5}  # lines, of a frame of 400 rows


class FoxgloveLog(McapRecords):
    """An MCAP file with an image, its annotations and its answers for each frame."""

    def __init__(self, path: Path) -> None:
        with extras_named():
            import foxglove_schemas_protobuf.CompressedImage_pb2 as image
            import foxglove_schemas_protobuf.ImageAnnotations_pb2 as annotations
            from mcap_protobuf.schema import register_schema
        super().__init__(path)
        self._image, self._annotations = image.CompressedImage, annotations.ImageAnnotations
        self._topics = {
            topic: self._writer.register_channel(
                topic, "protobuf", register_schema(self._writer, message)
            )
            for topic, message in ((IMAGES, self._image), (ANNOTATIONS, self._annotations))
        }

    def write(self, frame: StreamFrame) -> None:
        """Appends a frame; InputError for a time before 0."""
        time_ns = log_time_ns(frame)
        image = self._image(frame_id=FRAME_ID, data=jpeg(frame), format="jpeg")
        image.timestamp.FromNanoseconds(time_ns)
        self._add(self._topics[IMAGES], frame, image.SerializeToString())
        drawn = _annotated(self._annotations(), frame, time_ns)
        self._add(self._topics[ANNOTATIONS], frame, drawn.SerializeToString())
        super().write(frame)


def _annotated(drawn: Any, frame: StreamFrame, time_ns: int) -> Any:
    """The marks as closed lines with their labels, and a line of words for each answer."""
    height = frame.image.shape[0]
    size = max(height / 36, 10.0)
    for mark in marks(frame):
        x1, y1, x2, y2 = mark.xyxy
        line = drawn.points.add(type=2, thickness=_THIN[mark.kind] * max(height / 400, 1.0))
        line.timestamp.FromNanoseconds(time_ns)
        for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2)):
            line.points.add(x=x, y=y)
        _paint(line.outline_color, mark.rgb, 0.6 if mark.kind == "windows" else 1.0)
        _write(drawn, time_ns, mark.label, (x1, y1), 0.7 * size, mark.rgb)
    for number, answer in enumerate(frame.answers):
        place = (0.5 * size, (1.5 + 1.9 * number) * size)
        _write(drawn, time_ns, verdict(answer), place, size, answer_rgb(number))
    return drawn


def _write(
    drawn: Any,
    time_ns: int,
    text: str,
    xy: tuple[float, float],
    size: float,
    rgb: Sequence[int],
) -> None:
    """Words whose lower left corner is at ``xy``."""
    words = drawn.texts.add(text=text, font_size=size)
    words.timestamp.FromNanoseconds(time_ns)
    words.position.x, words.position.y = xy
    _paint(words.text_color, rgb, 1.0)
    _paint(words.background_color, (18, 20, 24), 0.7)


def _paint(color: Any, rgb: Sequence[int], alpha: float) -> None:
    """A colour of 0..255 as one of 0..1."""
    color.r, color.g, color.b = (value / 255 for value in rgb)
    color.a = alpha
