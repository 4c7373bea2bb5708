"""How well crops and sentences find each other, among those of one photograph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from evaluation.groups import relations
from sdk.errors import InputError
from sdk.frame import read_image
from sdk.geometry import as_boxes
from sdk.regions.views import View
from train.data.boxes import Box
from train.data.pairs import Spoken
from train.models.clip.networks import crop_features, token_features
from train.models.clip.public import PublicClip


@dataclass(frozen=True)
class Retrieval:
    """Called with a model, gives its figures, all of them shares.

    ``retrieval``: sentences whose nearest crop, among the objects of the photograph, is one that
    they are said of; ``phrases``: the same of those that name no relation, where there are any;
    ``sentences``: crops whose nearest sentence, among the photograph's, is said of them.

    Attributes:
        photographs: the objects of each, by its name; two at least.
        images: their folder.
        view: how crops are shown.
        opened: what the model takes.
    """

    photographs: Mapping[str, tuple[Spoken, ...]]
    images: Path
    view: View
    opened: PublicClip

    def __call__(self, model: Any) -> dict[str, float]:
        found: dict[str, list[bool]] = {"retrieval": [], "phrases": [], "sentences": []}
        for name, objects in self.photographs.items():
            refs = list(dict.fromkeys(ref for each in objects for ref in each.refs))
            likeness = self._likeness(model, name, objects, refs)
            right = np.array([[ref in each.refs for ref in refs] for each in objects])
            hits = right[likeness.argmax(0), np.arange(len(refs))].tolist()
            found["retrieval"] += hits
            found["phrases"] += [h for h, ref in zip(hits, refs, strict=True) if not relations(ref)]
            spoken = right.any(1)
            found["sentences"] += right[spoken, likeness.argmax(1)[spoken]].tolist()
        return {name: sum(hits) / len(hits) for name, hits in found.items() if hits}

    @torch.inference_mode()
    def _likeness(
        self, model: Any, name: str, objects: tuple[Spoken, ...], refs: list[str]
    ) -> np.ndarray:
        """Cosines (objects, refs)."""
        frame = read_image(self.images / name)
        boxes = as_boxes([each.xyxy for each in objects])
        crops = torch.from_numpy(self.view.crops(frame, "bgr", boxes, self.opened.image))
        text_ids = self.opened.text_ids
        ids = torch.from_numpy(np.stack([text_ids(ref)[0] for ref in refs])).long()
        device = model.logit_scale.device
        seen = crop_features(model, crops.to(device))
        said = token_features(model, ids.to(device))
        likeness: Tensor = F.normalize(seen, dim=-1) @ F.normalize(said, dim=-1).T
        return likeness.cpu().numpy()


def among_all(
    photographs: Mapping[str, tuple[Spoken, ...]], boxes: Mapping[str, Sequence[Box]]
) -> dict[str, tuple[Spoken, ...]]:
    """The photographs with the objects that nobody speaks of: they can be taken for others."""
    return {
        name: (
            *objects,
            *(
                Spoken(xyxy, ())
                for xyxy in dict.fromkeys(box.xyxy for box in boxes.get(name, ()))
                if all(xyxy != each.xyxy for each in objects)
            ),
        )
        for name, objects in photographs.items()
    }


def to_be_told_apart(
    photographs: Mapping[str, tuple[Spoken, ...]], sentences: int, seed: int
) -> dict[str, tuple[Spoken, ...]]:
    """Photographs with several objects, at random, until there are so many sentences.

    Raises InputError when there are none.
    """
    several = [name for name, objects in photographs.items() if len(objects) > 1]
    if not several:
        raise InputError(
            "expected photographs with at least two objects to check with, found none: in one that"
            " has a single object every sentence finds it"
        )
    chosen: dict[str, tuple[Spoken, ...]] = {}
    for k in np.random.default_rng((seed, 4)).permutation(len(several)):
        if sentences <= 0:
            break
        chosen[several[k]] = photographs[several[k]]
        sentences -= sum(len(each.refs) for each in photographs[several[k]])
    return chosen
