"""transformers' own pipeline for zero-shot object detection, over the base model's weights."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.baselines.baseline import PIPELINE, Contestant, Reply, UnavailableError
from sdk.frame import Frame
from sdk.text import CLS, PAD, SEP, UNK, normalise
from train.checkpoint import TOKENIZER
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.piza.lora import plain_name

_BERT_CLS = 101  # transformers' masks know bert-base's numbers of special tokens only


def pipeline_peer(
    checkpoint: Path, model: PizaGrounder, weights: str, device: str = "cpu"
) -> Contestant:
    """One pass over the whole frame, by ``transformers.pipeline("zero-shot-object-detection")``.

    Its image processor is the one over Pillow, at the input size of ``model``; the prompt is ours.
    The base's weights go in as they are. What transformers has no place for is left out (adapters,
    our place features), and queries that it insists on are zeros where the model learns none: the
    work is the same, the boxes are not, so that they are judged only where everything has a place.

    Raises:
        UnavailableError: this version of transformers lacks a part.
    """
    try:
        from transformers import pipeline
        from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
            GroundingDinoImageProcessorPil,
        )
    except ImportError as error:
        raise UnavailableError(f"transformers cannot run the pipeline here: {error}") from error
    config = model.config
    processor = GroundingDinoImageProcessorPil(
        size={"shortest_edge": min(config.input_hw), "longest_edge": max(config.input_hw)},
        image_mean=[value / 255 for value in config.mean],
        image_std=[value / 255 for value in config.std],
    )
    tokenizer = _tokenizer(checkpoint / TOKENIZER)
    with warnings.catch_warnings():  # of CUDA kernels that are not used here
        warnings.simplefilter("ignore")
        detect = pipeline(
            "zero-shot-object-detection",
            model=_base(model),
            tokenizer=tokenizer,
            image_processor=processor,
            device=device,
        )
    lacking = _lacking(model, tokenizer.convert_tokens_to_ids(CLS))
    note = f"latency only: transformers has no place for {', '.join(lacking)}" if lacking else ""
    return Contestant(
        "transformers pipeline",
        PIPELINE,
        weights,
        _Asker(detect),
        note=note,
        judged=not lacking,
        survey_every=0 if lacking else 1,
    )


class _Asker:
    def __init__(self, detect: Any) -> None:
        self._detect = detect

    def __call__(self, frame: Frame, ref: str) -> Reply:
        from PIL import Image

        picture = Image.fromarray(np.ascontiguousarray(frame[:, :, ::-1]))
        label = f"{normalise(ref)} ."
        found = self._detect(picture, candidate_labels=[label], threshold=0.0, top_k=1)
        if not found:
            return Reply(None, 1)
        box = found[0]["box"]
        corners = [box[key] for key in ("xmin", "ymin", "xmax", "ymax")]
        return Reply(np.array(corners, np.float32), 1)


def _base(model: PizaGrounder) -> Any:
    """transformers' model with the weights of ``model.base``."""
    from transformers import MMGroundingDinoConfig, MMGroundingDinoForObjectDetection

    config = MMGroundingDinoConfig(**(model.config.base | {"embedding_init_target": True}))
    base = MMGroundingDinoForObjectDetection(config)
    queries = "model.query_position_embeddings.weight"
    base.model.query_position_embeddings.weight.data.zero_()
    own = base.state_dict()
    stored = {plain_name(name): value for name, value in model.base.state_dict().items()}
    given = {name: value for name, value in stored.items() if name in own}
    missing = own.keys() - given.keys() - {queries}
    if missing:
        raise UnavailableError(f"transformers' model lacks weights: {sorted(missing)[:3]}")
    base.load_state_dict(given, strict=False)
    return base.eval()


def _tokenizer(file: Path) -> Any:
    """The checkpoint's tokenizer as transformers wants it: with [CLS] and [SEP] around."""
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer.from_file(str(file))
    special = [(token, tokenizer.token_to_id(token)) for token in (CLS, SEP)]
    tokenizer.post_processor = TemplateProcessing(single=f"{CLS} $A {SEP}", special_tokens=special)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token=UNK, pad_token=PAD, cls_token=CLS, sep_token=SEP
    )


def _lacking(model: PizaGrounder, cls: int) -> list[str]:
    """What keeps transformers' own forward from giving the boxes that the weights stand for."""
    config = model.config
    return [
        what
        for what, lacks in (
            ("place features", config.place_features),
            ("queries that start as features", not model.base.config.embedding_init_target),
            ("special tokens with other numbers than bert-base's", cls != _BERT_CLS),
        )
        if lacks
    ]
