"""What an image network is shown of each proposal: a square of the frame, in one of four ways.

Pixels come from the crop kernel, as everything else that the vehicle looks at: an antialiased
bilinear resize, where CLIP's own preparation resizes bicubically. ``tight`` is otherwise that
preparation: the shorter side is fitted, and of the longer one the middle is seen. ``padded`` shows
all of a proposal on its mean colour, and never enlarges it, as published with YoloClip's variants.
``blurred`` is the reversed blur of ReCLIP (Subramanian et al. 2022), within a window of its own:
of a large frame, nothing would be left of a small object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.engine.manifest import ImageInput
from sdk.frame import ColorOrder
from sdk.geometry import Boxes, as_boxes, grow
from sdk.json_reader import JsonReader
from sdk.letterbox import Letterbox
from sdk.preprocess import network_input

KINDS = ("tight", "margin", "padded", "blurred")
_USUAL_AROUND = {"tight": 0.0, "margin": 0.1, "padded": 0.0, "blurred": 1.0}
_BLUR = 12.0  # the window's side over the deviation of the blur: what is there, not what it is
_LEAST = 1.0  # side in pixels of what is shown

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """How proposals are shown.

    Attributes:
        kind: one of ``KINDS``: the proposal alone, with a margin, on its mean colour, or with
            everything else blurred.
        around: what is seen beyond the proposal on either side, as a share of its longer side.
    """

    kind: str = "tight"
    around: float = 0.0

    def crops(
        self,
        frame: NDArray[np.uint8],
        color: ColorOrder,
        boxes_xyxy: NDArray[Any],
        image: ImageInput,
    ) -> Float32:
        """What the network is shown of each box.

        Args:
            frame: ``(h, w, 3)``.
            color: order of its channels.
            boxes_xyxy: ``(n, 4)`` frame pixels, inside the frame; one of less than a pixel is
                taken for a pixel.
            image: the input's size, which is square, and its normalisation.

        Returns:
            ``(n, 3, H, W)`` float32, normalised.
        """
        height, width = frame.shape[:2]
        whole = (0, 0, width, height)
        boxes = [grow(box, _LEAST, whole) for box in as_boxes(boxes_xyxy)]
        if not boxes:
            return np.empty((0, 3, *image.hw), np.float32)
        if self.kind == "padded":
            return np.stack([_padded(frame, color, box, image) for box in boxes])
        tight = self.kind == "tight"
        windows = np.array([_middle(box) if tight else self._round(box, whole) for box in boxes])
        pixels = _seen(frame, color, windows, image)
        if self.kind == "blurred":
            for each, window, box in zip(pixels, windows, boxes, strict=True):
                _blur_outside(each, Letterbox(tuple(window), image.hw).to_unit(box))
        return pixels

    def _round(self, box: Boxes, whole: tuple[int, int, int, int]) -> Boxes:
        """The square round a box and what is beside it, as far as the frame has it."""
        side = float((box[2:] - box[:2]).max()) * (1.0 + 2.0 * self.around)
        return grow(box, side, whole)

    def to_mapping(self) -> dict[str, Any]:
        """What ``read_view`` reads."""
        return {"kind": self.kind, "around": self.around}


def usual_view(kind: str) -> View:
    """The view of that kind, one of ``KINDS``, with as much around as is usual."""
    return View(kind, _USUAL_AROUND[kind])


def read_view(reader: JsonReader) -> View:
    """How a block of a manifest says that proposals are shown.

    Raises:
        EngineError: a value is missing or makes no sense.
    """
    return View(reader.text("kind", choices=KINDS), reader.number("around", low=0.0, high=16.0))


def _seen(
    frame: NDArray[np.uint8], color: ColorOrder, windows: Boxes, image: ImageInput
) -> Float32:
    return network_input(frame, windows, image.hw, image.mean, image.std, color)


def _middle(box: Boxes) -> Boxes:
    """The square in the middle of a box, of its shorter side."""
    half = float((box[2:] - box[:2]).min()) / 2
    centre = (box[:2] + box[2:]) / 2
    return np.concatenate([centre - half, centre + half])


def _padded(frame: NDArray[np.uint8], color: ColorOrder, box: Boxes, image: ImageInput) -> Float32:
    """The whole pixels of a box in the middle of its mean colour; smaller ones keep their size."""
    window = np.concatenate([np.floor(box[:2]), np.ceil(box[2:])])
    width, height = (window[2:] - window[:2]).astype(int).tolist()
    small = height <= image.hw[0] and width <= image.hw[1]
    fit = Letterbox(tuple(window), (height, width) if small else image.hw)
    content = _seen(frame, color, window[None], ImageInput(fit.input_hw, image.mean, image.std))[0]
    (left, top), (wide, high) = fit.offset_xy, fit.content_wh
    content = content[:, top : top + high, left : left + wide]
    shown = np.broadcast_to(content.mean(axis=(1, 2), keepdims=True), (3, *image.hw)).copy()
    top, left = (image.hw[0] - high) // 2, (image.hw[1] - wide) // 2
    shown[:, top : top + high, left : left + wide] = content
    return shown


def _blur_outside(pixels: Float32, unit_xyxy: Boxes) -> None:
    """Blurs all of ``(3, H, W)`` but a box, in place; at least a pixel of that is seen."""
    import cv2

    height, width = pixels.shape[1:]
    low = np.floor(unit_xyxy[:2] * (width, height) + 1e-6).astype(int)
    high = np.maximum(np.ceil(unit_xyxy[2:] * (width, height) - 1e-6).astype(int), low + 1)
    sharp = np.zeros((height, width), bool)
    sharp[low[1] : high[1], low[0] : high[0]] = True
    for plane in pixels:
        blurred = cv2.GaussianBlur(plane, (0, 0), width / _BLUR)
        plane[~sharp] = blurred[~sharp]
