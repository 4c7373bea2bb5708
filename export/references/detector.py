"""A detector and scorers as the reference: the source's network, asked by the vehicle's code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evaluation.host_runtime import Arrays, HostRuntime, RunNetwork
from export.detectors.detector import DetectorOptions, PreparedDetector, open_detector
from export.onnx.description import described
from export.references.reference import Answer
from sdk.engine.folder import write_manifest
from sdk.engine.manifest import Manifest
from sdk.families.two_stage import Pipeline
from sdk.grounder import Grounder
from sdk.regions.detector import Detector
from sdk.regions.proposers import Proposer, ZoomProposer
from sdk.regions.scorers import SCORERS, Weighted

FAMILY, NETWORK = "two-stage", "detector"
# What judges words has no weights, and no photographs to be calibrated on: scores as they are.
UNCALIBRATED: Mapping[str, Any] = {"threshold": 0.25}


@dataclass(frozen=True)
class TwoStageOptions:
    """What becomes of a detector.

    Attributes:
        detector: what its source does not say itself.
        scorers: who choose among its proposals.
        proposer: where it looks.
    """

    detector: DetectorOptions = field(default_factory=DetectorOptions)
    scorers: tuple[Weighted, ...] = (Weighted(SCORERS["words"]),)
    proposer: Proposer = field(default_factory=ZoomProposer)


class DetectorReference:
    """The source is read when it is needed, and once."""

    kind = "detector"
    exact = True
    precision = "fp32"

    def __init__(self, source: str, options: TwoStageOptions) -> None:
        self.path, self._source, self._options = Path(source), source, options
        self.name = f"{Path(source).stem}-{'-'.join(s.scorer.name for s in options.scorers)}"

    def checkpoint_sha256(self) -> str | None:
        return self._detector.source.get("sha256")

    def describe(self) -> str:
        return f"{Path(self._source).name}, run as its source runs it"

    def write_engine(self, folder: Path) -> None:
        import onnx

        folder.mkdir(parents=True)
        file = folder / f"{NETWORK}.onnx"
        onnx.save(self._detector.model, file)
        write_manifest(folder, self._manifest(file))

    @contextmanager
    def networks(self) -> Iterator[RunNetwork]:
        """The detector as it was given."""

        def run(name: str, feeds: Arrays) -> Arrays:
            (pixels,) = feeds.values()
            return self._detector.original(pixels)

        yield run

    @contextmanager
    def answers(self, engine: Manifest) -> Iterator[Answer]:
        """Whole questions over it."""
        with (
            self.networks() as run,
            Grounder.over(HostRuntime(engine, run), self.path, engine) as grounder,
        ):
            yield grounder.locate

    def _manifest(self, file: Path) -> Manifest:
        found, network = self._detector, described(file)
        (image,) = network.inputs
        detector = Detector(NETWORK, found.image.hw, found.head, found.names)
        pipeline = Pipeline(detector, self._options.proposer, self._options.scorers)
        return Manifest(
            name=self.name,
            family=FAMILY,
            networks={NETWORK: network},
            inputs={image: found.image},
            text=None,
            calibration=UNCALIBRATED,
            block={**pipeline.to_mapping(), "source": dict(found.source)},
            checkpoint={"sha256": self.checkpoint_sha256()},
            versions={"onnx": version("onnx")},
        )

    @cached_property
    def _detector(self) -> PreparedDetector:
        return open_detector(self._source, self._options.detector)
