"""What CLIP makes of crops and texts, as vectors of length 1 on the CPU, wherever the model is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from train.models.clip.networks import crop_features, token_features
from train.models.clip.public import PublicClip

_TEXTS_AT_ONCE = 64


@torch.inference_mode()
def image_vectors(opened: PublicClip, crops: NDArray[np.float32]) -> Tensor:
    """Crops (n, 3, S, S) -> vectors (n, D).

    Args:
        opened: the model.
        crops: as a view makes them for it.
    """
    device = opened.model.logit_scale.device
    found = crop_features(opened.model, torch.from_numpy(crops).to(device))
    return F.normalize(found.float(), dim=-1).cpu()


@torch.inference_mode()
def text_vectors(opened: PublicClip, texts: Sequence[str]) -> Tensor:
    """Texts -> vectors (M, D).

    Args:
        opened: the model.
        texts: at least one.
    """
    device = opened.model.logit_scale.device
    ids = torch.from_numpy(np.stack([opened.text_ids(text)[0] for text in texts])).long()
    found = [token_features(opened.model, part.to(device)) for part in ids.split(_TEXTS_AT_ONCE)]
    return F.normalize(torch.cat(found).float(), dim=-1).cpu()
