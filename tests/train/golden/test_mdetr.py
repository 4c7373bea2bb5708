"""MDETR against outputs of the published implementation, on its weights; small and full size."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.testing import assert_close

from sdk.sentences import SentenceTokenizer
from train.losses.boxes import to_corners
from train.losses.mdetr import (
    PUBLISHED,
    WEIGHTS,
    Targets,
    Variant,
    alignment,
    costs,
    losses,
    match,
    positive_map,
)
from train.models.grounding_dino.config import MEAN, STD
from train.models.mdetr import config as sizes
from train.models.mdetr.config import fitted_hw
from train.models.mdetr.model import Mdetr, Prediction, scores
from train.models.mdetr.published import fill, import_mdetr, read_config, rules
from train.models.one_look import ranked

TENSORS = {"atol": 1e-4, "rtol": 0.0}
LOGITS = {"atol": 2e-4, "rtol": 0.0}
BOXES = {"atol": 5e-5, "rtol": 0.0}
HEADS = {"text": {"num_attention_heads": 4}}  # no shape shows that the small encoder has four
# The loss that is the paper's but for padding, and the published one: as they are stored.
VARIANTS = {"normalised": Variant(padding_counts=True), "published": PUBLISHED}
Arrays = dict[str, Tensor]


@dataclass
class Run:
    """What is expected of a case, and what our model gives for the same input."""

    name: str
    expected: Arrays
    about: dict[str, Any]
    model: Mdetr
    inside: Arrays
    prediction: Prediction

    def assert_close(self, found: Tensor, name: str, **tolerance: float) -> None:
        expected = self.expected[name]
        assert_close(found.reshape(expected.shape).to(expected.dtype), expected, **tolerance)


@pytest.fixture(scope="module")
def about(golden_zoo: Callable[[str], Path]) -> dict[str, Any]:
    return json.loads((golden_zoo("mdetr") / "meta.json").read_text())


@pytest.fixture(scope="module")
def model(golden_zoo: Callable[[str], Path]) -> Mdetr:
    path = golden_zoo("mdetr") / "state_dict.f16.safetensors"
    return import_mdetr(path, "golden", HEADS)[0]


@torch.inference_mode()
def run(model: Mdetr, expected: Arrays, about: dict[str, Any], name: str) -> Run:
    """One pass; what the layers give is kept by the names that the files have."""
    body, text = model.backbone, model.text_backbone.model
    watched = {"bb_stem": body.bn1, "bb_maxpool": body.maxpool, "src_proj": model.image_projection}
    watched |= {f"bb_{stage}": getattr(body, stage) for stage in body.stages}
    watched |= {"text_embeddings": text.embeddings.LayerNorm, "dec_hs_lqbd": model.decoder_norm}
    watched |= {
        f"text_layer{k}": each.output.LayerNorm for k, each in enumerate(text.encoder.layer)
    }
    watched |= {f"enc_layer{k}": each for k, each in enumerate(model.encoder)}
    watched |= {f"dec_layer{k}_prenorm": each for k, each in enumerate(model.decoder)}
    inside: Arrays = {}
    hooks = [
        module.register_forward_hook(lambda _, __, out, key=key: inside.update({key: out}))
        for key, module in watched.items()
    ]
    mask = expected["attention_mask"]
    seen = model.encode_image(inputs(expected))
    said = model.encode_text(expected["input_ids"], mask)
    prediction = model.ground(seen, said, mask)
    for hook in hooks:
        hook.remove()
    count = seen.features.shape[1]
    memory = inside[f"enc_layer{len(model.encoder) - 1}"]
    inside |= {
        "bb_relu": inside.pop("bb_stem").relu(),
        "pos_embed_2d": seen.places.transpose(1, 2),
        "feat_mask": seen.shown == 0,
        "memory_mask": torch.cat([seen.shown == 0, mask == 0], dim=1),
        "text_resized_lbd": said.transpose(0, 1),
        "memory": memory.transpose(0, 1),
        "memory_pos": torch.cat([seen.places, torch.zeros_like(said)], 1).transpose(0, 1),
        "text_memory": memory[:, count:].transpose(0, 1),
        "query_embed": model.queries.weight[:, None].expand(-1, len(mask), -1),
        "dec_hs_lqbd": inside["dec_hs_lqbd"].transpose(1, 2),
    }
    for key in [key for key in inside if key.startswith(("enc_layer", "dec_layer"))]:
        inside[key] = inside[key].transpose(0, 1)
    return Run(name, expected, about, model, inside, prediction)


def inputs(expected: Arrays) -> Tensor:
    """The network input: stored, or made of the pixels of one image."""
    if "input" in expected:
        return expected["input"]
    (pixels,) = (value for key, value in expected.items() if key.endswith("rgb_u8"))
    return normalised(pixels)[None]


def normalised(pixels: Tensor) -> Tensor:
    """(H, W, 3) uint8 -> (3, H, W)."""
    return ((pixels - torch.tensor(MEAN)) / torch.tensor(STD)).permute(2, 0, 1)


@pytest.fixture(scope="module")
def case(mdetr_case_file: Path | None, stored, about, model) -> Run:
    expected = stored(mdetr_case_file)
    name = mdetr_case_file.stem.removeprefix("case_")
    return run(model, expected, about["cases"][name], name)


def targets_of(case: Run) -> tuple[Targets, Arrays]:
    """The case's boxes and spans, padded, and the labels that are stored of both variants."""
    boxes = [case.expected[f"target{k}_boxes"] for k in range(len(case.about["captions"]))]
    most, tokens = max(map(len, boxes)), case.expected["attention_mask"] > 0

    def padded(rows: Tensor) -> Tensor:
        parts = rows.split([len(each) for each in boxes])
        return torch.nn.utils.rnn.pad_sequence(list(parts), batch_first=True)

    labels = {tag: padded(case.expected[f"positive_map_{tag}"]) for tag in VARIANTS}
    spans = labels["published"][..., : tokens.shape[1]] > 0
    valid = torch.tensor([[k < len(each) for k in range(most)] for each in boxes])
    return Targets(padded(torch.cat(boxes)), spans, valid, tokens), labels


