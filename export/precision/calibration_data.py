"""Calibration: what the networks really get, taken from whole searches on rendered scenes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.questions import questions
from evaluation.seeds import RANGES
from sdk.engine.folder import read_manifest
from sdk.geometry import Boxes
from sdk.grounder import Grounder
from sdk.preprocess import network_input
from sdk.runtime.arithmetic import eight_bits
from sdk.text import Tokenizer
from train.progress import Progress

SCENES = 32

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Step:
    """One zoom: the inputs of text and image network, and the progress (1,) of the ground network.

    The prompt's ids, each (1, T) int32; pixels (1, 3, H, W) float32.
    """

    prompt: Arrays
    pixels: NDArray[np.float32]
    progress: NDArray[np.float32]


def calibration_steps(folder: Path, scenes: int, seed: int = RANGES.first) -> list[Step]:
    """All zooms of one search in each of ``scenes`` scenes, by the engine in ``folder``."""
    manifest = read_manifest(folder)
    tokenizer = Tokenizer.from_file(folder / "tokenizer.json", manifest.max_tokens)
    steps: list[Step] = []
    with (
        Grounder(folder, allow_unproven=True) as grounder,
        warnings.catch_warnings(),
        Progress("calibrating on scenes", scenes) as progress,
    ):
        warnings.simplefilter("ignore", UserWarning)  # unknown words
        for question in questions(seed, scenes):
            prompt = tokenizer.encode(question.ref).prompt
            for zoom in grounder.locate(question.frame, question.ref).zooms:
                pixels = network_input(
                    question.frame,
                    zoom.window_xyxy.astype(np.float64),
                    manifest.input_hw,
                    manifest.preprocess.mean,
                    manifest.preprocess.std,
                )
                done = np.array([zoom.progress], np.float32)
                steps.append(Step(prompt, np.array(pixels), done))
            progress.step()
    return steps


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network triple says of each step: boxes (S, K, 4) and scores (S, K), best first."""

    boxes: Boxes
    scores: NDArray[np.float32]


class Chain:
    """The three networks one after the other, with what they were given kept for calibration."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps

    def text(self, model: Any) -> list[Arrays]:
        """Text features of every step."""
        return list(_run(model, ({**step.prompt} for step in self.steps)))

    def image(self, model: Any) -> list[Arrays]:
        """Image features of every step."""
        return list(_run(model, ({"pixels": step.pixels} for step in self.steps)))

    def ground_feeds(self, text: list[Arrays], image: list[Arrays]) -> Iterator[Arrays]:
        """Inputs of the ground network."""
        for step, words, pixels in zip(self.steps, text, image, strict=True):
            prompt = {name: step.prompt[name] for name in ("segment_ids", "position_ids")}
            yield {**pixels, **words, **prompt, "progress": step.progress}

    def ground(self, model: Any, text: list[Arrays], image: list[Arrays]) -> Answers:
        """Boxes and scores of every step."""
        said = list(_run(model, self.ground_feeds(text, image)))
        boxes, scores = (
            np.concatenate([each[name] for each in said]) for name in ("boxes", "scores")
        )
        return Answers(boxes.astype(np.float64), scores)


def _run(model: Any, feeds: Iterator[Arrays]) -> Iterator[Arrays]:
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
        yield dict(zip(names, session.run(names, each), strict=True))
