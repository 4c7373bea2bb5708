"""A small CLIP to train from scratch: its size, and a tokenizer made of the sentences themselves.

It is written as a folder in transformers' format, with random weights, so that there is one way to
begin: from a folder.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from train.data.vocabulary import pieces_of
from train.models.clip.public import OPENAI, TOKENIZER, TOKENIZER_CONFIG, write_weights
from train.public_folder import PROCESSOR
from train.storage import whole_file

SIDE, PATCH = 64, 8  # of a crop and of its patches, in pixels
WIDTH = 128  # of features that are compared
VISION = {
    "hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4,
}  # fmt: skip
TEXT = {
    "hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4,
}  # fmt: skip

# CLIP's text network answers at the first end of the text, unless that is token 2 (an old mistake
# of its configuration, which transformers honours).
PAD, UNKNOWN, START, END = "[PAD]", "[UNK]", "[START]", "[END]"
_SPECIAL = (PAD, UNKNOWN, START, END)
_MOST_WORDS = 20_000  # whole ones: the most frequent
_MOST_TOKENS = 77  # of a text, as CLIP's


def write_small_clip(folder: Path, refs: Sequence[str], seed: int) -> None:
    """Writes a model with random weights for sentences like these.

    Args:
        folder: which is made.
        refs: normalised sentences, whose words become tokens.
        seed: of the weights.
    """
    import torch
    from transformers import CLIPConfig, CLIPModel

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(refs)
    longest = max((len(tokenizer.encode(ref).ids) for ref in refs), default=0)
    tokens = min(_MOST_TOKENS, max(16, 2 * longest))  # room for what others will say
    numbers = {name: tokenizer.token_to_id(name) for name in _SPECIAL}
    activation = {"hidden_act": "gelu"}
    text = TEXT | activation | {
        "vocab_size": tokenizer.get_vocab_size(),
        "max_position_embeddings": tokens,
        "pad_token_id": numbers[PAD],
        "bos_token_id": numbers[START],
        "eos_token_id": numbers[END],
    }  # fmt: skip
    vision = VISION | activation | {"image_size": SIDE, "patch_size": PATCH}
    torch.manual_seed(seed)
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=WIDTH)
    write_weights(folder, CLIPModel(config))
    with whole_file(folder / TOKENIZER) as partial:
        partial.write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
    _write_json(folder / TOKENIZER_CONFIG, _of_tokens(tokens))
    _write_json(folder / PROCESSOR, _of_pixels())


def make_tokenizer(refs: Iterable[str]) -> Tokenizer:
    """Whole words of the sentences; others are spelt in pieces, by letters in the end."""
    normalizer, split = (
        normalizers.BertNormalizer(lowercase=True),
        pre_tokenizers.BertPreTokenizer(),
    )
    counts = Counter(
        word for ref in refs for word, _ in split.pre_tokenize_str(normalizer.normalize_str(ref))
    )
    words = [word for word, _ in counts.most_common(_MOST_WORDS)]
    strange = sorted({sign for word in counts for sign in word if not sign.isascii()})
    spelling = [*strange, *(f"##{sign}" for sign in strange), *pieces_of(words)]
    entries = dict.fromkeys([*_SPECIAL, *words, *spelling])
    vocabulary = {entry: number for number, entry in enumerate(entries)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, split
    ends = [(name, vocabulary[name]) for name in (START, END)]
    tokenizer.post_processor = processors.TemplateProcessing(f"{START} $A {END}", None, ends)
    return tokenizer


def _of_tokens(tokens: int) -> dict[str, Any]:
    """How transformers reads the tokenizer."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": tokens,
        "pad_token": PAD,
        "unk_token": UNKNOWN,
        "bos_token": START,
        "eos_token": END,
    }


def _of_pixels() -> dict[str, Any]:
    """How transformers prepares pictures: CLIP's way."""
    mean, std = OPENAI
    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": SIDE},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": SIDE, "width": SIDE},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [each / 255 for each in mean],
        "image_std": [each / 255 for each in std],
        "do_convert_rgb": True,
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