def test_golden_pixels(case: Run) -> None:
    """Every image in the top left corner of a canvas that is 0, and so known to be padding."""
    canvas = torch.zeros_like(case.expected["input"])
    for k, sample in enumerate(canvas):
        pixels = normalised(case.expected[f"image{k}_rgb_u8"])
        sample[:, : pixels.shape[1], : pixels.shape[2]] = pixels
    case.assert_close(canvas, "input", atol=1e-6, rtol=0)
    case.assert_close((canvas == 0).all(1), "pad_mask", atol=0, rtol=0)


def test_golden_tokens(case: Run, golden_zoo) -> None:
    from tokenizers import ByteLevelBPETokenizer

    folder = golden_zoo("mdetr") / "tokenizer"
    files = str(folder / "vocab.json"), str(folder / "merges.txt")
    tokenizer = SentenceTokenizer(ByteLevelBPETokenizer(*files)._tokenizer, 40)
    for k, caption in enumerate(case.about["captions"]):
        found = tokenizer.encode(caption)
        count = int(found.segments.sum())
        mask = case.expected["attention_mask"][k]
        assert count == mask.sum()
        assert found.ids[:count].tolist() == case.expected["input_ids"][k, :count].tolist()


def test_golden_everything_inside(case: Run) -> None:
    """Backbone, both encoders, decoder: each layer of them; and what is not compared by name."""
    compared = set()
    for name, found in case.inside.items():
        if name in case.expected:
            case.assert_close(found, name, **TENSORS)
            compared.add(name)
    assert compared >= {
        *("bb_relu", "bb_layer4", "src_proj", "pos_embed_2d", "feat_mask", "text_embeddings"),
        *("text_layer1", "text_resized_lbd", "enc_layer0", "enc_layer1", "memory", "memory_pos"),
        *("memory_mask", "text_memory", "query_embed", "dec_layer1_prenorm", "dec_hs_lqbd"),
    }


def test_golden_answers(case: Run) -> None:
    found = case.prediction
    for layer, prefix in ((-1, ""), (0, "aux0_")):
        case.assert_close(found.logits[layer], f"{prefix}pred_logits", **LOGITS)
        case.assert_close(found.boxes[layer], f"{prefix}pred_boxes", **BOXES)
        case.assert_close(found.queries[layer], f"{prefix}proj_queries", **TENSORS)
    case.assert_close(found.tokens, "proj_tokens", **TENSORS)


