"""Images and sentences as vectors that can be compared: CLIP, SigLIP and their like.

Two networks were trained to agree on what belongs together. A sentence goes through its network
once, whatever it is asked of; a crop of a frame once, whatever it is asked for. What a cosine of
the two means is what the networks were trained with: CLIP by a softmax over what one chooses from
(Radford et al. 2021), SigLIP by a sigmoid for each pair (Zhai et al. 2023).
"""

from __future__ import annotations

import itertools
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.engine.manifest import ImageInput, Manifest
from sdk.errors import EngineError
from sdk.frame import ColorOrder
from sdk.json_reader import JsonReader
from sdk.regions.heatmap import Regions
from sdk.regions.region_attention import (
    REGION_FEATURES,
    RegionAttention,
    read_region_attention,
)
from sdk.regions.views import View
from sdk.runtime.runtime import Runtime, Signature
from sdk.text import load_tokenizer
from sdk.timing import Deadline

TOKENIZER_FILE = "clip-tokenizer.json"
# Inputs and outputs of the two networks.
CROPS, CROP_FEATURES = "crops", "crop_features"
TOKENS, TOKEN_FEATURES = "clip_tokens", "clip_features"
SIDES = ("image", "text")
READINGS = ("softmax", "sigmoid", "cosine")
_MOST_TEXTS = 4096  # whose vectors are kept
_LARGEST = 1e6  # factor or shift of a cosine

Float32 = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Clip:
    """What an engine knows of its networks.

    Attributes:
        text_network: its name; ``clip_tokens (1, max_tokens) -> clip_features (1, D)``.
        image_network: its name; ``crops (batch, 3, H, W) -> crop_features (batch, D)``. None where
            nothing is looked at, but told of.
        image: the size of a crop, which is square, and how it is normalised.
        batch: crops of one run.
        max_tokens: of a text, with those that its tokenizer adds.
        pad_id: the token that fills it up.
        pad_left: before the text, not behind it.
        reading: one of ``READINGS``: what is made of ``scale * cosine + bias``, or the cosine alone
            where nothing is chosen from.
        scale: learnt, the inverse of the temperature.
        bias: learnt.
        regions: the network that pools regions of a frame by attention; None where nobody does.
    """

    text_network: str
    image_network: str | None
    image: ImageInput
    batch: int
    max_tokens: int
    pad_id: int
    pad_left: bool = False
    reading: str = "softmax"
    scale: float = 100.0
    bias: float = 0.0
    regions: RegionAttention | None = None

    @property
    def signatures(self) -> dict[str, Signature]:
        """What its networks have to be, by name."""
        tokens, crops = (1, self.max_tokens), (self.batch, 3, *self.image.hw)
        found = {self.text_network: Signature({TOKENS: tokens}, (TOKEN_FEATURES,))}
        if self.image_network is not None:
            found[self.image_network] = Signature({CROPS: crops}, (CROP_FEATURES,))
        if self.regions is not None:
            found[self.regions.network] = self.regions.signature
        return found

    @property
    def sides(self) -> tuple[str, ...]:
        """Which networks there are, of ``SIDES``."""
        return SIDES if self.image_network is not None else SIDES[1:]

    def likelihood(self, cosines: Floats) -> Floats:
        """How likely each of several crops is the one that a sentence means, ``(N,)`` in 0..1."""
        if self.reading == "softmax":
            return self.chosen_among(cosines)
        if self.reading == "sigmoid":
            logits = np.clip(self.scale * cosines + self.bias, -60.0, 60.0)
            return np.asarray(1.0 / (1.0 + np.exp(-logits)))
        return np.clip(cosines, 0.0, 1.0)

    def chosen_among(self, cosines: Floats) -> Floats:
        """The softmax of cosines ``(N,)`` at the learnt temperature; they sum to 1."""
        if not len(cosines):
            return np.asarray(cosines, np.float64)
        powers = np.exp(self.scale * (cosines - cosines.max()))
        return np.asarray(powers / powers.sum())

    def to_mapping(self) -> dict[str, Any]:
        """What ``read_clip`` reads."""
        said = {
            "image": self.image_network,
            "text": self.text_network,
            "batch": self.batch,
            "max_tokens": self.max_tokens,
            "pad_id": self.pad_id,
            "pad_left": self.pad_left,
            "reading": self.reading,
            "scale": self.scale,
            "bias": self.bias,
        }
        return said if self.regions is None else said | {"regions": self.regions.to_mapping()}


