"""The three networks of an engine, as modules with exactly the inputs and outputs of their graphs.

Everything that depends on the input size alone becomes an initialiser; ids are int32. Inside there
is no batch: the axis of length 1 is taken off the inputs and put on the outputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sdk.zoom.answering import MEANINGS
from train.families.family import TorchNetwork
from train.losses.boxes import to_corners
from train.models.grounding_dino.deformable import Sampler, gather_sampler
from train.models.grounding_dino.grounder import PizaGrounder, Prediction


class TextNetwork(nn.Module):
    """Token, segment and position ids, each (1, T) int32 -> text features (1, T, D)."""

    def __init__(self, model: PizaGrounder) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, segment_ids: Tensor, position_ids: Tensor) -> Tensor:
        ids = (each.squeeze(0) for each in (input_ids, segment_ids, position_ids))
        return self.model.encode_text(*ids)[None]


class ImageNetwork(nn.Module):
    """Pixels (1, 3, H, W) -> image features (1, N, D)."""

    def __init__(self, model: PizaGrounder) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model.encode_image(pixels)


class GroundNetwork(nn.Module):
    """Image and text features, ids and progress -> boxes (1, K, 4) xyxy unit, scores (1, K).

    Models that do not zoom take no progress. Where the configuration asks for it there is a third
    output, logits (1, N, T): how far each location is what each token's word means by itself. They
    are those of the last encoder layer but one, before relations are resolved (see
    ``train.losses.auxiliary.mention_loss``): "the bus" is there, whatever is left of it.
    """

    def __init__(self, model: PizaGrounder, sampler: Sampler) -> None:
        super().__init__()
        self.model, self.sampler = model, sampler

    def forward(
        self,
        image_features: Tensor,
        text_features: Tensor,
        segment_ids: Tensor,
        position_ids: Tensor,
        progress: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        prediction = self.model.ground(
            image_features.squeeze(0),
            text_features.squeeze(0),
            segment_ids.squeeze(0),
            position_ids.squeeze(0),
            image_features.new_zeros(1) if progress is None else progress,
            sampler=self.sampler,
            last_only=True,
            inner=bool(self.model.levels),
        )
        told = [*ranked(prediction), *prediction.inner_logits[-2:-1]]
        return tuple(each[None] for each in told)


def ranked(prediction: Prediction) -> tuple[Tensor, Tensor]:
    """The last layer's queries, best first: boxes (..., K, 4) xyxy unit, scores (..., K).

    A query's score is its best token's, as published.
    """
    scores = prediction.query_logits[-1].amax(-1).sigmoid()
    order = torch.topk(scores, scores.shape[-1], dim=-1)
    places = order.indices[..., None].expand(prediction.query_boxes[-1].shape)
    boxes = torch.gather(prediction.query_boxes[-1], -2, places)
    return to_corners(boxes), order.values


def networks(model: PizaGrounder, sampler: Sampler = gather_sampler) -> tuple[TorchNetwork, ...]:
    """The networks of ``model``, which goes into eval mode, wherever it is.

    Deformable attention reads by ``sampler``; exported graphs do so by gather.
    """
    model.eval()
    device = next(model.parameters()).device
    length = model.config.max_tokens
    height, width = model.config.input_hw
    ids = torch.ones(1, length, dtype=torch.int32, device=device)
    prompt = {
        "segment_ids": ids.clone(),  # the exporter takes one tensor given twice for one input
        "position_ids": torch.arange(length, dtype=torch.int32, device=device)[None],
    }
    pixels = torch.zeros(1, 3, height, width, device=device)
    with torch.inference_mode():
        model.constants(device)  # made now, they are initialisers and not traced
        text = model.encode_text(ids, prompt["segment_ids"], prompt["position_ids"])
        image = model.encode_image(pixels)
    ground_inputs = {
        "image_features": image.clone(),
        "text_features": text.clone(),
        **prompt,
    }
    if model.config.zooms:
        ground_inputs["progress"] = torch.zeros(1, device=device)
    told = ("boxes", "scores", *((MEANINGS,) if model.levels else ()))
    return (
        TorchNetwork("text", TextNetwork(model), {"input_ids": ids, **prompt}, ("text_features",)),
        TorchNetwork("image", ImageNetwork(model), {"pixels": pixels}, ("image_features",)),
        TorchNetwork("ground", GroundNetwork(model, sampler), ground_inputs, told),
    )
