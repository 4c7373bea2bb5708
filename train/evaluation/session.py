"""The PyTorch model as a ``sdk.zoom.search.Session``: everyone runs the same loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdk.preprocess import network_input
from sdk.results.grounding import Candidates
from sdk.text import Tokens
from sdk.zoom.search import GroundInput
from train.losses.boxes import to_corners
from train.models.grounding_dino.grounder import PizaGrounder, Prediction


@dataclass(frozen=True)
class TextFeatures:
    """Text features (1, T, D) with the ids that the ground network needs again, (1, T)."""

    features: Tensor
    segments: Tensor
    positions: Tensor


class TorchSession:
    """Runs a ``PizaGrounder`` where it is, as the vehicle does."""

    def __init__(self, model: PizaGrounder) -> None:
        self.model = model.eval()
        self.device = next(model.parameters()).device

    def upload(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return frame

    @torch.inference_mode()
    def encode_text(self, tokens: Tokens) -> TextFeatures:
        ids, segments, positions = (
            torch.from_numpy(row.astype(np.int64))[None].to(self.device)
            for row in (tokens.ids, tokens.segments, tokens.positions)
        )
        features = self.model.encode_text(ids, segments, positions)
        return TextFeatures(features, segments, positions)

    @torch.inference_mode()
    def encode_images(
        self, frame: NDArray[np.uint8], windows_xyxy: NDArray[np.float64]
    ) -> list[Tensor]:
        config = self.model.config
        pixels = network_input(frame, windows_xyxy, config.input_hw, config.mean, config.std)
        features = self.model.encode_image(torch.from_numpy(pixels).to(self.device))
        return list(features.split(1))

    @torch.inference_mode()
    def ground(self, looks: Sequence[GroundInput]) -> list[Candidates]:
        image = torch.cat([look.image for look in looks])
        features, segments, positions = (
            torch.cat([getattr(look.text, name) for look in looks])
            for name in ("features", "segments", "positions")
        )
        progress = torch.tensor([look.progress for look in looks], device=self.device)
        prediction = self.model.ground(image, features, segments, positions, progress)
        boxes, scores = (each.cpu().numpy() for each in ranked(prediction))
        return [Candidates(*pair) for pair in zip(boxes, scores, strict=True)]


def ranked(prediction: Prediction) -> tuple[Tensor, Tensor]:
    """The last layer's queries, best first: boxes (..., K, 4) xyxy unit, scores (..., K).

    A query's score is its best token's, as published.
    """
    scores = prediction.query_logits[-1].amax(-1).sigmoid()
    order = torch.topk(scores, scores.shape[-1], dim=-1)
    places = order.indices[..., None].expand(prediction.query_boxes[-1].shape)
    boxes = torch.gather(prediction.query_boxes[-1], -2, places)
    return to_corners(boxes), order.values
