"""Who answers in an evaluation: an engine, or a checkpoint before it becomes one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evaluation.scoring import Locator
from sdk.engine.folder import MANIFEST_FILE
from sdk.errors import InputError
from sdk.results.grounding import Float32, Grounding, Zoom
from sdk.timing import Deadline, LatencyEstimator
from sdk.zoom.calibration import Calibration
from sdk.zoom.decision import CallContext, Judge
from sdk.zoom.search import Search

if TYPE_CHECKING:
    from sdk.grounder import Grounder
    from sdk.text import Tokenizer
    from train.evaluation.published import PublishedSearcher
    from train.evaluation.searcher import Searcher
    from train.models.grounding_dino.grounder import PizaGrounder


@dataclass(frozen=True, eq=False)
class Found:
    """An answer, as ``evaluation.scoring.Answer`` describes it."""

    found: bool
    score: float
    xyxy: Float32 | None
    zooms: tuple[Zoom, ...]


NO_ANSWER = Found(False, 0.0, None, ())


class CheckpointLocator:
    """A PyTorch model that answers as ``sdk.Grounder`` does, found by the same rule.

    Args:
        model: on the device that is to run it.
        tokenizer: of the model.
        calibration: what scores mean and from which one an object is found; the model's own by
            default.
        published: search as the authors' code does (``train.evaluation.published``), instead of
            as the vehicle does.
    """

    def __init__(
        self,
        model: PizaGrounder,
        tokenizer: Tokenizer,
        published: bool = False,
        calibration: Mapping[str, Any] | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        rule = Calibration.from_mapping(calibration or model.config.calibration)
        self._judge = Judge(rule, rule.threshold, model.config.name)
        if published:
            from train.evaluation.published import PublishedSearcher

            self._searcher: PublishedSearcher | Searcher = PublishedSearcher(model, tokenizer)
        else:
            from train.evaluation.searcher import Searcher

            self._searcher = Searcher(model, tokenizer)

    def locate(self, frame: NDArray[np.uint8], ref: list[str]) -> list[Grounding]:
        """One answer for each expression; raises InputError for one that cannot be encoded."""
        prompts = [self._tokenizer.encode(each) for each in ref]
        known = [each for each, tokens in zip(ref, prompts, strict=True) if tokens.understood]
        outcomes = iter(self._searcher.search(frame, known))
        asked = CallContext(frame, "bgr", Deadline(LatencyEstimator(), None), {})
        nothing = Search((), complete=False)
        return [
            self._judge(asked, each, tokens, next(outcomes) if tokens.understood else nothing)
            for each, tokens in zip(ref, prompts, strict=True)
        ]


@contextmanager
def open_locator(
    folder: Path,
    *,
    threads: int | None = None,
    device: str | None = None,
    published: bool = False,
    allow_unproven: bool = False,
) -> Iterator[tuple[Locator, str]]:
    """The locator in a checkpoint or engine folder, and a line that says what it is.

    Args:
        folder: with a ``config.json`` or an ``engine.json``.
        threads: CPU threads.
        device: of a checkpoint; the best there is by default.
        published: see ``CheckpointLocator``.
        allow_unproven: accept an engine without a certificate.

    Raises:
        InputError: the folder is neither, or an option does not go with what it is.
        EngineError: it cannot be opened.
    """
    if (folder / MANIFEST_FILE).is_file():
        if published or device is not None:
            raise InputError(
                f"expected a checkpoint for --device or --published, found an engine in {folder}"
            )
        from sdk.grounder import Grounder

        with Grounder(folder, threads=threads, allow_unproven=allow_unproven) as grounder:
            yield grounder, engine_label(grounder)
        return
    if not (folder / "config.json").is_file():
        raise InputError(
            f"expected a checkpoint (config.json) or an engine ({MANIFEST_FILE}) in {folder},"
            " found neither"
        )
    from train.checkpoint import checkpoint_sha256, load_checkpoint
    from train.device import pick_device
    from train.threads import limit_threads

    limit_threads(threads)
    chosen = pick_device(device)
    model, tokenizer = load_checkpoint(folder)
    config = model.config
    search = "published search" if published else f"input {_wh(config.input_hw)}"
    label = f"{config.name}@{checkpoint_sha256(folder)[:8]}, PyTorch on {chosen}, {search},"
    locator = CheckpointLocator(model.to(chosen), tokenizer, published)
    yield locator, f"{label} threshold {config.threshold:.3f}"


def engine_label(grounder: Grounder) -> str:
    """An engine in a line."""
    manifest = grounder.manifest
    return (
        f"{manifest.name}@{manifest.fingerprint}, {manifest.backend} {manifest.precision}, input"
        f" {_wh(manifest.input_hw)}, threshold {grounder.threshold:.3f}"
    )


def _wh(input_hw: tuple[int, int]) -> str:
    return f"{input_hw[1]}x{input_hw[0]}"
