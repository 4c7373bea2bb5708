"""Grounding DINO with zoom adapters, as three networks: text, image, ground.

The forward pass is written over the submodules of transformers' ``MMGroundingDino`` (they hold
the weights, so weights from the hub load into them) instead of through its ``forward``: shapes
are static, masks are finite, sentences are blocked by segment ids, and text and image are encoded
apart so that each is encoded once. Training, evaluation and export all run this one pass; leading
axes ``...`` are the batch, and exported networks have none.
Encoder and decoder run without dropout, as in MM-Grounding-DINO's published configuration.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import MMGroundingDinoForObjectDetection
from transformers.models.mm_grounding_dino.modeling_mm_grounding_dino import (
    MMGroundingDinoFrozenBatchNorm2d,
)

from train.models.grounding_dino import layers, sine
from train.models.grounding_dino.config import PizaConfig
from train.models.grounding_dino.constants import Constants, level_shapes, make_constants
from train.models.grounding_dino.deformable import Sampler, grid_sampler
from train.models.piza.adapters import AdapterPair, Unadapted, ZoomEmbedding
from train.models.piza.history import BoxHistoryEncoder
from train.models.piza.lora import add_lora
from train.models.piza.methods import METHODS
from train.models.piza.prompts import Context, belong_to_all

HEAD_EPS = 1e-5  # of the inverse sigmoid in the heads, as in mmdetection's DINO and transformers'


@dataclass(frozen=True)
class Prediction:
    """Raw outputs of one ground pass; N locations, L decoder layers, K queries, T tokens.

    Boxes are cxcywh in [0, 1] of the network input; logits of padding tokens are far below zero.
    """

    location_logits: Tensor  # (..., N, T)
    location_boxes: Tensor  # (..., N, 4)
    query_logits: Tensor  # (L, ..., K, T)
    query_boxes: Tensor  # (L, ..., K, 4)
    inner_logits: tuple[Tensor, ...] = ()  # (..., N, T) by encoder layer; where it is asked for


@dataclass(frozen=True)
class _Located:
    """Features (..., N, D) and logits (..., N, T) by location."""

    hidden: Tensor
    logits: Tensor


class PizaGrounder(nn.Module):
    """The model of a checkpoint: ``encode_text``, ``encode_image``, ``ground`` and ``history``."""

    def __init__(self, config: PizaConfig) -> None:
        super().__init__()
        self.config = config
        dino = config.grounding_dino()
        with warnings.catch_warnings():  # of CUDA kernels that are not used here
            warnings.filterwarnings("ignore", message="You'd better set embed_dim")
            self.base = MMGroundingDinoForObjectDetection(dino)
        _unfreeze_batch_norm(self.base.model.backbone.conv_encoder.model)
        self._add_method()
        self.history = BoxHistoryEncoder()
        if config.place_features:
            self.place_gain = nn.Parameter(torch.full((dino.d_model,), 0.5))
        self._constants: dict[torch.device, Constants] = {}

    def _add_method(self) -> None:
        """What the method adds to the base: adapters, context, LoRA, zoom embedding."""
        config, dino = self.config, self.base.config
        family, zooms = METHODS[config.method].family, config.zooms
        layers_with = range(dino.encoder_layers)
        if family == "adapter+":
            size, told = (dino.d_model, config.bottleneck), config.zoom_dim if zooms else None
            self.adapters = nn.ModuleList(AdapterPair(*size, told) for _ in layers_with)
            # As in the authors' code, only the image layers hear about the zoom.
            self.text_adapters = nn.ModuleList(AdapterPair(*size, None) for _ in layers_with)
        else:
            self.adapters = nn.ModuleList(Unadapted() for _ in layers_with)
            self.text_adapters = nn.ModuleList(Unadapted() for _ in layers_with)
        if family == "lora":
            add_lora(self.base, config.lora_rank, config.zoom_dim if zooms else None)
        coop, width = family == "coop", dino.text_config.hidden_size
        self.context = Context(config.context_tokens, width) if coop else None
        if zooms:  # in CoOp the embedding is a token, of the width of tokens
            self.zoom_embedding = ZoomEmbedding(config.zoom_dim, width if coop else config.zoom_dim)

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """Height and width of each level of image features, where the engine must know them."""
        known = self.config.landmarks and self.config.zooms
        return level_shapes(self.base.config, self.config.input_hw) if known else ()

    @property
    def image_network(self) -> list[nn.Module]:
        """The parts that ``encode_image`` uses."""
        return [self.base.model.backbone, self.base.model.input_proj_vision]

    def encode_text(self, ids: Tensor, segments: Tensor, positions: Tensor) -> Tensor:
        """Token, segment and position ids, each (..., T) -> text features (..., T, D).

        Tokens attend each other where their segments are equal; segment 0 is padding.
        """
        model = self.base.model
        block = layers.block_bias(segments)
        hidden = layers.bert(model.text_backbone, ids, positions, block, self.context)
        return model.text_projection(hidden)

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Normalised pixels (B, 3, H, W) -> image features (B, N, D), all levels, finest first."""
        model = self.base.model
        maps = model.backbone.conv_encoder.model(pixels).feature_maps
        levels: list[Tensor] = []
        for index, project in enumerate(model.input_proj_vision):
            if index < len(maps):
                source = maps[index]
            else:  # extra levels are strided convolutions of the last map, then of each other
                source = maps[-1] if index == len(maps) else levels[-1]
            levels.append(project(source))
        return torch.cat([level.flatten(2).transpose(1, 2) for level in levels], dim=1)

    def ground(
        self,
        image: Tensor,
        text: Tensor,
        segments: Tensor,
        positions: Tensor,
        progress: Tensor,
        input_hw: tuple[int, int] | None = None,
        sampler: Sampler = grid_sampler,
        last_only: bool = False,
        inner: bool | None = None,
    ) -> Prediction:
        """Image features (..., N, D), text features (..., T, D), ids (..., T), progress (B,).

        B: the size of the batch, 1 where there is none. input_hw: size of the pixels that the image
        features came from; the config's by default. sampler: how deformable attention reads the
        image; all give the same values. last_only: the last decoder layer's answer is enough.
        inner: give ``inner_logits``; by default in training mode.
        """
        model = self.base.model
        constants = self.constants(image.device, input_hw)
        zoom = None
        if self.config.zooms:
            zoom = self.zoom_embedding(progress).reshape(*image.shape[:-2], 1, -1)
        block, padding = layers.block_bias(segments), layers.padding_bias(segments)
        code = F.embedding(positions, sine.token_codes(*text.shape[-2:], text.device))
        attended = padding  # what may be attended: the prompt, and what the method adds to it
        if self.context is not None and zoom is not None:
            text = torch.cat([text, model.text_projection(zoom)], dim=-2)
            code = F.pad(code, (0, 0, 0, 1))  # the zoom has no place in the sentence
            block, attended = belong_to_all(block, padding), F.pad(padding, (0, 1))
        place = constants.position + model.level_embed[constants.level]  # (N, D)
        if self.config.place_features:
            image = image + self.place_gain * place
        alike: list[Tensor] = []
        for layer, own, textual in zip(
            model.encoder.layers, self.adapters, self.text_adapters, strict=True
        ):
            image, text = layers.fuse(layer.fusion_layer, image, text, attended, zoom)
            text = layers.text_layer(layer.text_enhancer_layer, text, code, block, textual)
            image = layers.image_layer(
                layer.deformable_layer,
                image,
                place,
                constants.centres,
                constants.shapes,
                own,
                zoom,
                sampler,
            )
            if self.training if inner is None else inner:
                alike.append(self._alike(image, text, padding))
        located = self._propose(image, text, padding, constants)
        logits, boxes = self._decode(
            located, image, text, padding, attended, constants, sampler, last_only
        )
        head = model.encoder_output_bbox_embed
        everywhere = (head(located.hidden).float() + constants.proposals).sigmoid()
        return Prediction(located.logits, everywhere, logits, boxes, tuple(alike))

    def constants(self, device: torch.device, input_hw: tuple[int, int] | None = None) -> Constants:
        """What depends on the input size alone; for the config's, the default, made only once."""
        if input_hw is not None:
            return make_constants(self.base.config, input_hw, device)
        if device not in self._constants:
            size = self.config.input_hw
            with torch.inference_mode(False):  # whoever asks first: training may be next
                self._constants[device] = make_constants(self.base.config, size, device)
        return self._constants[device]

    def _alike(self, image: Tensor, text: Tensor, padding: Tensor) -> Tensor:
        head = self.base.model.encoder_output_class_embed
        return self._contrast(head, image, text, padding)

    def _contrast(self, head: nn.Module, features: Tensor, text: Tensor, padding: Tensor) -> Tensor:
        return layers.contrast(head, features, text, padding, self.config.scaled_similarity)

    def _propose(
        self, image: Tensor, text: Tensor, padding: Tensor, constants: Constants
    ) -> _Located:
        """What every location says on its own."""
        model = self.base.model
        if not constants.all_valid:
            image = image * constants.valid
        hidden = model.enc_output_norm(model.enc_output(image))
        return _Located(hidden, self._alike(hidden, text, padding))

    def _decode(
        self,
        located: _Located,
        image: Tensor,
        text: Tensor,
        padding: Tensor,
        attended: Tensor,
        constants: Constants,
        sampler: Sampler,
        last_only: bool,
    ) -> tuple[Tensor, Tensor]:
        """The best K locations, refined by the decoder: logits (L, ..., K, T) and boxes.

        Queries start as learned embeddings (``embedding_init_target``, as published), or as what
        their locations know, which a model from scratch learns much sooner.
        """
        model, dino = self.base.model, self.base.config
        order = torch.topk(located.logits.amax(-1), dino.num_queries, dim=-1)[1][..., None]
        best = torch.gather(located.hidden, -2, order.expand(*order.shape[:-1], image.shape[-1]))
        proposals = F.embedding(order[..., 0], constants.proposals)
        top = model.encoder_output_bbox_embed(best).float() + proposals
        if dino.embedding_init_target:
            query = model.query_position_embeddings.weight.expand(best.shape)
        else:
            query = best.detach()
        reference = top.detach().sigmoid()
        logits, boxes = [], []
        count = len(model.decoder.layers)
        for index, (layer, box_head, class_head) in enumerate(
            zip(model.decoder.layers, self.base.bbox_embed, self.base.class_embed, strict=True)
        ):
            place = model.decoder.reference_points_head(sine.box_codes(reference, query.shape[-1]))
            query = layers.query_layer(
                layer, query, place, reference, image, text, attended, constants.shapes, sampler
            )
            if index == count - 1 or not last_only:
                normed = model.decoder.layer_norm(query)
                logits.append(self._contrast(class_head, normed, text, padding))
                delta = box_head(normed).float()
                boxes.append((delta + layers.logit(reference, HEAD_EPS)).sigmoid())
            refined = box_head(query).float() + layers.logit(reference, self.config.refine_eps)
            reference = refined.detach().sigmoid()
        return torch.stack(logits), torch.stack(boxes)


def _unfreeze_batch_norm(module: nn.Module) -> None:
    """Give convolutional backbones their batch norms back, so that they train from scratch.

    transformers freezes them; frozen ones have the same names and the same values in eval mode.
    """
    for name, child in module.named_children():
        if isinstance(child, MMGroundingDinoFrozenBatchNorm2d):
            setattr(module, name, nn.BatchNorm2d(len(child.weight)))
        else:
            _unfreeze_batch_norm(child)
    module.requires_grad_(True)
