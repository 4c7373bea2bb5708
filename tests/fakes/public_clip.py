"""Small random models of CLIP, SigLIP and SigLIP 2, with tokenizers of their kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

SIDE, PATCH, TOKENS = 24, 8, 12
LAYERS = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2,
}  # fmt: skip
WORDS = ("the", "red", "car", "a", "van", "white", "left", "of", "bus", "behind")


def clip_tokenizer() -> Any:
    """Byte-level BPE, as CLIP's: every letter a token, some pairs joined."""
    letters = [chr(code) for code in range(97, 123)] + [",", "'", "."]
    ends = [f"{letter}</w>" for letter in letters]
    joined = ["th", "the</w>", "re", "red</w>", "ca", "car</w>"]
    names = [*letters, *ends, *joined, "<|startoftext|>", "<|endoftext|>"]
    merges = [("t", "h"), ("th", "e</w>"), ("r", "e"), ("re", "d</w>"), ("c", "a"), ("ca", "r</w>")]
    return transformers.CLIPTokenizer({name: k for k, name in enumerate(names)}, merges)


def siglip_tokenizer() -> Any:
    """Pieces of words with their probabilities, as SentencePiece's, and the end of the text."""
    pieces = [("</s>", 0.0), ("<unk>", 0.0)] + [(f"▁{word}", -2.0) for word in WORDS]
    pieces += [(chr(code), -9.0) for code in range(97, 123)] + [("▁", -8.0)]
    inner = Tokenizer(models.Unigram(pieces, unk_id=1))
    inner.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace(Regex(r"[^\w\s]"), "")]
    )
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 0)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="</s>", eos_token="</s>", unk_token="<unk>"
    )


def siglip2_tokenizer() -> Any:
    """Bytes and letters, as Gemma's."""
    names = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁"]
    names += [chr(code) for code in range(97, 123)] + [f"<0x{byte:02X}>" for byte in range(256)]
    vocabulary = {name: number for number, name in enumerate([*names, "ca", "car"])}
    made = transformers.Siglip2Tokenizer(
        vocabulary, [("c", "a"), ("ca", "r")], padding_side="right"
    )
    made._tokenizer.post_processor = processors.TemplateProcessing(
        "$A <eos>", special_tokens=[("<eos>", 1)]
    )
    return made


TOKENIZERS: dict[str, Callable[[], Any]] = {
    "clip": clip_tokenizer,
    "siglip": siglip_tokenizer,
    "siglip2": siglip2_tokenizer,
}


def model_of(kind: str, tokenizer: Any) -> Any:
    """A small one with random weights."""
    special = {
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": tokenizer.bos_token_id or 0,
        "pad_token_id": tokenizer.pad_token_id,
    }
    text = LAYERS | {"vocab_size": len(tokenizer), "max_position_embeddings": TOKENS} | special
    vision = LAYERS | {"patch_size": PATCH}
    torch.manual_seed(0)
    torch.set_num_threads(1)
    if kind == "clip":
        config = transformers.CLIPConfig(
            text_config=text, vision_config=vision | {"image_size": SIDE}, projection_dim=16
        )
        return transformers.CLIPModel(config)
    text["projection_size"] = LAYERS["hidden_size"]
    if kind == "siglip":
        config = transformers.SiglipConfig(
            text_config=text, vision_config=vision | {"image_size": SIDE}
        )
        return transformers.SiglipModel(config)
    patches = (SIDE // PATCH) ** 2
    config = transformers.Siglip2Config(
        text_config=text, vision_config=vision | {"num_patches": patches}
    )
    return transformers.Siglip2Model(config)


Made = tuple[Path, Any, Any]


def make(folder: Path, kind: str) -> Made:
    """A folder in transformers' format, its model and its tokenizer."""
    tokenizer = TOKENIZERS[kind]()
    model = model_of(kind, tokenizer).eval()
    with torch.no_grad():
        for each in model.parameters():  # so that no vector is nearly another
            each.add_(torch.randn_like(each) * 0.05)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder, model, tokenizer
