"""Peers in PyTorch: the published loop, and our own loop without an engine."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

import torch

from benchmarks.baselines.baseline import PUBLISHED, PYTORCH, Contestant, Reply, UnavailableError
from evaluation.questions import Case
from sdk.frame import Frame
from sdk.results.grounding import Float32
from sdk.zoom.search import Search
from train.evaluation.asking import Searcher
from train.evaluation.published import PUBLISHED as POLICY
from train.evaluation.published import PublishedPolicy, PublishedSearcher
from train.families.grounding_dino import GroundingModel

SLOW_EVERY = 4  # a search at the published size takes as long as all others together
_NOT_REPEATED = "its deep copies and loops over scalars are left out"


def published_peers(model: GroundingModel, weights: str) -> list[Contestant]:
    """The published inference loop, written from its description: PyTorch eager, the text encoded
    in each step, crops through Pillow on the host, and end-of-search known only after the next
    crop's features (as in the authors' detector) or its whole forward (as in their demo).

    At the size that the weights were trained at, and at the published one. What the published code
    does badly besides, deep copies of features and loops over single numbers, is not charged.
    """
    scale_px, tokenizer = model.model.config.input_hw, model.tokenizer()
    own = dataclasses.replace(POLICY, scale_px=scale_px, text_each_step=True)
    detector = dataclasses.replace(own, end_known="after features")
    demo = dataclasses.replace(own, end_known="after forward")
    full = dataclasses.replace(detector, scale_px=POLICY.scale_px)
    raced = (("published loop", detector, 1), ("published demo", demo, 1))
    return [
        Contestant(
            name=f"{title}, {max(policy.scale_px)}x{min(policy.scale_px)}",
            group=PUBLISHED,
            weights=weights,
            ask=_ask_published(PublishedSearcher(model.model, tokenizer, policy)),
            note=f"{_NOT_REPEATED}; end known {policy.end_known}",
            compared=True,
            every=every,
        )
        for title, policy, every in (*raced, ("published loop", full, SLOW_EVERY))
    ]


def eager_peer(model: GroundingModel, weights: str) -> Contestant:
    """Our own loop over the PyTorch model as it is."""
    return _own_loop("our loop, PyTorch eager", Searcher(model), weights)


def compiled_peer(model: GroundingModel, weights: str, cases: Sequence[Case]) -> Contestant:
    """Our own loop over the three networks, each compiled by ``torch.compile``.

    Deformable attention samples by gathering, as exported networks do: the compiler's code for
    ``grid_sample`` takes several times as long on a CPU. Compiles, by asking ``cases``.

    Raises:
        UnavailableError: it cannot be compiled here (no C++ compiler, say).
    """
    compiled = [
        dataclasses.replace(each, module=torch.compile(each.module, dynamic=False))
        for each in model.exportable()
    ]
    searcher = Searcher(model, compiled)
    begin = time.perf_counter()
    try:
        for case in cases:
            searcher(case.frame(), case.ref)
    except RuntimeError as error:  # the base of what the compiler raises
        reason = str(error).strip().partition("\n")[0]
        raise UnavailableError(f"torch.compile failed: {reason}") from error
    note = f"compiling took {time.perf_counter() - begin:.0f} s, which are not counted"
    return _own_loop("our loop, torch.compile", searcher, weights, note)


def _own_loop(name: str, searcher: Searcher, weights: str, note: str = "") -> Contestant:
    def ask(frame: Frame, ref: str) -> Reply:
        found = searcher(frame, ref)
        return Reply(_last_box(found), len(found.zooms))

    height, width = searcher.input_hw
    return Contestant(name, PYTORCH, weights, ask, (width, height), note, compared=True)


def _ask_published(searcher: PublishedSearcher) -> Callable[[Frame, str], Reply]:
    def ask(frame: Frame, ref: str) -> Reply:
        found = searcher(frame, ref)
        return Reply(_last_box(found), _passes(found, searcher.policy, searcher.max_steps))

    return ask


def _passes(found: Search, policy: PublishedPolicy, max_steps: int) -> int:
    """Runs of the image network: one more than zooms, unless no further zoom was allowed."""
    ended = bool(found.zooms) and found.zooms[-1].stop_probability >= policy.stop_threshold
    return len(found.zooms) + (ended and len(found.zooms) < max_steps)


def _last_box(found: Search) -> Float32 | None:
    return found.zooms[-1].xyxy if found.zooms else None
