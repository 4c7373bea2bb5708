"""The eight methods of the paper: what each adds to Grounding DINO, and what it trains.

Three families of parameter-efficient adapters (CoOp, LoRA, Adapter+), each plain and with PIZA;
besides them the base as it is (zero-shot) and the base trained as a whole (full). A PIZA method
zooms and tells its adapters how far the search is; a plain one answers in one step from the whole
frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the configuration of a model names its method: no import in a circle
    from torch import nn

    from train.models.grounding_dino.grounder import PizaGrounder

Family = Literal["zero-shot", "full", "coop", "lora", "adapter+"]


@dataclass(frozen=True)
class Method:
    """``family``: what is added to the base; ``zooms``: step by step, and conditioned on it."""

    name: str
    family: Family
    zooms: bool = False


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("zero-shot", "zero-shot"),
        Method("full", "full"),
        Method("coop", "coop"),
        Method("lora", "lora"),
        Method("adapter+", "adapter+"),
        Method("piza-coop", "coop", zooms=True),
        Method("piza-lora", "lora", zooms=True),
        Method("piza-adapter+", "adapter+", zooms=True),
    )
}


def trainable(model: PizaGrounder) -> list[nn.Parameter]:
    """The parameters that the model's method trains, each once.

    Zero-shot: none. Full: all of the base. Adapters: their own, the zoom embedding and every norm
    layer but the group norms of the neck, which is the published choice (236 tensors for Swin-T).
    Never the box-history encoder, which is trained first and on its own.

    A tensor before units that died (their ReLU is zero whatever comes) has no gradient and never
    moves, as three of the 343 of a piza-tiny may: the layers of ``decoder.reference_points_head``
    but for the last bias. ``tune`` names such tensors in the end.
    """
    family = METHODS[model.config.method].family
    if family == "zero-shot":
        return []
    named = [(n, p) for n, p in model.named_parameters() if not n.startswith("history.")]
    if family == "full":
        return [parameter for _, parameter in named]
    norms = _norms(model)
    return [p for n, p in named if is_added(n) or id(p) in norms]


def is_added(name: str) -> bool:
    """Whether a parameter of this name was added to the base by a method."""
    return name.split(".")[0] in _ADDED or ".lora_" in name


_UNUSED = "swin.layernorm"  # of Swin as a classifier
_ADDED = ("adapters", "text_adapters", "context", "zoom_embedding")


def _norms(model: PizaGrounder) -> set[int]:
    """Ids of the parameters of layer norms and batch norms of the base that features go through."""
    from torch import nn

    return {
        id(parameter)
        for name, module in model.base.named_modules()
        if isinstance(module, (nn.LayerNorm, nn.BatchNorm2d)) and not name.endswith(_UNUSED)
        for parameter in module.parameters()
    }
