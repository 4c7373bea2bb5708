"""One stage: a network looks at the frame with the sentence in mind, and says the box itself.

The block ``one-stage`` of the manifest names the method. MDETR has many boxes and a score for each:
how likely it means anything of the sentence. TransVG has one box for every sentence, and no score,
so that it never says that an object is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.engine.folder import MANIFEST_FILE
from sdk.engine.manifest import TOKENIZER_FILE, Manifest
from sdk.families.family import Answerer, Family
from sdk.families.grounding_dino import ONE_LOOK, no_end
from sdk.json_reader import JsonReader
from sdk.letterbox import Letterbox
from sdk.results.grounding import Candidates
from sdk.runtime.runtime import Runtime, Signature
from sdk.sentences import SentenceTokenizer
from sdk.text import Tokens
from sdk.zoom.answering import IMAGE, TEXT, ZoomAnswerer
from sdk.zoom.search import GroundInput

JOINT = "joint"
METHOD = "method"


@dataclass(frozen=True)
class Method:
    """What the networks of a method have to say.

    Attributes:
        seen: outputs of the image network, which the joint one takes.
        scored: each box has a score; otherwise there is one box, whose score is 1.
        of_content: boxes are shares of the part of the input that shows the frame, as MDETR learns
            them; otherwise of the whole input.
        describe: for ``piza inspect``.
    """

    seen: tuple[str, ...]
    scored: bool
    of_content: bool
    describe: str

    @property
    def outputs(self) -> tuple[str, ...]:
        """Of the joint network."""
        return ("boxes", "scores") if self.scored else ("boxes",)


METHODS: Mapping[str, Method] = {
    "mdetr": Method(
        ("image_features", "image_places", "image_shown"),
        scored=True,
        of_content=True,
        describe="one look at the frame by MDETR; a score is how likely a box means anything said",
    ),
    "transvg": Method(
        ("image_features", "image_shown"),
        scored=False,
        of_content=False,
        describe="one look at the frame by TransVG; every sentence has a box, and none a score",
    ),
}


def read_method(manifest: Manifest) -> Method:
    """The method that the block of an engine names.

    Raises:
        EngineError: it names none that this version knows.
    """
    said = f"{manifest.name}, {MANIFEST_FILE}: the block {manifest.family!r} of that family"
    reader = JsonReader(dict(manifest.block), said)
    return METHODS[reader.text(METHOD, choices=tuple(METHODS))]


@dataclass(frozen=True, eq=False)
class Networks:
    """Text, image and joint network over the runtime that runs them, as a search asks them."""

    method: Method
    input_hw: tuple[int, int]
    runtime: Runtime

    def encode_text(self, tokens: Tokens) -> Mapping[str, Any]:
        """What the joint network wants to know of a sentence."""
        prompt = {"input_ids": tokens.ids[None], "token_mask": tokens.segments[None]}
        given = self.runtime.put(prompt)
        (found,) = self.runtime.run(TEXT, [given])
        return {"text_features": found["text_features"], "token_mask": given["token_mask"]}

    def encode_images(self, frame: Any, windows_xyxy: NDArray[np.float64]) -> list[Any]:
        """What the image network sees in each window, and how that was fitted into its input."""
        found = self.runtime.look(IMAGE, frame, windows_xyxy)
        return [
            ({name: each[name] for name in self.method.seen}, Letterbox(tuple(box), self.input_hw))
            for each, box in zip(found, windows_xyxy.tolist(), strict=True)
        ]

    def ground(self, looks: Sequence[GroundInput]) -> list[Candidates]:
        """Boxes and scores for each look, which the host waits for."""
        found = self.runtime.fetch(JOINT, [{**look.image[0], **look.text} for look in looks])
        return [
            self._candidates(each, look.image[1]) for each, look in zip(found, looks, strict=True)
        ]

    def _candidates(self, found: Mapping[str, NDArray[Any]], fitted: Letterbox) -> Candidates:
        boxes = found["boxes"][0]
        if self.method.of_content:
            boxes = of_input(boxes, fitted)
        scores = found["scores"][0] if self.method.scored else np.ones(len(boxes), np.float32)
        return Candidates(boxes, scores)


def of_input(boxes: NDArray[Any], fitted: Letterbox) -> NDArray[np.float32]:
    """Boxes ``(K, 4)`` xyxy, shares of what a letterbox shows -> shares of its whole input."""
    sides = np.array(fitted.input_hw[::-1] * 2, np.float64)
    content, offset = np.array(fitted.content_wh * 2), np.array(fitted.offset_xy * 2)
    return np.asarray((boxes.astype(np.float64) * content + offset) / sides, np.float32)


class _OneStage:
    """See ``sdk.families.family.Family``."""

    def networks(self, manifest: Manifest) -> Mapping[str, Signature]:
        """Text once a sentence, image once a window, joint once a look."""
        method, (height, width) = read_method(manifest), manifest.input_hw
        tokens = (1, manifest.max_tokens)
        seen: dict[str, tuple[int, ...] | None] = dict.fromkeys(method.seen)
        said: dict[str, tuple[int, ...] | None] = {"text_features": None, "token_mask": tokens}
        return {
            TEXT: Signature({"input_ids": tokens, "token_mask": tokens}, ("text_features",)),
            IMAGE: Signature({"pixels": (1, 3, height, width)}, method.seen),
            JOINT: Signature(seen | said, method.outputs),
        }

    def answerer(self, folder: Path, manifest: Manifest, threshold: float) -> Answerer:
        """A search of one step."""
        tokenizer = SentenceTokenizer.from_file(folder / TOKENIZER_FILE, manifest.max_tokens)
        networks = partial(Networks, read_method(manifest), manifest.input_hw)
        return ZoomAnswerer(
            folder, manifest, threshold, no_end, ONE_LOOK, tokenizer=tokenizer, networks=networks
        )

    def describe(self, manifest: Manifest) -> Sequence[str]:
        """What it does, and what its score is."""
        return (read_method(manifest).describe,)


FAMILY: Family = _OneStage()
