"""Who answers in an evaluation: an engine, or a checkpoint before it becomes one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.scoring import Locator
from sdk.engine.folder import MANIFEST_FILE
from sdk.errors import InputError
from sdk.results.grounding import Float32, Zoom

if TYPE_CHECKING:
    from sdk.grounder import Grounder


@dataclass(frozen=True, eq=False)
class Found:
    """An answer, as ``evaluation.scoring.Answer`` describes it."""

    found: bool
    score: float
    xyxy: Float32 | None
    zooms: tuple[Zoom, ...]


NO_ANSWER = Found(False, 0.0, None, ())


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
        published: search as the authors' code does (``train.evaluation.published``), instead of
            as the vehicle does.
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
    from train.checkpoint import checkpoint_sha256
    from train.device import pick_device
    from train.evaluation.asking import open_grounder
    from train.families import load
    from train.threads import limit_threads

    limit_threads(threads)
    chosen = pick_device(device)
    model = load(folder)
    model.to(chosen)
    manifest = model.manifest()
    search = "published search" if published else f"input {_wh(manifest.input_hw)}"
    label = f"{manifest.name}@{checkpoint_sha256(folder)[:8]}, PyTorch on {chosen}, {search},"
    said = f"{label} threshold {manifest.threshold:.3f}"
    if not published:
        with open_grounder(model) as grounder:
            yield grounder, said
        return
    from train.evaluation.published import PublishedLocator
    from train.families.grounding_dino import GroundingModel

    if not isinstance(model, GroundingModel):
        raise InputError(f"expected a model of the published search, {folder} is none")
    yield PublishedLocator(model), said


def engine_label(grounder: Grounder) -> str:
    """An engine in a line."""
    manifest = grounder.manifest
    return (
        f"{manifest.label}, {manifest.backend} {manifest.precision}, input"
        f" {_wh(manifest.input_hw)}, threshold {grounder.threshold:.3f}"
    )


def _wh(input_hw: tuple[int, int]) -> str:
    return f"{input_hw[1]}x{input_hw[0]}"
