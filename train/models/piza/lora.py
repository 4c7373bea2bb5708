"""LoRA through peft, and what PIZA adds to it: ``W x + B A x [+ B C e]``, e the zoom embedding.

The paper adapts "all self- and cross-attention projections" at rank 16. Our reading is the one
whose parameters come to the published 1.3 M (1,179,648 and the norms): every multi-head attention
of the text enhancer and of the decoder, and the two-way attention of the fusion layers. With the
deformable attentions it would be 1.6 M, with BERT's 2.5 M. Query, key and value are blocks of one
packed projection in the published model, so they have one A in common; with one each it would be
1.4 M. (BERT's attentions alone have the same 1,179,648, but there is no cross-attention in them.)

e reaches the three projections of each fusion layer that image features go into or come out of,
since in Adapter+, too, only the image layers hear about the zoom: 0.2 M with the zoom embedding,
as published. Which projections the paper means is not known: our choice.
"""

from __future__ import annotations

from torch import Tensor, nn

HEARING = ("vision_proj", "values_vision_proj", "out_vision_proj")
_PACKED = ("query", "key", "value")
_IN_ENCODER = (
    r"\d+\.(text_enhancer_layer\.self_attn\.(query|key|value|out_proj)"
    r"|fusion_layer\.attn\.\w+_proj)"
)
_IN_DECODER = r"\d+\.(self_attn|encoder_attn_text)\.(query|key|value|out_proj)"


class ZoomLoRA(nn.Module):
    """A projection with LoRA that also hears about the zoom: ``lora(x) + B C e``."""

    def __init__(self, lora: nn.Module, rank: int, zoom_dim: int) -> None:
        super().__init__()
        self.lora = lora
        self.lora_C = nn.Linear(zoom_dim, rank, bias=False)

    def moved(self, zoom: Tensor) -> Tensor:
        """zoom (..., 1, zoom_dim) -> what is added to every row, (..., 1, D')."""
        told: Tensor = self.lora.lora_B["default"](self.lora_C(zoom))
        return told


def add_lora(base: nn.Module, rank: int, zoom_dim: int | None) -> None:
    """Gives a Grounding DINO its LoRA layers, in place; those of ``HEARING`` hear about the zoom.

    B starts at zero, so that nothing changes before training. No dropout, no scaling.
    """
    from peft import LoraConfig, inject_adapter_in_model

    encoder, decoder = base.model.encoder.layers, base.model.decoder.layers
    for layers, targets in ((encoder, _IN_ENCODER), (decoder, _IN_DECODER)):
        settings = LoraConfig(r=rank, lora_alpha=rank, target_modules=targets)
        inject_adapter_in_model(settings, layers)
        layers.requires_grad_(True)  # peft froze the rest: not for it to say
        for module in list(layers.modules()):
            if all(hasattr(getattr(module, name, None), "lora_A") for name in _PACKED):
                module.key.lora_A = module.value.lora_A = module.query.lora_A
    if zoom_dim is not None:
        for layer in encoder:
            attention = layer.fusion_layer.attn
            for name in HEARING:
                projection = ZoomLoRA(getattr(attention, name), rank, zoom_dim)
                setattr(attention, name, projection)


def effective(module: nn.Module, zoom: Tensor | None) -> tuple[Tensor, Tensor]:
    """Weight (D', D) and bias (..., 1, D') of a projection, with whatever LoRA adds to it.

    zoom (..., 1, zoom_dim): for projections that hear about it.
    """
    if isinstance(module, ZoomLoRA):
        weight, bias = effective(module.lora, None)
        return weight, bias if zoom is None else bias + module.moved(zoom)
    if hasattr(module, "lora_A"):
        weight, bias = effective(module.base_layer, None)
        a, b = (getattr(module, name)["default"].weight for name in ("lora_A", "lora_B"))
        return weight + b @ a, bias
    return module.weight, module.bias[None]


def plain_name(name: str) -> str:
    """The name that a parameter of the base has in a model without LoRA."""
    return name.replace(".lora.base_layer.", ".").replace(".base_layer.", ".")