@pytest.mark.parametrize("tag", VARIANTS)
def test_golden_labels_costs_and_matchings(case: Run, tag: str) -> None:
    targets, labels = targets_of(case)
    assert_close(positive_map(targets.spans, VARIANTS[tag]), labels[tag], atol=1e-7, rtol=0)
    matchings = case.about["losses"][tag]["matching_query_target"]
    for name, prefix in (("final", ""), ("aux0", "aux0_")):
        logits, boxes = (case.expected[f"{prefix}pred_{key}"] for key in ("logits", "boxes"))
        cost = costs(logits, boxes, targets.boxes, labels[tag])
        sample, query, target = match(cost, targets.valid)
        for k, (queries, of) in enumerate(matchings[name]):
            case.assert_close(
                cost[k, :, : len(of)], f"cost_{tag}_{name}_sample{k}", atol=1e-4, rtol=0
            )
            assert query[sample == k].tolist() == queries
            assert target[sample == k].tolist() == of


@pytest.mark.parametrize("tag", VARIANTS)
def test_golden_losses_and_gradients(case: Run, tag: str) -> None:
    targets, _ = targets_of(case)
    names = ("pred_logits", "pred_boxes", "proj_queries", "proj_tokens")
    last = {name: case.expected[name].clone().requires_grad_() for name in names}
    layers = [torch.stack([case.expected[f"aux0_{n}"], last[n]]) for n in names[:3]]
    prediction = Prediction(*layers, last["proj_tokens"])
    terms = losses(prediction, targets, VARIANTS[tag])
    told = case.about["losses"][tag]
    for ours, theirs in (
        ("token", "loss_ce"),
        ("box", "loss_bbox"),
        ("giou", "loss_giou"),
        ("align", "loss_contrastive_align"),
    ):
        assert terms[f"{ours}1"].item() == pytest.approx(told["losses"][theirs], abs=1e-4)
        assert terms[f"{ours}0"].item() == pytest.approx(told["losses"][f"{theirs}_0"], abs=1e-4)
    total = sum(WEIGHTS[name[:-1]] * term for name, term in terms.items())
    assert total.item() == pytest.approx(told["total_weighted"], abs=5e-4)
    total.backward()
    for name in names:
        case.assert_close(last[name].grad, f"grad_{tag}_{name}", **TENSORS)


def test_golden_paper_does_not_hear_padding(case: Run) -> None:
    """Where a sentence is padded, the paper's alignment is another than the published one's."""
    targets, labels = targets_of(case)
    logits, boxes = case.expected["pred_logits"], case.expected["pred_boxes"]
    found = match(costs(logits, boxes, targets.boxes, labels["normalised"]), targets.valid)
    queries, tokens = case.expected["proj_queries"], case.expected["proj_tokens"]
    heard = alignment(queries, tokens, targets, found, Variant(padding_counts=True))
    alone = alignment(queries, tokens, targets, found, Variant())
    told = case.about["losses"]["normalised"]["losses"]["loss_contrastive_align"]
    assert heard.item() / targets.count.item() == pytest.approx(told, abs=1e-4)
    assert alone < heard


def test_golden_a_span_that_starts_at_a_space(about, stored, golden_zoo, model) -> None:
    """Our spans are of tokens, each in its own sentence: what the published code corrects to."""
    file = golden_zoo("mdetr") / "case_batch.npz"
    told = about["quirk_contrastive_span_starting_at_a_space"]
    case = run(model, stored(file), about["cases"]["batch"], "batch")
    targets, labels = targets_of(case)
    row = targets.spans[told["sample"], told["target"]].nonzero().flatten()
    assert row.tolist() == told["positive_map_row_create_positive_map"]
    logits, boxes = case.expected["pred_logits"], case.expected["pred_boxes"]
    found = match(costs(logits, boxes, targets.boxes, labels["published"]), targets.valid)
    queries, tokens = case.expected["proj_queries"], case.expected["proj_tokens"]
    loss = alignment(queries, tokens, targets, found, PUBLISHED) / targets.count
    assert loss.item() == pytest.approx(told["corrected_loss"], abs=1e-4)
    assert abs(loss.item() - told["published_loss"]) > 0.1


