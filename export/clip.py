"""CLIP, SigLIP and SigLIP 2 in transformers' format: two networks, and how texts become tokens.

Texts are lower case, as all expressions here are, which is what all three were trained on, and are
filled up to the full length without a mask: CLIP looks back only, and SigLIP was trained so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from evaluation.host_runtime import Arrays
from export.detectors.plain_graph import finite_masks
from export.detectors.recognition import Pixels
from export.onnx.graphs import check_clean
from export.public_folder import PublicFolder, public_folder
from sdk.engine.manifest import ImageInput
from sdk.errors import CheckpointError, EngineError
from sdk.regions.clip import CROP_FEATURES, CROPS, TOKEN_FEATURES, TOKENS, Clip
from sdk.text import load_tokenizer
from train.families import TorchNetwork

# Model types whose networks equal transformers' own by test.
KNOWN = ("clip", "siglip", "siglip2")
IMAGE, TEXT = "clip-image", "clip-text"
TOKENIZER, TOKENIZER_CONFIG = "tokenizer.json", "tokenizer_config.json"
BATCH = 8  # crops of one run (our choice)
_LARGEST = 2**31 - 2**24  # bytes of weights that one ONNX file takes beside its graph
_OPENAI = Pixels((122.7709383, 116.7460125, 104.0937362), (68.5005327, 66.6321579, 70.3231630))
_HALF = Pixels((127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
_USUAL = {"clip": _OPENAI, "siglip": _HALF, "siglip2": _HALF}  # where no processor is configured


@dataclass(frozen=True, eq=False)
class PreparedClip:
    """Two networks, ready for an engine.

    Attributes:
        clip: what a runtime must know of them.
        networks: makes those of these names, which ``clip`` has: ``onnx.ModelProto`` by name.
        tokenizer: its file.
        source: where they came from: ``file`` or ``id``, and ``sha256``.
        original: what transformers' own networks say, by the same names: what these are compared
            with.
    """

    clip: Clip
    networks: Callable[[Sequence[str]], Mapping[str, Any]]
    tokenizer: Path
    source: Mapping[str, str]
    original: Callable[[str, Arrays], Arrays]


def open_clip(source: str, batch: int = BATCH) -> PreparedClip:
    """Makes the two networks of a model ready.

    Args:
        source: a folder in transformers' format, or an id of the hub.
        batch: crops of one run.

    Raises:
        InputError: it is no such model.
        EngineError: it can neither be found nor fetched or read, has no tokenizer, or is larger
            than an ONNX file can be; its networks raise it where one cannot be exported.
    """
    folder = public_folder(source, "CLIP", (TOKENIZER, TOKENIZER_CONFIG))
    kind = folder.model_type(KNOWN, "detectors are named by --detector")
    if not (folder.path / TOKENIZER).is_file():
        raise CheckpointError(
            f"the CLIP {folder.path} has no {TOKENIZER}, without which no sentence becomes tokens:"
            " transformers.AutoTokenizer.from_pretrained(...).save_pretrained(...) writes it"
        )
    model = _load(folder)
    pixels, _ = folder.processing(_USUAL[kind])
    text, vision = model.config.text_config, model.config.vision_config
    side = _side_of(vision)
    pad_id, pad_left = _padding(folder, text)
    clip = Clip(
        TEXT,
        IMAGE,
        ImageInput((side, side), pixels.mean, pixels.std),
        batch,
        int(text.max_position_embeddings),
        pad_id,
        pad_left,
        "softmax" if kind == "clip" else "sigmoid",
        float(model.logit_scale.detach().exp()),
        0.0 if kind == "clip" else float(model.logit_bias.detach()),
    )
    ids = torch.full((1, clip.max_tokens), pad_id, dtype=torch.int32)
    crops = torch.zeros(batch, 3, side, side)
    shown = _Patches(model.vision_model) if kind == "siglip2" else _Image(model)
    found = {
        TEXT: TorchNetwork(TEXT, _Text(model), {TOKENS: ids}, (TOKEN_FEATURES,)),
        IMAGE: TorchNetwork(IMAGE, shown, {CROPS: crops}, (CROP_FEATURES,)),
    }

    def original(name: str, feeds: Arrays) -> Arrays:
        given = [torch.from_numpy(np.ascontiguousarray(each)) for each in feeds.values()]
        with torch.inference_mode():
            features = found[name].module(*given)
        return {found[name].outputs[0]: features.numpy()}

    def networks(names: Sequence[str]) -> Mapping[str, Any]:
        return {name: _exported(folder, found[name]) for name in names}

    for each in found.values():
        _check_size(folder, each)
    where = folder.provenance((TOKENIZER,))
    return PreparedClip(clip, networks, folder.path / TOKENIZER, where, original)


class _Text(nn.Module):
    """Tokens (1, T) int32 -> features (1, D)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        return self.model.get_text_features(input_ids=tokens).pooler_output


class _Image(nn.Module):
    """Crops (B, 3, H, W) -> features (B, D)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, crops: Tensor) -> Tensor:
        return self.model.get_image_features(pixel_values=crops).pooler_output


class _Patches(nn.Module):
    """The image network of SigLIP 2 for squares of the size that it was trained with.

    transformers has it take patches of a picture, a row each, and fits its positions to the
    picture's shape. Of a square nothing is to be fitted, and rows times a matrix are a convolution.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        embedding, side = model.embeddings.patch_embedding, model.config.patch_size
        rows = embedding.weight.unflatten(1, (side, side, -1))  # (D, y, x, channels)
        self.weight = nn.Parameter(rows.permute(0, 3, 1, 2).contiguous())
        self.bias = embedding.bias

    def forward(self, crops: Tensor) -> Tensor:
        model = self.model
        maps = nn.functional.conv2d(crops, self.weight, self.bias, self.weight.shape[-1])
        patches = maps.flatten(2).transpose(1, 2) + model.embeddings.position_embedding.weight
        states = model.encoder(inputs_embeds=patches, attention_mask=None).last_hidden_state
        return model.head(model.post_layernorm(states), None)


def _load(folder: PublicFolder) -> Any:
    """The model, whole."""
    from transformers import AutoModel

    with folder.loading():
        model, found = AutoModel.from_pretrained(
            folder.path,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            attn_implementation="eager",
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


def _exported(folder: PublicFolder, network: TorchNetwork) -> Any:
    """One network as a graph.

    Raises:
        EngineError: what comes of it is not clean.
    """
    import onnx

    graph = folder.exported(network)
    finite_masks(graph.graph)
    onnx.checker.check_model(graph, full_check=True)
    check_clean(graph, network.name)
    return graph


def _check_size(folder: PublicFolder, network: TorchNetwork) -> None:
    """Raises EngineError where the weights are more than one file takes."""
    weights = sum(each.numel() * each.element_size() for each in _used(network))
    if weights > _LARGEST:
        raise EngineError(
            f"the {network.name} network of {folder.path} has {weights / 2**30:.2f} GiB of weights,"
            " an ONNX file takes 2 GiB: name a smaller model"
        )


def _used(network: TorchNetwork) -> list[Tensor]:
    """The weights of a network: of the model that it holds, its own half."""
    other = "vision_model." if network.name == TEXT else "text_model."
    return [
        each
        for name, each in network.module.named_parameters()
        if not name.removeprefix("model.").startswith(other)
    ]
