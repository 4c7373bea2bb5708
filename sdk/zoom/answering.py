"""From a call to its answers, by the zoom search: what PIZA and Grounding DINO have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.engine.manifest import TOKENIZER_FILE, Manifest
from sdk.families.family import Call, Query
from sdk.results.grounding import Candidates, Grounding
from sdk.runtime.runtime import Runtime
from sdk.text import Tokenizer, Tokens, normalise
from sdk.timing import StageTimer
from sdk.zoom.calibration import Calibration
from sdk.zoom.claims import Claim, claims_of
from sdk.zoom.decision import Judge
from sdk.zoom.feature_cache import LruCache
from sdk.zoom.search import GroundInput, Search, search
from sdk.zoom.search import Session as Asked
from sdk.zoom.state import Closer, History, SearchConfig, ZoomPolicy

TEXT, IMAGE, GROUND = "text", "image", "ground"
MEANINGS = "meanings"  # an output of ground networks that tell what words mean by themselves
_CACHED_TEXTS = 256


class Encoder(Protocol):
    """Understands expressions."""

    def encode(self, ref: str) -> Tokens:
        """The tokens of one; raises InputError when it cannot be used."""


class Session(Asked, Protocol):
    """What a search asks, and a way to encode what it asks for."""

    def encode_text(self, tokens: Tokens) -> Any:
        """What the network that grounds wants to know of an expression."""


@dataclass(frozen=True, eq=False)
class Networks:
    """Text, image and ground network over the runtime that runs them: what a search asks.

    ``conditioned``: the ground network wants to know how far the search is.
    """

    runtime: Runtime
    conditioned: bool = True

    def encode_text(self, tokens: Tokens) -> Mapping[str, Any]:
        """What the ground network wants to know of a prompt."""
        prompt = self.runtime.put(tokens.prompt)
        (found,) = self.runtime.run(TEXT, [prompt])
        return {name: each for name, each in (prompt | found).items() if name != "input_ids"}

    def encode_images(self, frame: Any, windows_xyxy: NDArray[np.float64]) -> list[Any]:
        """Image features of each window."""
        found = self.runtime.look(IMAGE, frame, windows_xyxy)
        return [each["image_features"] for each in found]

    def ground(self, looks: Sequence[GroundInput]) -> list[Candidates]:
        """Boxes and scores for each look, which the host waits for."""
        feeds = [{"image_features": look.image, **look.text} for look in looks]
        if self.conditioned:
            for feed, look in zip(feeds, looks, strict=True):
                feed["progress"] = np.array([look.progress], np.float32)
        found = self.runtime.fetch(GROUND, feeds)
        return [_candidates(each) for each in found]


def _candidates(found: Mapping[str, NDArray[np.float32]]) -> Candidates:
    told = found[MEANINGS][0] if MEANINGS in found else None
    return Candidates(found["boxes"][0], found["scores"][0], told)


@dataclass(frozen=True)
class _Reading:
    """An expression as networks take it, and what it claims that they can tell."""

    tokens: Tokens
    claims: tuple[Claim, ...]


class ZoomAnswerer:
    """An ``sdk.families.family.Answerer``.

    Args:
        folder: the engine.
        manifest: what it says.
        threshold: score from which an object counts as found.
        history: the box-history encoder.
        policy: how the search goes on.
        closer: see ``SearchConfig``; ``levels`` alike.
        conditioned: see ``Networks``.
        tokenizer: what reads expressions, in the place of the folder's own.
        networks: over a runtime what a search asks, in the place of ``Networks``.

    Raises:
        EngineError: the tokenizer cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        threshold: float,
        history: History,
        policy: ZoomPolicy,
        *,
        conditioned: bool = False,
        closer: Closer | None = None,
        levels: tuple[tuple[int, int], ...] = (),
        tokenizer: Encoder | None = None,
        networks: Callable[[Runtime], Session] | None = None,
    ) -> None:
        calibration = Calibration.from_mapping(manifest.calibration)
        self._rules = SearchConfig(
            history, policy, manifest.input_hw, calibration.score, closer=closer, levels=levels
        )
        self._judge = Judge(calibration, threshold, manifest.label)
        self._tokenizer = tokenizer or Tokenizer.from_file(
            folder / TOKENIZER_FILE, manifest.max_tokens
        )
        self._networks = networks or partial(Networks, conditioned=conditioned)
        self._stages = tuple(manifest.networks)
        self._readings: LruCache[_Reading] = LruCache(_CACHED_TEXTS)  # by normalised expression
        self._texts: LruCache[Any] = LruCache(_CACHED_TEXTS)  # features, by token ids

    def read(self, ref: str) -> Query:
        """See ``Answerer.read``."""
        reading = self._readings.get(normalise(ref), lambda: self._read(ref))
        return Query(ref, reading, reading.tokens.unknown, reading.tokens.understood)

    def _read(self, ref: str) -> _Reading:
        tokens = self._tokenizer.encode(ref)
        return _Reading(tokens, claims_of(tokens) if self._rules.levels else ())

    def answer(self, runtime: Runtime | None, call: Call) -> list[Grounding]:
        """See ``Answerer.answer``."""
        clock = StageTimer(self._stages) if runtime is None else runtime.clock
        clock.start(call.begin_s)
        outcomes = self.search(runtime, call)
        timing_ms = clock.drain()
        return [
            self._judge(call, timing_ms, query, outcome)
            for query, outcome in zip(call.queries, outcomes, strict=True)
        ]

    def search(self, runtime: Runtime | None, call: Call) -> list[Search]:
        """What comes of each query, before anybody judges it."""
        outcomes = [Search((), complete=False)] * len(call.queries)
        if runtime is None:
            return outcomes
        known = [k for k, query in enumerate(call.queries) if query.understood]
        networks = self._networks(runtime)
        found = search(
            networks,
            runtime.upload(call.frame, call.color),
            call.frame_wh,
            [self._text(networks, call.queries[k].meaning.tokens) for k in known],
            dataclasses.replace(self._rules, beam=call.beam),
            [call.starts[k] for k in known],
            call.deadline,
            [call.queries[k].meaning.claims for k in known],
        )
        for k, outcome in zip(known, found, strict=True):
            outcomes[k] = outcome
        return outcomes

    def forget(self) -> None:
        """Drops the text features."""
        self._texts.clear()

    def _text(self, networks: Session, tokens: Tokens) -> Any:
        return self._texts.get(tokens.key, lambda: networks.encode_text(tokens))
