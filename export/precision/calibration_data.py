"""Calibration: what the networks really get, taken from whole searches on rendered scenes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from evaluation.host_runtime import Arrays, HostRuntime
from evaluation.questions import questions
from evaluation.seeds import RANGES
from export.references.reference import one_run
from export.trace import Recorder, Run
from sdk.engine.folder import read_manifest
from sdk.families import open_networks
from sdk.grounder import Grounder
from sdk.runtime.arithmetic import eight_bits
from train.progress import Progress

SCENES = 32


def calibration_runs(folder: Path, scenes: int, seed: int = RANGES.first) -> list[Run]:
    """Every run of a network in one search in each of ``scenes`` scenes, by the engine in
    ``folder``."""
    manifest = read_manifest(folder)
    with closing(open_networks(folder, manifest)) as runtime:
        recorder = Recorder(one_run(runtime))
        with (
            Grounder.over(HostRuntime(manifest, recorder), folder, manifest) as grounder,
            warnings.catch_warnings(),
            Progress("calibrating on scenes", scenes) as progress,
        ):
            warnings.simplefilter("ignore", UserWarning)  # unknown words
            for question in questions(seed, scenes):
                grounder.locate(question.frame, question.ref)
                progress.step()
    return recorder.runs


def run_model(model: Any, feeds: Iterable[Arrays]) -> Iterator[Arrays]:
    """What an ONNX model gives for each of ``feeds``, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    for key, value in eight_bits().session_entries.items():
        options.add_session_config_entry(key, value)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [value.name for value in session.get_outputs()]
    for each in feeds:
        yield dict(zip(names, session.run(names, dict(each)), strict=True))