def test_golden_boxes_in_pixels(case: Run) -> None:
    """Scores, order and boxes as the published post-processing gives them."""
    found = case.prediction
    order = scores(found.logits[-1]).argsort(-1, descending=True)
    boxes, ranks = ranked(found)
    for key in ("input", "orig"):
        case.assert_close(scores(found.logits[-1]), f"post_{key}_size_scores", **BOXES)
    for k, (size_hw, told) in enumerate(
        zip(case.about["orig_sizes_hw"], case.about["top1"], strict=True)
    ):
        sides = torch.tensor(size_hw[::-1] * 2)
        expected = case.expected["post_orig_size_boxes_xyxy"][k]
        assert_close(to_corners(found.boxes[-1, k]) * sides, expected, atol=0.05, rtol=0)
        assert order[k].tolist() == told["order"]
        assert ranks[k, 0].item() == pytest.approx(told["score"], abs=5e-5)
        assert (boxes[k, 0] * sides).tolist() == pytest.approx(told["box_xyxy_orig_px"], abs=0.05)


def test_golden_phrases_rank_the_queries(case: Run) -> None:
    """By the likeliest of a phrase's tokens."""
    targets, _ = targets_of(case)
    shares = case.prediction.logits[-1].softmax(-1)
    for k, size_hw in enumerate(case.about["orig_sizes_hw"]):
        sides = torch.tensor(size_hw[::-1] * 2)
        for n in range(int(targets.valid[k].sum())):
            name = f"flickr_sample{k}_phrase{n}_boxes_sorted_xyxy"
            span = targets.spans[k, n].nonzero().flatten()
            order = shares[k][:, span].amax(-1).argsort(descending=True)
            found = to_corners(case.prediction.boxes[-1, k, order]) * sides
            case.assert_close(found, name, atol=0.05, rtol=0)


def test_golden_an_image_alone(mdetr_single_file, stored, about, model) -> None:
    """Without the padding of a batch, which the published model is not neutral to."""
    expected = stored(mdetr_single_file)
    name = mdetr_single_file.stem
    if not any(key.endswith("rgb_u8") or key == "input" for key in expected):
        batch = stored(mdetr_single_file.with_name("case_batch.npz"))
        expected["image_rgb_u8"] = batch[f"image{name.removeprefix('single_')}_rgb_u8"]
    found = run(model, expected, about[name], name)
    pairs = {
        "pred_logits": (found.prediction.logits[-1], LOGITS),
        "pred_boxes": (found.prediction.boxes[-1], BOXES),
        "proj_queries": (found.prediction.queries[-1], TENSORS),
        "proj_tokens": (found.prediction.tokens, TENSORS),
    }
    compared = 0
    for key, (value, tolerance) in pairs.items():
        if key in expected:
            found.assert_close(value, key, **tolerance)
            compared += 1
    for key, value in found.inside.items():
        if key in expected:
            found.assert_close(value, key, **TENSORS)
            compared += 1
    assert compared >= 4


def test_golden_sizes_after_resizing(golden_zoo) -> None:
    for row in json.loads((golden_zoo("mdetr") / "resize.json").read_text())["rows"]:
        height, width = fitted_hw((row["h"], row["w"]))
        assert (height, width) == (row["new_h"], row["new_w"])
        scale = np.array([width / row["w"], height / row["h"]] * 2)
        np.testing.assert_allclose(np.array(row["box_in"]) * scale, row["box_out"], atol=1e-3)


def test_golden_names_in_a_file_of_theirs(golden_zoo, model, tmp_path) -> None:
    """As they are saved: averaged weights beside raw ones, an optimiser, arguments."""
    state = load_file(golden_zoo("mdetr") / "state_dict.f16.safetensors")
    raw = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    extra = {"transformer.text_encoder.embeddings.position_ids": torch.arange(42)[None]}
    content = {"model": raw, "model_ema": state | extra, "args": argparse.Namespace(lr=1e-4)}
    torch.save({**content, "optimizer": {"state": {}}, "epoch": 5}, tmp_path / "theirs.pth")
    found, report = import_mdetr(tmp_path / "theirs.pth", "theirs", HEADS)
    assert report.tensors == len(state) + 1
    assert len(report.dropped) == 3
    ours = model.state_dict()
    assert all(torch.equal(tensor, ours[name]) for name, tensor in found.state_dict().items())


