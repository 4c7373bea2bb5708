"""PIZA: a Grounding DINO in three networks, asked step by step by the zoom search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.engine.manifest import Manifest
from sdk.families.family import Family
from sdk.frame import ColorOrder
from sdk.results.grounding import Candidates
from sdk.runtime.runtime import ImageInput, Runtime, Signature
from sdk.text import Tokens
from sdk.zoom.search import GroundInput

TEXT, IMAGE, GROUND = "text", "image", "ground"


@dataclass(frozen=True, eq=False)
class PizaSession:
    """The three networks; a ``sdk.zoom.search.Session``. ``pixels``: the image network's input."""

    runtime: Runtime
    pixels: ImageInput

    def upload(self, frame: NDArray[np.uint8], color: ColorOrder = "bgr") -> Any:
        """See ``Runtime.upload``."""
        return self.runtime.upload(frame, color)

    def encode_text(self, tokens: Tokens) -> Mapping[str, Any]:
        """What the ground network wants to know of a prompt."""
        prompt = self.runtime.put(tokens.prompt)
        (found,) = self.runtime.run(TEXT, [prompt])
        return {name: each for name, each in (prompt | found).items() if name != "input_ids"}

    def encode_images(self, frame: Any, windows_xyxy: NDArray[np.float64]) -> list[Any]:
        """Image features of each window."""
        found = self.runtime.look(IMAGE, self.pixels, frame, windows_xyxy)
        return [each["image_features"] for each in found]

    def ground(self, looks: Sequence[GroundInput]) -> list[Candidates]:
        """Boxes and scores for each look, which the host waits for."""
        feeds = [
            {
                "image_features": look.image,
                **look.text,
                "progress": np.array([look.progress], np.float32),
            }
            for look in looks
        ]
        found = self.runtime.fetch(GROUND, feeds)
        return [Candidates(each["boxes"][0], each["scores"][0]) for each in found]

    def close(self) -> None:
        """See ``Runtime.close``."""
        self.runtime.close()


class _Piza:
    """See ``sdk.families.family.Family``."""

    def networks(self, manifest: Manifest) -> Mapping[str, Signature]:
        """Text once an expression, image once a window, ground once a look."""
        (height, width), length = manifest.input_hw, manifest.max_tokens
        prompt = {"segment_ids": (1, length), "position_ids": (1, length)}
        features = {"image_features": None, "text_features": None}
        return {
            TEXT: Signature({"input_ids": (1, length), **prompt}, ("text_features",)),
            IMAGE: Signature({"pixels": (1, 3, height, width)}, ("image_features",)),
            GROUND: Signature({**features, **prompt, "progress": (1,)}, ("boxes", "scores")),
        }

    def session(self, runtime: Runtime, manifest: Manifest) -> PizaSession:
        """The networks as the zoom search asks them."""
        preprocess = manifest.preprocess
        pixels = ImageInput("pixels", manifest.input_hw, preprocess.mean, preprocess.std)
        return PizaSession(runtime, pixels)


FAMILY: Family = _Piza()