def read_clip(reader: JsonReader, manifest: Manifest) -> Clip:
    """The two networks that a block of a manifest describes.

    Args:
        reader: that part of the block.
        manifest: of the engine.

    Raises:
        EngineError: a value is missing or makes no sense, or the tokenizer is no file of the
            engine.
    """
    if CROPS not in manifest.inputs:
        raise EngineError(f"{reader.source}: its engine does not say what {CROPS!r} are like")
    image = manifest.inputs[CROPS]
    if image.hw[0] != image.hw[1]:
        raise EngineError(f"{reader.source}: expected square {CROPS}, found {image.hw}")
    if TOKENIZER_FILE not in manifest.files:
        raise EngineError(f"{reader.source}: the engine has no {TOKENIZER_FILE}")
    names = tuple(manifest.networks)
    looks = reader.raw("image") is not None
    regions = None
    if reader.has("regions"):
        regions = read_region_attention(reader.part("regions"), names)
    return Clip(
        reader.text("text", choices=names),
        reader.text("image", choices=names) if looks else None,
        image,
        int(reader.number("batch", low=1, high=1024, whole=True)),
        int(reader.number("max_tokens", low=2, high=4096, whole=True)),
        int(reader.number("pad_id", low=0, high=2**31 - 1, whole=True)),
        reader.boolean("pad_left"),
        reader.text("reading", choices=READINGS),
        reader.number("scale", low=1e-3, high=_LARGEST),
        reader.number("bias", low=-_LARGEST, high=_LARGEST),
        regions,
    )


class TextIds:
    """Texts as the ids that a text network takes: training and vehicle make them here.

    Args:
        file: the tokenizer's.
        max_tokens: see ``Clip``; ``pad_id`` and ``pad_left`` too.
        pad_id: fills up.
        pad_left: before the text.

    Raises:
        EngineError: the tokenizer cannot be read.
    """

    def __init__(self, file: Path, max_tokens: int, pad_id: int, pad_left: bool) -> None:
        self._max_tokens, self._pad_id, self._pad_left = max_tokens, pad_id, pad_left
        self._tokenizer = load_tokenizer(file)
        self._tokenizer.enable_truncation(max_tokens)
        self._tokenizer.no_padding()

    def __call__(self, text: str) -> tuple[NDArray[np.int32], bool]:
        """The ids of a text ``(max_tokens,)``, and whether it was too long and is cut."""
        found = self._tokenizer.encode(text)
        ids = np.full(self._max_tokens, self._pad_id, np.int32)
        empty = self._max_tokens - len(found.ids)
        places = slice(empty, None) if self._pad_left else slice(len(found.ids))
        ids[places] = found.ids
        return ids, bool(found.overflowing)


