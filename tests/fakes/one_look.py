"""Very small MDETR and TransVG models, and checkpoints of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch

from evaluation.scenes import vocabulary
from sdk.sentences import SentenceTokenizer
from train.checkpoint import save_checkpoint
from train.data.vocabulary import write_tokenizer
from train.families.one_stage import make_model
from train.models.mdetr.config import mdetr_tiny
from train.models.one_look import Model
from train.models.transvg.config import transvg_tiny

PRESETS = {"mdetr": mdetr_tiny, "transvg": transvg_tiny}
TEXT = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
}  # fmt: skip
LEAST = {
    "input_hw": (64, 96),
    "max_tokens": 12,
    "backbone": {"kind": "resnet", "stem": 8, "planes": [8, 8, 8, 8], "blocks": [1, 1, 1, 1]},
    "width": 16,
    "heads": 2,
    "inner": 24,
    "layers": 1,
}
OWN = {
    "mdetr": {"queries": 5, "decoder_layers": 2, "aligned": 8},
    "transvg": {"visual_width": 16, "visual_heads": 2, "visual_inner": 24, "visual_layers": 1},
}


def make(method: str, vocabulary_size: int = 64, **changes: Any) -> Model:
    """A model with random values in every tensor, in eval mode."""
    preset = PRESETS[method](vocabulary_size)
    text = {**preset.text, **TEXT}
    values = {**LEAST, "text": text, **OWN[method], **changes}
    model = make_model(dataclasses.replace(preset, **values))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            plain = "norm" not in name and parameter.ndim > 1
            gain = 1.4 if parameter.ndim == 4 else 1.0
            scale = gain * parameter[0].numel() ** -0.5 if plain else 0.3
            parameter.normal_(0, scale, generator=generator)
            if ("norm" in name or "bn" in name) and name.endswith("weight"):
                parameter.add_(1)
        for name, buffer in model.named_buffers():
            if name.endswith("running_var"):  # small: else nothing of a picture comes through
                buffer.uniform_(0.4, 0.8, generator=generator)
            elif name.endswith("running_mean"):
                buffer.uniform_(-0.2, 0.2, generator=generator)
    return model.eval()


def checkpoint(folder: Path, method: str, **changes: Any) -> Path:
    """A checkpoint folder; its tokenizer knows the words of the plain grammar."""
    folder.mkdir(parents=True)
    write_tokenizer(vocabulary(), folder / "tokenizer.json")
    words = SentenceTokenizer.from_file(folder / "tokenizer.json", 12).vocabulary_size
    save_checkpoint(folder, make(method, words, **changes), folder / "tokenizer.json")
    return folder
