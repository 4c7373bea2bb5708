"""Folders of both classes of transformers answer here as they do there, networks included."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from transformers import (
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    MMGroundingDinoConfig,
    MMGroundingDinoForObjectDetection,
)
from transformers.models.grounding_dino.processing_grounding_dino import GroundingDinoProcessor

from export.onnx.graphs import export_network
from sdk.errors import CheckpointError
from train.base import open_base
from train.models.grounding_dino.config import PizaConfig
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.grounding_dino.networks import networks, ranked
from train.models.grounding_dino.pretrained import from_pretrained

IDS = [101, 7, 8, 9, 1012, 102]  # [CLS] three words . [SEP], as transformers' mask code knows them
SEGMENTS, POSITIONS = [1, 2, 2, 2, 2, 3], [0, 0, 1, 2, 3, 0]
HW = (64, 96)
PLAIN = (GroundingDinoConfig, GroundingDinoForObjectDetection)
MM = (MMGroundingDinoConfig, MMGroundingDinoForObjectDetection)


@pytest.fixture(scope="module")
def saved(
    tmp_path_factory: pytest.TempPathFactory,
    make_config: Callable[..., PizaConfig],
    randomise: Callable[..., Any],
) -> Callable[..., tuple[Path, Any, PizaConfig]]:
    """``saved(classes, **base)``: a folder of random weights, its model, and a configuration."""

    def make(classes: tuple[type, type], **base: Any) -> tuple[Path, Any, PizaConfig]:
        sizes = {"encoder_layers": 2, "decoder_layers": 2, "num_queries": 6}
        config = make_config(sizes, vocab_size=1100, method="zero-shot", place_features=False)
        architecture, known = classes
        model = randomise(
            known(architecture(**config.base | {"embedding_init_target": True} | base))
        )
        folder = tmp_path_factory.mktemp("public")
        model.save_pretrained(folder)
        return folder, model, dataclasses.replace(config, input_hw=HW, max_tokens=len(IDS))

    return make


def columns() -> tuple[Tensor, Tensor, Tensor]:
    ids, segments, positions = (torch.tensor([each]) for each in (IDS, SEGMENTS, POSITIONS))
    return ids, segments, positions


def pixels() -> Tensor:
    return torch.randn(1, 3, *HW, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
def answers(model: PizaGrounder) -> Any:
    ids, segments, positions = columns()
    text = model.encode_text(ids, segments, positions)
    image = model.encode_image(pixels())
    return model.ground(image, text, segments, positions, torch.zeros(1))


@pytest.mark.parametrize("classes", [PLAIN, MM], ids=["grounding-dino", "mm-grounding-dino"])
@pytest.mark.parametrize("shared", [True, False], ids=["shared heads", "own heads"])
def test_outputs_and_boxes_are_those_of_the_class(saved, classes, shared) -> None:
    more = {} if classes is PLAIN else {"decoder_cls_embed_share": shared}
    folder, theirs, config = saved(classes, decoder_bbox_embed_share=shared, **more)
    with torch.inference_mode():
        wanted = theirs(pixel_values=pixels(), input_ids=columns()[0])
    model = from_pretrained(folder, config).eval()
    found = answers(model)
    logits = wanted.logits[..., : len(IDS)]
    assert_close(found.query_logits[-1], logits, atol=1e-4, rtol=0)
    assert_close(found.query_boxes[-1], wanted.pred_boxes, atol=1e-4, rtol=0)
    heads = model.base.bbox_embed
    assert (heads[0].layers[0].weight is heads[1].layers[0].weight) == shared

    processor = SimpleNamespace(batch_decode=lambda ids: ids)
    post_process = GroundingDinoProcessor.post_process_grounded_object_detection
    [published] = post_process(processor, wanted, threshold=0.0, target_sizes=[(640, 960)])
    boxes, scores = ranked(found)
    order = published["scores"].argsort(descending=True)
    assert_close(scores[0], published["scores"][order], atol=1e-5, rtol=0)
    size = torch.tensor([960.0, 640.0, 960.0, 640.0])
    assert_close(boxes[0] * size, published["boxes"][order], atol=0.1, rtol=0)


def test_grounding_dino_compares_by_the_plain_product(saved) -> None:
    """Scores of the published weights are far from those of scaled products."""
    folder, _, config = saved(PLAIN)
    model = from_pretrained(folder, config)
    assert not model.config.scaled_similarity
    assert not any(head.bias.any() for head in model.base.class_embed)
    plain = answers(model.eval()).query_logits
    model.config = dataclasses.replace(model.config, scaled_similarity=True)
    scaled = answers(model).query_logits
    assert_close(scaled[:1] * model.base.config.d_model**0.5, plain[:1])


def test_it_can_be_tuned(saved) -> None:
    folder, _, config = saved(PLAIN)
    model = from_pretrained(folder, dataclasses.replace(config, method="piza-adapter+")).train()
    ids, segments, positions = columns()
    image, text = model.encode_image(pixels()), model.encode_text(ids, segments, positions)
    out = model.ground(image, text, segments, positions, torch.zeros(1))
    out.query_logits[..., :2].mean().backward()
    moved = [name for name, each in model.named_parameters() if each.grad is not None]
    assert any("adapter" in name for name in moved)
    assert any("class_embed" in name for name in moved)


def test_a_folder_is_a_base(saved, tokenizer_file: Path) -> None:
    """What ``--base FOLDER`` opens, its own or another size of input."""
    folder, *_ = saved(PLAIN)
    shutil.copyfile(tokenizer_file, folder / "tokenizer.json")
    base = open_base(str(folder), "zero-shot", (64, 128))
    assert not base.model.config.scaled_similarity
    assert base.model.config.input_hw == (64, 128)
    assert base.model.config.max_tokens == base.model.base.config.max_text_len
    assert not base.knows_histories


def test_its_configuration_survives_a_checkpoint(saved, tmp_path: Path) -> None:
    folder, _, config = saved(PLAIN)
    loaded = from_pretrained(folder, config)
    loaded.config.save(tmp_path / "config.json")
    again = PizaGrounder(PizaConfig.load(tmp_path / "config.json"))
    assert (again.config.scaled_similarity, again.config.refine_eps) == (False, 1e-5)
    assert set(again.state_dict()) == set(loaded.state_dict())


@pytest.mark.parametrize("classes", [PLAIN, MM], ids=["grounding-dino", "mm-grounding-dino"])
def test_networks_are_clean_and_equal(saved, tmp_path: Path, classes) -> None:
    """``export_network`` refuses a network with findings of ``check``."""
    folder, _, config = saved(classes)
    model = from_pretrained(folder, config).eval()
    wanted = ranked(answers(model))
    ids, segments, positions = (column.int().numpy() for column in columns())
    prompt = {"input_ids": ids, "segment_ids": segments, "position_ids": positions}
    values = {**prompt, "pixels": pixels().numpy(), "progress": np.zeros(1, np.float32)}
    for network in networks(model):
        path = tmp_path / f"{network.name}.onnx"
        export_network(network, path)
        session = onnxruntime.InferenceSession(path)
        names = [each.name for each in session.get_inputs()]
        outputs = session.run(None, {name: values[name] for name in names})
        values |= dict(zip(network.outputs, outputs, strict=True))
    assert_close(torch.from_numpy(values["boxes"]), wanted[0], atol=1e-4, rtol=0)
    assert_close(torch.from_numpy(values["scores"]), wanted[1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("classes", [PLAIN, MM], ids=["grounding-dino", "mm-grounding-dino"])
def test_learned_positions_are_refused(saved, classes) -> None:
    """transformers' classes know them; our pass would compute something else."""
    folder, _, config = saved(classes, position_embedding_type="learned")
    with pytest.raises(CheckpointError, match=r"expected the position_embedding_type sine"):
        from_pretrained(folder, config)
