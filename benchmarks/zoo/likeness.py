"""What is in a box, judged by CLIP: the category it is most like, and how like a sentence it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.engine.folder import read_manifest
from sdk.errors import EngineError
from sdk.families.two_stage import read_pipeline
from sdk.regions.clip import Sight, Texts
from sdk.regions.views import usual_view
from sdk.runtime import open_runtime
from sdk.timing import Deadline, LatencyEstimator


class Likeness:
    """The zoo's own CLIP as a judge of all answers, whoever gave them.

    Args:
        engine: whose CLIP judges.
        categories: what there is.
        prompt: how a category is asked for, ``{}`` in the place of its name.
    """

    def __init__(self, engine: Path, categories: Sequence[str], prompt: str) -> None:
        manifest = read_manifest(engine)
        clip = read_pipeline(manifest).clip
        if clip is None:
            raise EngineError(f"expected an engine with CLIP, found none in {engine}")
        self._clip, self._texts = clip, Texts(clip, engine)
        self._runtime = open_runtime(engine, manifest, clip.signatures)
        self._categories = tuple(categories)
        self._prompts = [prompt.format(each) for each in categories]
        self._view = usual_view("tight")

    def of(self, frame: NDArray[np.uint8], xyxy: NDArray[Any], ref: str) -> tuple[str, float]:
        """The category that a box of a BGR frame is most like, and its cosine with a sentence."""
        never = Deadline(LatencyEstimator(), None)
        sight = Sight(self._clip, self._texts, self._runtime, frame, "bgr", never)
        [seen] = sight.seen(self._view, np.asarray(xyxy)[None])
        said = sight.said([ref, *self._prompts])
        cosines = said @ seen
        return self._categories[int(np.argmax(cosines[1:]))], float(cosines[0])

    def close(self) -> None:
        """Frees the networks."""
        self._runtime.close()
