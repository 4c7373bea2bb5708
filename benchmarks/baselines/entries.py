"""Who takes part, from options: engines and models opened, peers made, and those that cannot be."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.baselines.baseline import (
    RESOLUTION,
    SINGLE_PASS,
    SLICING,
    Contestant,
    UnavailableError,
)
from benchmarks.baselines.engines import export_at
from benchmarks.baselines.ours import engine_peer, engine_peers, known_peer, last_progress
from benchmarks.baselines.slicing import Grid, Slicer
from evaluation.questions import Case
from export.build import BUNDLED
from sdk.engine.folder import default_engine, read_manifest
from sdk.errors import InputError
from sdk.families import open_networks
from sdk.grounder import Grounder
from sdk.text import Tokenizer
from sdk.zoom.answering import Networks
from train.checkpoint import CONFIG, checkpoint_sha256
from train.evaluation.locators import engine_label
from train.models.grounding_dino.config import PizaConfig

TWIN = "ours, trained as the single pass"
Size = tuple[int, int]  # height and width of a network input


@dataclass(frozen=True)
class Options:
    """What is to take part.

    Attributes:
        checkpoint: of the weights that peers share with the engines.
        engines: ours; the first is the reference. None named: the bundled engine, or one that is
            exported from ``checkpoint`` where that is not the bundled one.
        single_pass: a checkpoint trained to answer from whole frames, for single passes and slices.
        twin: a checkpoint that zooms, trained as long as ``single_pass``: whom it is held against.
        grids: for the weights of ``checkpoint``. single_grids: for those of ``single_pass``.
        sizes_hw: of single passes, besides the size that the weights were trained at.
        threads: CPU threads of every contestant.
        device: of PyTorch's models.
        compiled: whether torch.compile takes part.
        allow_unproven: engines without a certificate may be given.
    """

    checkpoint: Path
    engines: tuple[Path, ...]
    single_pass: Path | None
    twin: Path | None
    grids: tuple[Grid, ...]
    single_grids: tuple[Grid, ...]
    sizes_hw: tuple[Size, ...]
    threads: int
    device: str = "cpu"
    compiled: bool = True
    allow_unproven: bool = False


@dataclass(frozen=True)
class Entries:
    """``contestants``: the reference first. ``engine``: the reference in a line. ``absent``: names
    of peers that cannot take part, and why. ``progress``: what slices are grounded with."""

    contestants: tuple[Contestant, ...]
    engine: str
    progress: float
    absent: dict[str, str] = field(default_factory=dict)


@contextmanager
def open_entries(options: Options, cases: Sequence[Case]) -> Iterator[Entries]:
    """Opens and makes everything; frees it and removes its files in the end.

    ``cases``: a few questions to find out with how searches end, and to compile with.

    Raises:
        InputError: an engine was made from another checkpoint.
        EngineError: an engine or a checkpoint cannot be used.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peers-")))
        yield _Maker(options, stack, folder).make(cases)