class Texts:
    """Sentences as vectors, each encoded once.

    Args:
        clip: the networks.
        folder: of the engine, which has their tokenizer.

    Raises:
        EngineError: the tokenizer cannot be read.
    """

    def __init__(self, clip: Clip, folder: Path) -> None:
        self._clip, self._known = clip, OrderedDict[str, Float32]()
        tokenizer = folder / TOKENIZER_FILE
        self._ids = TextIds(tokenizer, clip.max_tokens, clip.pad_id, clip.pad_left)

    def tokens(self, text: str) -> NDArray[np.int32]:
        """The ids of a text ``(max_tokens,)``; one that is too long is cut, with a UserWarning."""
        ids, cut = self._ids(text)
        if cut:
            warnings.warn(
                f"{text[:80]!r} is longer than the {self._clip.max_tokens} tokens that the text"
                " network takes, and what is beyond them is not heard: say it in fewer words",
                stacklevel=2,
            )
        return ids

    def features(self, runtime: Runtime, texts: Sequence[str]) -> Float32:
        """The vectors of texts, ``(n, D)`` of length 1."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        network = self._clip.text_network
        if new:
            feeds = [{TOKENS: self.tokens(text)[None]} for text in new]
            for text, each in zip(new, runtime.fetch(network, feeds), strict=True):
                self._known[text] = _of_length_one(each[TOKEN_FEATURES])[0]
        for text in texts:
            self._known.move_to_end(text)
        found = np.stack([self._known[text] for text in texts])
        while len(self._known) > _MOST_TEXTS:
            self._known.popitem(last=False)
        return found

    def forget(self) -> None:
        """Drops all vectors."""
        self._known.clear()


class Sight:
    """One frame, seen by the image network; every crop once, as long as there is time.

    Args:
        clip: the networks.
        texts: what is compared with it.
        runtime: that has the networks.
        frame: ``(h, w, 3)`` uint8.
        color: its channel order.
        deadline: when the answer is wanted.
    """

    def __init__(
        self,
        clip: Clip,
        texts: Texts,
        runtime: Runtime,
        frame: NDArray[np.uint8],
        color: ColorOrder,
        deadline: Deadline,
    ) -> None:
        self.clip, self.refused = clip, False
        self._texts, self._runtime, self._deadline = texts, runtime, deadline
        self._frame, self._color = frame, color
        self._seen: dict[tuple[View, tuple[float, ...]], Float32] = {}

    def said(self, texts: Sequence[str]) -> Float32:
        """The vectors of texts, ``(n, D)`` of length 1."""
        return self._texts.features(self._runtime, texts)

    def seen(self, view: View, boxes_xyxy: NDArray[Any], first: bool = False) -> Float32:
        """The vectors of boxes in frame pixels, of length 1.

        Args:
            view: how they are shown.
            boxes_xyxy: ``(n, 4)``.
            first: without them there is no answer at all.

        Returns:
            ``(k, D)``, of the first k: all of them, or as many as there is time for (``refused``
            says so then). ``(0, 0)`` without any.
        """
        keys = [(view, tuple(box)) for box in np.asarray(boxes_xyxy, np.float64).tolist()]
        new = [key for key in dict.fromkeys(keys) if key not in self._seen]
        while new and not self._deadline.affords(0, len(new), first=first):
            self.refused, new = True, new[: len(new) // 2]
        if new:
            with self._deadline.pace.timed("looks", len(new)):
                found = self._look(view, np.array([box for _, box in new]))
            self._seen |= zip(new, found, strict=True)
        known = list(itertools.takewhile(self._seen.__contains__, keys))
        return (
            np.stack([self._seen[key] for key in known]) if known else np.empty((0, 0), np.float32)
        )

    def pooled(self, regions: Regions) -> Float32:
        """The vectors of regions of the frame, of length 1, from one look at it.

        Returns:
            ``(R, D)``; ``(0, 0)`` without any, or without the time for it (``refused`` says so
            then).
        """
        attention, count = self.clip.regions, len(regions.boxes_xyxy)
        if attention is None:
            raise EngineError("the engine has no network that pools regions")
        self.refused |= not self._deadline.affords(0, count, first=True)
        if self.refused or not count:
            return np.empty((0, 0), np.float32)
        with self._deadline.pace.timed("looks", count):
            with self._runtime.clock.stage("crop"):
                feeds = attention.feeds(self._frame, self._color, regions, self.clip.image)
            found = self._runtime.fetch(attention.network, feeds)
        vectors = np.concatenate([each[REGION_FEATURES][0] for each in found])
        return _of_length_one(vectors)[:count]

    def _look(self, view: View, boxes: Floats) -> Float32:
        clip, clock = self.clip, self._runtime.clock
        if clip.image_network is None:
            raise EngineError("the engine has no image network to look with")
        with clock.stage("crop", len(boxes)):
            crops = view.crops(self._frame, self._color, boxes, clip.image)
            missing = -len(crops) % clip.batch
            crops = np.concatenate([crops, np.zeros((missing, *crops.shape[1:]), np.float32)])
        feeds = [{CROPS: crops[k : k + clip.batch]} for k in range(0, len(crops), clip.batch)]
        found = self._runtime.fetch(clip.image_network, feeds)
        return _of_length_one(np.concatenate([each[CROP_FEATURES] for each in found]))[: len(boxes)]


def _of_length_one(vectors: NDArray[Any]) -> Float32:
    length = np.linalg.norm(vectors.astype(np.float64), axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), np.float32)
