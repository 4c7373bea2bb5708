"""Our own engines: as they are, and with the expression known before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.baselines.baseline import OURS, Contestant, Reply
from evaluation.questions import Case
from sdk.frame import Frame
from sdk.grounder import Grounder

KNOWN = "ours, expression known"
_BLANK: Frame = np.zeros((8, 8, 3), np.uint8)  # for a search of which only the text matters


def engine_peers(grounders: Sequence[Grounder], weights: str) -> list[Contestant]:
    """A contestant for each engine; the first is the reference that others are held against."""
    peers: list[Contestant] = []
    for grounder in grounders:
        manifest = grounder.manifest
        name = f"ours, {manifest.backend} {manifest.precision}"
        if any(each.name == name for each in peers):
            name += f" @{manifest.fingerprint}"
        peers.append(engine_peer(name, grounder, weights, compared=True))
    return peers


def known_peer(grounder: Grounder, weights: str) -> Contestant:
    """Asked for an expression whose features it remembers. ``grounder`` is its own alone."""

    def remember(ref: str) -> None:
        grounder.locate(_BLANK, ref)

    note = "its text features are remembered from an earlier call"
    return Contestant(
        KNOWN, OURS, weights, _Asker(grounder), _input_wh(grounder), note, remember, compared=True
    )


def engine_peer(name: str, grounder: Grounder, weights: str, compared: bool) -> Contestant:
    """One engine under a name; ``compared``: it has the reference's weights."""
    return Contestant(
        name,
        OURS,
        weights,
        _Asker(grounder),
        _input_wh(grounder),
        compared=compared,
        survey_every=1,
    )


def last_progress(grounder: Grounder, cases: Sequence[Case]) -> float:
    """What the last steps of its searches were told of their progress: the median over cases; 0
    where no search had a step."""
    answers = [grounder.locate(case.frame(), case.ref) for case in cases]
    seen = [answer.zooms[-1].progress for answer in answers if answer.zooms]
    return float(np.median(seen)) if seen else 0.0


class _Asker:
    def __init__(self, grounder: Grounder) -> None:
        self._grounder = grounder

    def __call__(self, frame: Frame, ref: str) -> Reply:
        answer = self._grounder.locate(frame, ref)
        return Reply(answer.xyxy, len(answer.zooms), answer.timing_ms)


def _input_wh(grounder: Grounder) -> tuple[int, int]:
    height, width = grounder.manifest.input_hw
    return width, height
