"""Annotated photographs as CLIP has them: vectors of frames, of windows of them, of sentences.

CLIP is not trained here, so that each vector is made once and kept in a file beside the run; what
is left to train costs next to nothing. A head sees frames on the vehicle. Windows of them stand for
more frames than there are: an object that lies wholly in one has a place in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import Dataset

from sdk.frame import read_image
from sdk.geometry import Boxes, as_boxes, contains, xyxy_to_cxcywh
from sdk.regions.views import View
from sdk.text import normalise
from train.data.entries import Annotation
from train.models.clip.public import PublicClip
from train.models.clip.vectors import image_vectors, text_vectors
from train.progress import Progress
from train.storage import size_of, whole_file

VECTORS = "vectors.safetensors"
LEAST_SIDE = 0.5  # of a window, as a share of the frame's (our choice)
WHOLE_SHARE = 0.5  # of the samples, in which the frame is seen (our choice)


@dataclass(frozen=True)
class BoxBatch:
    """Questions about windows.

    Attributes:
        image: (B, D) of length 1, the window's vector.
        text: (B, D) of length 1, the sentence's.
        boxes: (B, 4) cxcywh, as shares of the window.
        sides: (B, 2) width and height of the window in pixels.
    """

    image: Tensor
    text: Tensor
    boxes: Tensor
    sides: Tensor


@dataclass(frozen=True, eq=False)
class Vectors:
    """What CLIP makes of photographs and sentences.

    Attributes:
        names: of the photographs.
        refs: the sentences, normalised.
        windows: (N, W, 4) xyxy pixels, the first of each photograph is all of it.
        seen: (N, W, D) their vectors.
        said: (M, D) those of the sentences.
    """

    names: tuple[str, ...]
    refs: tuple[str, ...]
    windows: Tensor
    seen: Tensor
    said: Tensor


def make_vectors(
    items: Sequence[Annotation],
    images: Path,
    opened: PublicClip,
    view: View,
    windows: int,
    seed: int,
    kept: Path,
) -> Vectors:
    """Looks at every photograph and reads every sentence, or takes what an earlier run has kept.

    Args:
        items: what is asked.
        images: folder of the photographs.
        opened: CLIP, on whatever device.
        view: how it is shown a window.
        windows: of each photograph, besides the whole.
        seed: of the windows.
        kept: the file that the vectors are kept in.

    Raises:
        InputError: a photograph cannot be read, or the file cannot be written.
    """
    names = tuple(dict.fromkeys(item.image for item in items))
    refs = tuple(dict.fromkeys(normalise(item.ref) for item in items))
    clip = opened.folder.provenance(("tokenizer.json",))["sha256"]
    said = repr((clip, names, refs, view, windows, seed))
    key = hashlib.sha256(said.encode()).hexdigest()
    found = _stored(kept, key)
    if found is None:
        found = _looked(names, images, opened, view, windows, seed)
        found["said"] = text_vectors(opened, refs)
        with whole_file(kept, size_of(found)) as partial:
            save_file(found, partial, {"key": key})
    return Vectors(names, refs, found["windows"], found["seen"], found["said"])


def _stored(kept: Path, key: str) -> dict[str, Tensor] | None:
    """What is kept, if it is of the same photographs, sentences and CLIP."""
    try:
        with safe_open(kept, "pt") as file:
            if (file.metadata() or {}).get("key") != key:
                return None
            return {name: file.get_tensor(name) for name in ("windows", "seen", "said")}
    except (OSError, SafetensorError):
        return None


@torch.inference_mode()
def _looked(
    names: Sequence[str],
    images: Path,
    opened: PublicClip,
    view: View,
    windows: int,
    seed: int,
) -> dict[str, Tensor]:
    places, seen = [], []
    with Progress("looking at photographs", len(names)) as progress:
        for number, name in enumerate(names):
            frame = read_image(images / name)
            rng = np.random.default_rng((seed, number, 5))
            boxes = some_windows((frame.shape[1], frame.shape[0]), windows, rng)
            crops = view.crops(frame, "bgr", boxes, opened.image)
            places.append(torch.from_numpy(boxes).float())
            seen.append(image_vectors(opened, crops))
            progress.step(name)
    return {"windows": torch.stack(places), "seen": torch.stack(seen)}


def some_windows(frame_wh: tuple[int, int], count: int, rng: np.random.Generator) -> Boxes:
    """The frame, and ``count`` windows of it at random: ``(1 + count, 4)`` whole pixels."""
    size = np.array(frame_wh, np.float64)
    sides = np.ceil(size * rng.uniform(LEAST_SIDE, 1.0, (count, 2)))
    low = np.floor(rng.uniform(0.0, 1.0, (count, 2)) * (size - sides))
    whole = np.array([[0.0, 0.0, *frame_wh]])
    return np.concatenate([whole, np.concatenate([low, low + sides], axis=1)])


class BoxQuestions(Dataset[BoxBatch]):
    """Item k is a whole batch, a pure function of (seed, k): every question once an epoch.

    Attributes:
        boxes: (I, 4) xyxy pixels, of the questions.
        photograph: (I,) which of ``vectors.names`` each is about.
        sentence: (I,) which of ``vectors.refs`` it is.

    Args:
        items: what ``vectors`` were made of.
        vectors: see there.
        batch: questions of an item.
        seed: of the order and of the windows.
    """

    def __init__(
        self, items: Sequence[Annotation], vectors: Vectors, batch: int, seed: int
    ) -> None:
        self.vectors, self.batch, self.seed = vectors, batch, seed
        photographs = {name: number for number, name in enumerate(vectors.names)}
        sentences = {ref: number for number, ref in enumerate(vectors.refs)}
        self.boxes = as_boxes([item.xyxy for item in items])
        self.photograph = np.array([photographs[item.image] for item in items])
        self.sentence = np.array([sentences[normalise(item.ref)] for item in items])
        self._windows = vectors.windows.double().numpy()
        self._inside = contains(  # (I, W): the windows that show an object wholly
            self._windows[self.photograph], self.boxes[:, None], tolerance=0.01
        )
        self._order: tuple[int, NDArray[np.int64]] | None = None  # epoch, permutation

    def __getitem__(self, index: int) -> BoxBatch:
        asked = np.array([self.question(index * self.batch + k) for k in range(self.batch)])
        chosen = self._chosen(asked, np.random.default_rng((self.seed, index)))
        photograph = self.photograph[asked]
        windows = self._windows[photograph, chosen]
        low, sides = windows[:, :2], windows[:, 2:] - windows[:, :2]
        placed = (self.boxes[asked] - np.tile(low, 2)) / np.tile(sides, 2)
        return BoxBatch(
            self.vectors.seen[photograph, chosen],
            self.vectors.said[self.sentence[asked]],
            torch.from_numpy(xyxy_to_cxcywh(placed.clip(0.0, 1.0))).float(),
            torch.from_numpy(sides).float(),
        )

    def question(self, place: int) -> int:
        """The question at a place of the whole run: all of them in each epoch."""
        epoch, within = divmod(place, len(self.boxes))
        if self._order is None or self._order[0] != epoch:
            rng = np.random.default_rng((self.seed, epoch, 1))  # (seed, index) is for the windows
            self._order = (epoch, rng.permutation(len(self.boxes)))
        return int(self._order[1][within])

    def frame_wh(self, question: int) -> tuple[int, int]:
        """Width and height of the photograph that a question is about, pixels."""
        width, height = self._windows[self.photograph[question], 0, 2:].astype(int).tolist()
        return width, height

    def frames(self) -> Mapping[str, Any]:
        """Mean and deviation of the boxes, cxcywh as shares of their frames: ``centre`` and
        ``spread`` of a configuration."""
        sides = np.tile(self._windows[self.photograph, 0, 2:], 2)
        boxes = xyxy_to_cxcywh(self.boxes / sides)
        return {
            "centre": tuple(boxes.mean(0).tolist()),
            "spread": tuple(boxes.std(0).clip(min=0.01).tolist()),
        }

    def mean_pixels(self) -> Boxes:
        """The mean box, xyxy pixels."""
        return np.asarray(self.boxes.mean(0))

    def _chosen(self, asked: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Which window of its photograph each question is about: the frame for many of them."""
        count = self._windows.shape[1]
        draws = rng.random((len(asked), count)) * self._inside[asked]
        closer = draws[:, 1:].argmax(1) + 1 if count > 1 else np.zeros(len(asked), np.int64)
        shown = self._inside[asked, closer] & (rng.random(len(asked)) >= WHOLE_SHARE)
        return np.where(shown, closer, 0)


def whole_batch(items: list[BoxBatch]) -> BoxBatch:
    """The batch that an item is."""
    (batch,) = items
    return batch
