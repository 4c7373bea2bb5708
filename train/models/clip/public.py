"""CLIP, SigLIP and SigLIP 2 in transformers' format: opened, whole, and how texts become tokens.

Texts are lower case, as all expressions here are, which is what all three were trained on, and are
filled up to the full length without a mask: CLIP looks back only, and SigLIP was trained so.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from sdk.engine.manifest import ImageInput
from sdk.errors import CheckpointError
from sdk.regions.clip import TextIds
from sdk.text import load_tokenizer
from train.public_folder import CONFIG, PROCESSOR, PublicFolder, Statistics, public_folder
from train.storage import room_for, size_of, whole_file

# Model types whose networks equal transformers' own by test.
KNOWN = ("clip", "siglip", "siglip2")
TOKENIZER, TOKENIZER_CONFIG = "tokenizer.json", "tokenizer_config.json"
WEIGHTS = "model.safetensors"
_BESIDE = (TOKENIZER, TOKENIZER_CONFIG, PROCESSOR)  # what a model lies beside
OPENAI: Statistics = (
    (122.7709383, 116.7460125, 104.0937362),
    (68.5005327, 66.6321579, 70.3231630),
)
_HALF: Statistics = ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
_USUAL = {"clip": OPENAI, "siglip": _HALF, "siglip2": _HALF}  # where no processor is configured


@dataclass(frozen=True, eq=False)
class PublicClip:
    """A model and what it takes.

    Attributes:
        folder: where it lies.
        kind: one of ``KNOWN``.
        model: transformers', float32, in eval mode.
        image: the size of a crop, which is square, and how it is normalised.
        max_tokens: of a text, with those that its tokenizer adds.
        pad_id: the token that fills it up.
        pad_left: before the text, not behind it.
    """

    folder: PublicFolder
    kind: str
    model: Any
    image: ImageInput
    max_tokens: int
    pad_id: int
    pad_left: bool

    @cached_property
    def text_ids(self) -> TextIds:
        """Makes tokens of texts, as the vehicle does."""
        tokenizer = self.folder.path / TOKENIZER
        return TextIds(tokenizer, self.max_tokens, self.pad_id, self.pad_left)


def open_public_clip(source: str, attention: str = "eager") -> PublicClip:
    """Loads a model.

    Args:
        source: a folder in transformers' format, or an id of the hub.
        attention: transformers' name for how it is computed: "eager" for graphs.

    Raises:
        InputError: it is no such model.
        CheckpointError: it can neither be found nor fetched or read, or has no tokenizer of its
            own.
    """
    folder = public_folder(source, "CLIP", (TOKENIZER, TOKENIZER_CONFIG))
    kind = folder.model_type(KNOWN, "other models have options and commands of their own")
    if not (folder.path / TOKENIZER).is_file():
        raise CheckpointError(
            f"the CLIP {folder.path} has no {TOKENIZER}, without which no sentence becomes tokens:"
            " transformers.AutoTokenizer.from_pretrained(...).save_pretrained(...) writes it"
        )
    model = _load(folder, attention)
    (mean, std), _ = folder.processing(_USUAL[kind])
    side = _side_of(model.config.vision_config)
    text = model.config.text_config
    pad_id, pad_left = _padding(folder, text)
    image = ImageInput((side, side), mean, std)
    return PublicClip(
        folder, kind, model, image, int(text.max_position_embeddings), pad_id, pad_left
    )


def _load(folder: PublicFolder, attention: str) -> Any:
    """The model, whole."""
    from transformers import AutoModel

    with folder.loading():
        model, found = AutoModel.from_pretrained(
            folder.path,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            attn_implementation=attention,
            dtype=torch.float32,
        )
    folder.check_whole(found)
    return model.eval()


def _side_of(vision: Any) -> int:
    """Height and width of a crop in pixels: a number, or so many patches of that size."""
    if hasattr(vision, "image_size"):
        return int(vision.image_size)
    return round(vision.num_patches**0.5) * int(vision.patch_size)


def _padding(folder: PublicFolder, text: Any) -> tuple[int, bool]:
    """The token that fills texts up, and whether it does so from the left.

    Raises:
        CheckpointError: the tokenizer cannot be read, or does not fit the model.
    """
    tokenizer = load_tokenizer(folder.path / TOKENIZER)
    said: Any = {}
    if (folder.path / TOKENIZER_CONFIG).is_file():
        try:
            said = folder.said(TOKENIZER_CONFIG)
            name = said.get("pad_token")
            name = name.get("content") if isinstance(name, dict) else name
            number = None if name is None else tokenizer.token_to_id(str(name))
        except (OSError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"cannot read {folder.path / TOKENIZER_CONFIG}: {error!r:.100}"
            ) from error
    else:
        number = None
    if number is None:
        number = getattr(text, "pad_token_id", None)
    size = int(text.vocab_size)
    largest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=0)
    if number is None or not 0 <= number < size or largest >= size:
        raise CheckpointError(
            f"the tokenizer of {folder.path} is another model's: its tokens are 0 to {largest},"
            f" filled up with {number}, the text network knows 0 to {size - 1}"
        )
    return int(number), said.get("padding_side") == "left"


def save_public_clip(folder: Path, model: Any, opened: PublicClip) -> None:
    """Writes a model whose texts and pixels are prepared as those of ``opened``.

    Raises InputError when it cannot be written; weights that are there stay whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_weights(folder, model)
    for name in _BESIDE:
        if (opened.folder.path / name).is_file():
            with room_for(folder / name):
                shutil.copyfile(opened.folder.path / name, folder / name)


def write_weights(folder: Path, model: Any) -> None:
    """Configuration and weights of a model of transformers, into a folder that is there.

    Raises InputError when they cannot be written; weights that are there stay whole.
    """
    weights = {name: each.detach().contiguous() for name, each in model.state_dict().items()}
    with whole_file(folder / WEIGHTS, size_of(weights)) as partial:
        save_file(weights, partial, {"format": "pt"})
        partial.chmod(0o644)  # safetensors makes files that only their owner can read
    model.config.architectures = [type(model).__name__]
    with room_for(folder / CONFIG):
        model.config.to_json_file(folder / CONFIG)
