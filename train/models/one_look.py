"""The three networks of a one-look model, as modules with exactly the inputs and outputs of their
graphs: text once a sentence, image once a frame, joint once for both.

Inside the joint network there is no batch: the axis of length 1 is taken off the inputs and put on
the outputs, which makes the smallest graphs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sdk.families.one_stage import JOINT, METHODS
from sdk.zoom.answering import IMAGE, TEXT
from train.families.family import TorchNetwork
from train.losses.boxes import to_corners
from train.models.mdetr import model as mdetr
from train.models.mdetr.model import Mdetr
from train.models.transvg import model as transvg
from train.models.transvg.model import Transvg

Model = Mdetr | Transvg


class TextNetwork(nn.Module):
    """Ids and mask, each (1, T) int32 -> text features (1, T, D)."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, token_mask: Tensor) -> Tensor:
        return self.model.encode_text(input_ids.squeeze(0), token_mask.squeeze(0))[None]


class ImageNetwork(nn.Module):
    """Pixels (1, 3, H, W) -> what the model's ``Seen`` has, each (1, N, ...)."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.model.encode_image(pixels))


class MdetrJoint(nn.Module):
    """An image and a sentence -> boxes (1, Q, 4) xyxy, scores (1, Q), best first."""

    def __init__(self, model: Mdetr) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        image_features: Tensor,
        image_places: Tensor,
        image_shown: Tensor,
        text_features: Tensor,
        token_mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        seen = mdetr.Seen(*(x.squeeze(0) for x in (image_features, image_places, image_shown)))
        text, mask = text_features.squeeze(0), token_mask.squeeze(0)
        found = self.model.ground(seen, text, mask, last_only=True)
        boxes, scores = ranked(found)
        return boxes[None], scores[None]


class TransvgJoint(nn.Module):
    """An image and a sentence -> the box (1, 1, 4) xyxy of the input."""

    def __init__(self, model: Transvg) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        image_features: Tensor,
        image_shown: Tensor,
        text_features: Tensor,
        token_mask: Tensor,
    ) -> Tensor:
        seen = transvg.Seen(image_features.squeeze(0), image_shown.squeeze(0))
        found = self.model.ground(seen, text_features.squeeze(0), token_mask.squeeze(0))
        return to_corners(found.box)[None, None]


def ranked(found: mdetr.Prediction) -> tuple[Tensor, Tensor]:
    """The last layer's queries, best first: boxes (..., Q, 4) xyxy, scores (..., Q)."""
    scores = mdetr.scores(found.logits[-1])
    order = torch.topk(scores, scores.shape[-1], dim=-1)
    boxes = to_corners(found.boxes[-1])
    places = order.indices[..., None].expand(boxes.shape)
    return torch.gather(boxes, -2, places), order.values


def networks(model: Model) -> tuple[TorchNetwork, ...]:
    """The networks of ``model``, which goes into eval mode, wherever it is."""
    model.eval()
    method, config = METHODS[model.config.METHOD], model.config
    device = next(model.parameters()).device
    ids = torch.ones(1, config.max_tokens, dtype=torch.int32, device=device)
    pixels = torch.ones(1, 3, *config.input_hw, device=device)
    joint = MdetrJoint(model) if isinstance(model, Mdetr) else TransvgJoint(model)
    with torch.inference_mode():
        text, seen = model.encode_text(ids, ids), model.encode_image(pixels)
    given = {name: each.clone() for name, each in zip(method.seen, seen, strict=True)}
    given |= {"text_features": text.clone(), "token_mask": ids.clone()}
    prompt = {"input_ids": ids, "token_mask": ids.clone()}
    return (
        TorchNetwork(TEXT, TextNetwork(model), prompt, ("text_features",)),
        TorchNetwork(IMAGE, ImageNetwork(model), {"pixels": pixels}, method.seen),
        TorchNetwork(JOINT, joint, given, method.outputs),
    )