class _Maker:
    """Makes contestants; what they hold is freed by ``stack``, their files lie in ``folder``."""

    def __init__(self, options: Options, stack: ExitStack, folder: Path) -> None:
        self._options, self._stack, self._folder = options, stack, folder

    def make(self, cases: Sequence[Case]) -> Entries:
        options = self._options
        given = options.engines or ((default_engine(),) if options.checkpoint == BUNDLED else ())
        self._check_same(given)
        engines = given or (self._export(options.checkpoint, None),)
        # One that was just exported has no certificate; whether its boxes are right is a column.
        unproven = options.allow_unproven or not given
        grounders = [self._open(engine, unproven) for engine in engines]
        weights = _weights(options.checkpoint)
        peers = engine_peers(grounders, weights)
        peers.append(known_peer(self._open(engines[0], unproven), weights))
        progress = last_progress(grounders[0], cases)
        torch_peers, absent = self._torch_peers(weights, cases)
        peers += torch_peers
        peers += self._slices(engines[0], progress, weights)
        peers += self._whole_frames(progress)
        return Entries(tuple(peers), engine_label(grounders[0]), progress, absent)

    def _check_same(self, engines: Sequence[Path]) -> None:
        """Boxes can be compared only where the weights are the same."""
        checkpoint = self._options.checkpoint
        found = checkpoint_sha256(checkpoint)
        for engine in engines:
            if read_manifest(engine).checkpoint.get("sha256") != found:
                raise InputError(
                    f"expected an engine that was made from {checkpoint}, found another in"
                    f" {engine}: name its own checkpoint with --checkpoint"
                )

    def _torch_peers(
        self, weights: str, cases: Sequence[Case]
    ) -> tuple[list[Contestant], dict[str, str]]:
        import torch

        from benchmarks.baselines.pipeline import pipeline_peer
        from benchmarks.baselines.torch_loop import compiled_peer, eager_peer, published_peers
        from train.families import load
        from train.families.grounding_dino import GroundingModel

        options = self._options
        torch.set_num_threads(options.threads)
        model = load(options.checkpoint)
        if not isinstance(model, GroundingModel):
            raise InputError(f"expected a checkpoint that zooms, {options.checkpoint} does not")
        model.to(torch.device(options.device))
        peers = [*published_peers(model, weights), eager_peer(model, weights)]
        absent = {} if options.compiled else {"our loop, torch.compile": "not asked for"}
        if options.compiled:
            try:
                peers.append(compiled_peer(model, weights, cases))
            except UnavailableError as error:
                absent["our loop, torch.compile"] = str(error)
        try:
            peers.append(pipeline_peer(options.checkpoint, model.model, weights, options.device))
        except UnavailableError as error:
            absent["transformers pipeline"] = str(error)
        return peers, absent

    def _slices(self, engine: Path, progress: float, weights: str) -> list[Contestant]:
        """Slicing with the checkpoint's own weights."""
        slicer = self._slicer(engine, progress, weights)
        return [slicer.peer(f"{g} tiles", SLICING, g) for g in self._options.grids]

    def _whole_frames(self, progress: float) -> list[Contestant]:
        """Single passes, and slices of weights that were trained for single passes.

        Without such weights the checkpoint's own make the passes, told what last steps are told:
        their boxes are then regions at best, but the time is that of a pass.
        """
        options, peers, against = self._options, [], None
        checkpoint, note = options.single_pass or options.checkpoint, ""
        if options.single_pass is not None:
            progress = 0.0
        elif PizaConfig.load(checkpoint / CONFIG).zooms:
            note = "weights that zoom: they answer a whole frame with a region, not an object"
        if options.twin is not None:
            against = TWIN
            engine = self._export(options.twin, None)
            peers.append(
                engine_peer(TWIN, self._open(engine, True), _weights(options.twin), compared=False)
            )
        own_hw = PizaConfig.load(checkpoint / CONFIG).input_hw
        for input_hw in dict.fromkeys((own_hw, *options.sizes_hw)):
            engine = self._export(checkpoint, input_hw)
            slicer = self._slicer(engine, progress, _weights(checkpoint), against, note)
            group = SINGLE_PASS if input_hw == own_hw else RESOLUTION
            name = f"single pass, {input_hw[1]}x{input_hw[0]}"
            peers.append(slicer.peer(name, group, Grid(1, 1)))
            if input_hw == own_hw and options.single_pass is not None:
                for grid in options.single_grids:
                    peers.append(slicer.peer(f"{grid} tiles, single-pass weights", SLICING, grid))
        return peers

    def _slicer(
        self,
        engine: Path,
        progress: float,
        weights: str,
        against: str | None = None,
        note: str = "",
    ) -> Slicer:
        manifest = read_manifest(engine)
        runtime = open_networks(engine, manifest, self._options.threads)
        self._stack.callback(runtime.close)
        tokenizer = Tokenizer.from_file(engine / "tokenizer.json", manifest.max_tokens)
        return Slicer(
            Networks(runtime, manifest.family == "piza"),
            manifest,
            tokenizer,
            progress,
            weights,
            against,
            note,
        )

    def _open(self, engine: Path, allow_unproven: bool) -> Grounder:
        threads = self._options.threads
        grounder = Grounder(engine, threads=threads, allow_unproven=allow_unproven)
        return self._stack.enter_context(grounder)

    def _export(self, checkpoint: Path, input_hw: Size | None) -> Path:
        """An engine of the checkpoint at a size, by default its own."""
        size = input_hw or PizaConfig.load(checkpoint / CONFIG).input_hw
        return export_at(checkpoint, size, Path(tempfile.mkdtemp(dir=self._folder)))


def _weights(checkpoint: Path) -> str:
    method = PizaConfig.load(checkpoint / CONFIG).method
    return f"{method}@{checkpoint_sha256(checkpoint)[:8]}"