def test_golden_published_sizes(mdetr_full_file, stored, formula_weights) -> None:
    """Every key of a published checkpoint has its place; outputs by formula weights."""
    expected = stored(mdetr_full_file)
    stem = mdetr_full_file.stem.removeprefix("full_")
    keys_file = mdetr_full_file.with_name(f"keys_full_{stem}.json")
    told = json.loads(mdetr_full_file.with_suffix(".json").read_text())
    state = formula_weights(keys_file, mdetr_full_file.with_suffix(".json"))
    config = read_config(state, "full", {"max_tokens": 12})
    assert config.backbone == sizes.PUBLISHED[stem.replace("_b3", "-b3")]
    model = Mdetr(config)
    report = fill(model, state, rules())
    assert report.tensors == len(state)
    assert all(".pooler." in name for name in report.dropped)
    del state
    batch = stored(mdetr_full_file.with_name("case_batch.npz"))
    length = max(map(len, told["ids"]))
    ids = torch.tensor([row + [1] * (length - len(row)) for row in told["ids"]])
    mask = (torch.arange(length) < torch.tensor([len(row) for row in told["ids"]])[:, None]).int()
    inside: Arrays = {}
    for name, module in {"map": model.backbone, "hidden": model.decoder_norm}.items():
        module.register_forward_hook(lambda _, __, out, name=name: inside.update({name: out}))
    model.encoder[-1].register_forward_hook(lambda _, __, out: inside.update(memory=out))
    with torch.inference_mode():
        seen, said = model.encode_image(batch["input"]), model.encode_text(ids, mask)
        found = model.ground(seen, said, mask)
    logits = found.logits[-1]
    arrays = {
        "backbone_out_every16ch": inside["map"][:, ::16],
        "text_resized_lbd_every8": said.transpose(0, 1)[..., ::8],
        "memory_every8": inside["memory"].transpose(0, 1)[..., ::8],
        "memory_mask": torch.cat([seen.shown == 0, mask == 0], dim=1),
        "dec_hs_last_every8": inside["hidden"][-1].transpose(0, 1)[..., ::8],
        "pred_logits_every4": logits[..., ::4],
        "pred_logits_no_object": logits[..., -1],
        "pred_boxes": found.boxes[-1],
        "proj_queries_every4": found.queries[-1][:, ::4],
        "proj_tokens": found.tokens,
        "score": scores(logits),
    }
    assert set(arrays) == set(told["arrays"])
    for name, value in arrays.items():
        tolerance = max(10 * told["tol_fp64"].get(name, 0.0), 5e-5 if "box" in name else 1e-4)
        assert_close(
            value, expected[name], atol=tolerance, rtol=0, msg=lambda m, n=name: f"{n}: {m}"
        )


def test_golden_lists_of_keys(mdetr_keys_file) -> None:
    """Names and shapes of a checkpoint alone say what model it is of, but for its heads."""
    if mdetr_keys_file is None:
        pytest.skip("no lists of keys: set PIZA_GOLDEN_ZOO")
    about = json.loads(mdetr_keys_file.read_text())
    state = {
        name: torch.empty(each["shape"], device="meta") for name, each in about["keys"].items()
    }
    config = read_config(state, "published", {})
    with torch.device("meta"):
        own = Mdetr(config)
    count = sum(tensor.numel() for tensor in own.state_dict().values() if tensor.ndim)
    theirs = sum(tensor.numel() for name, tensor in state.items() if ".pooler." not in name)
    assert count == theirs
    assert len(state) == about["n_tensors"]
    backbone = "efficientnet-b3" if "efficientnet" in mdetr_keys_file.stem else "resnet101"
    expected = sizes.published("published", sizes.PUBLISHED[backbone], config.input_hw)
    assert {**config.text} == {**expected.text, **config.text}
    assert (config.width, config.inner, config.layers) == (256, 2048, 6)
    assert config == expected.__class__(**{**vars(expected), "text": config.text})
