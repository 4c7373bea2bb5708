"""A detector and scorers as the reference: the sources' networks, asked by the vehicle's code."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.host_runtime import Arrays, HostRuntime, RunNetwork
from export.detectors.detector import DetectorOptions, PreparedDetector, open_detector
from export.onnx.description import described
from export.references.reference import Answer
from sdk.engine.folder import write_manifest
from sdk.engine.manifest import ImageInput, Manifest
from sdk.errors import InputError
from sdk.families.two_stage import Pipeline
from sdk.grounder import Grounder
from sdk.regions.clip import CROPS, TOKENIZER_FILE, Clip
from sdk.regions.detector import Detector
from sdk.regions.heatmap import HeatmapProposer
from sdk.regions.proposers import Proposer, ZoomProposer
from sdk.regions.refiners import Correction
from sdk.regions.scorers import SCORERS, Weighted

if TYPE_CHECKING:  # PyTorch, which detectors from ONNX files do without
    from export.clip import PreparedClip
    from export.refiner import PreparedRefiner

FAMILY, NETWORK = "two-stage", "detector"
# What judges words has no weights, and no photographs to be calibrated on: scores as they are.
UNCALIBRATED: Mapping[str, Any] = {"threshold": 0.25}


@dataclass(frozen=True)
class TwoStageOptions:
    """What becomes of a detector, and of the networks that compare images and texts.

    Attributes:
        detector: what its source does not say itself.
        scorers: who choose among its proposals.
        proposer: where it looks; a heatmap does without a detector.
        clip: the source of the image and text networks; None where nobody uses them, and for those
            of the refiner.
        refine: the checkpoint of a refiner that corrects the box that was chosen, None without.
    """

    detector: DetectorOptions = field(default_factory=DetectorOptions)
    scorers: tuple[Weighted, ...] = (Weighted(SCORERS["words"]),)
    proposer: Proposer | HeatmapProposer = field(default_factory=ZoomProposer)
    clip: str | None = None
    refine: str | None = None


class DetectorReference:
    """The sources are read when they are needed, and once.

    Args:
        source: the detector, None for a heatmap.
        options: what becomes of it.
    """

    kind = "detector"
    exact = True
    precision = "fp32"

    def __init__(self, source: str | None, options: TwoStageOptions) -> None:
        self._source, self._options = source, options
        named = (source, options.clip, options.refine)
        self._named = [each for each in named if each is not None]
        self.path = Path(self._named[0])
        heat = options.proposer
        first = heat.segmentation if isinstance(heat, HeatmapProposer) else self.path.stem
        then = [] if options.refine is None else ["refined"]
        self.name = "-".join([first, *(each.scorer.name for each in options.scorers), *then])

    def checkpoint_sha256(self) -> str | None:
        """The detector's hash; with others' networks, one over all of them."""
        parts = (self._detector, self._clip, self._refiner)
        found = [each.source.get("sha256") for each in parts if each]
        return found[0] if len(found) == 1 else hashlib.sha256(repr(found).encode()).hexdigest()

    def describe(self) -> str:
        names = " and ".join(Path(each).name for each in self._named)
        return f"{names}, run as {'their sources run them' if self._clip else 'its source runs it'}"

    def write_engine(self, folder: Path) -> None:
        import onnx

        folder.mkdir(parents=True)
        graphs = {} if self._detector is None else {NETWORK: self._detector.model}
        if self._clip is not None and self._sides is not None:
            graphs |= self._clip.networks(list(self._sides.signatures))
            shutil.copyfile(self._clip.tokenizer, folder / TOKENIZER_FILE)
        if self._refiner is not None:
            graphs[self._refiner.refiner.network] = self._refiner.network()
        for name, graph in graphs.items():
            onnx.save(graph, folder / f"{name}.onnx")
        write_manifest(folder, self._manifest(folder, list(graphs)))

    @contextmanager
    def networks(self) -> Iterator[RunNetwork]:
        """Each as it was given."""

        def run(name: str, feeds: Arrays) -> Arrays:
            if self._detector is not None and name == NETWORK:
                (pixels,) = feeds.values()
                return self._detector.original(pixels)
            if self._refiner is not None and name == self._refiner.refiner.network:
                return self._refiner.original(name, feeds)
            assert self._clip is not None, name
            return self._clip.original(name, feeds)

        yield run

    @contextmanager
    def answers(self, engine: Manifest) -> Iterator[Answer]:
        """Whole questions over them."""
        with tempfile.TemporaryDirectory() as folder, self.networks() as run:
            if self._clip is not None:
                shutil.copyfile(self._clip.tokenizer, Path(folder, TOKENIZER_FILE))
            with Grounder.over(HostRuntime(engine, run), Path(folder), engine) as grounder:
                yield grounder.locate

    def _manifest(self, folder: Path, names: list[str]) -> Manifest:
        networks = {name: described(folder / f"{name}.onnx") for name in names}
        inputs: dict[str, ImageInput] = {}
        block: dict[str, Any] = {}
        detector = clip = correction = None
        if self._detector is not None:
            found = self._detector
            (image,) = networks[NETWORK].inputs
            inputs[image], block["source"] = found.image, dict(found.source)
            detector = Detector(NETWORK, found.image.hw, found.head, found.names)
        if self._sides is not None:
            clip = self._sides
            inputs[CROPS] = clip.image
        if self._refiner is not None:
            correction = Correction(self._refiner.refiner)
        block |= Pipeline(
            detector,
            self._options.proposer,
            self._options.scorers,
            clip=clip,
            correction=correction,
        ).to_mapping()
        if self._clip is not None:
            block["clip"]["source"] = dict(self._clip.source)
        if self._refiner is not None:
            block["refine"]["source"] = dict(self._refiner.source)
        return Manifest(
            name=self.name,
            family=FAMILY,
            networks=networks,
            inputs=inputs,
            text=None,
            calibration=UNCALIBRATED,
            block=block,
            checkpoint={"sha256": self.checkpoint_sha256()},
            versions={"onnx": version("onnx")},
            files={} if clip is None else {TOKENIZER_FILE: ""},
        )

    @cached_property
    def _sides(self) -> Clip | None:
        """What of the image and text networks is needed, and how it is read."""
        if self._clip is None:
            return None
        clip = self._clip.clip
        if self._source is None and clip.reading == "softmax":  # there is one box to choose from
            clip = replace(clip, reading="cosine")
        heat = self._options.proposer
        if isinstance(heat, HeatmapProposer) and heat.pool == "attention":
            if self._clip.regions is None:
                raise InputError(
                    f"expected a CLIP (model_type clip) to pool regions by attention, found a model"
                    f" without a class token at {self._options.clip}: leave out --pool attention"
                )
            clip = replace(clip, regions=self._clip.regions)
        looks = self._many_looks or self._refiner is not None
        return clip if looks else replace(clip, image_network=None)

    @property
    def _many_looks(self) -> bool:
        """Whether proposals are looked at, many at once; a refiner looks again and again."""
        return any("image" in each.scorer.uses for each in self._options.scorers)

    @cached_property
    def _detector(self) -> PreparedDetector | None:
        return None if self._source is None else open_detector(self._source, self._options.detector)

    @cached_property
    def _refiner(self) -> PreparedRefiner | None:
        if self._options.refine is None:
            return None
        from export.refiner import open_refiner

        return open_refiner(Path(self._options.refine))

    @cached_property
    def _clip(self) -> PreparedClip | None:
        """The scorers', which is the refiner's: an engine has one.

        Raises InputError where they are not the same.
        """
        refiner, source = self._refiner, self._options.clip
        if source is None and refiner is not None:
            source = str(refiner.clip)
        if source is None:
            return None
        from export.clip import BATCH, open_clip

        found = open_clip(source, BATCH if self._many_looks else 1)
        if refiner is not None and found.source["sha256"] != refiner.clip_sha256:
            raise InputError(
                f"expected the CLIP that {self._options.refine} was trained over, its folder"
                f" {refiner.clip}, found another one at {source}"
            )
        return found
