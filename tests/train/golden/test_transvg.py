"""TransVG against outputs of the published implementation, on its weights; small and full size."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.testing import assert_close

from sdk.geometry import iou
from sdk.letterbox import Letterbox
from sdk.preprocess import network_input
from sdk.sentences import SentenceTokenizer
from train.evaluation.published import resized
from train.losses.boxes import generalised_iou, regression_terms, to_corners
from train.mmdet.vocabulary import from_vocab
from train.models.grounding_dino.config import MEAN, STD
from train.models.transvg import config as sizes
from train.models.transvg.model import Transvg
from train.models.transvg.published import fill, import_transvg, read_config, rules

TENSORS = {"atol": 2e-4, "rtol": 0.0}
BOXES = {"atol": 1e-5, "rtol": 0.0}
HEADS = {"text": {"num_attention_heads": 4}}  # no shape shows that the small encoder has four
Arrays = dict[str, Tensor]


@dataclass
class Run:
    """What is expected of a case, and what our model gives for the same input."""

    expected: Arrays
    about: dict[str, Any]
    model: Transvg
    inside: Arrays
    box: Tensor

    def assert_close(self, found: Tensor, name: str, **tolerance: float) -> None:
        expected = self.expected[name]
        assert_close(found.reshape(expected.shape).to(expected.dtype), expected, **tolerance)


@pytest.fixture(scope="module")
def about(golden_zoo: Callable[[str], Path]) -> dict[str, Any]:
    return json.loads((golden_zoo("transvg") / "meta.json").read_text())


@pytest.fixture(scope="module")
def model(golden_zoo: Callable[[str], Path]) -> Transvg:
    path = golden_zoo("transvg") / "state_dict.f16.safetensors"
    return import_transvg(path, "golden", HEADS)[0]


@torch.inference_mode()
def run(model: Transvg, expected: Arrays, about: dict[str, Any]) -> Run:
    """One pass; what the layers give is kept by the names that the files have."""
    body, text = model.backbone, model.text_backbone.model
    watched = {"bb_stem": body.bn1, "detr_src_proj": model.image_projection}
    watched |= {f"bb_{stage}": getattr(body, stage) for stage in body.stages}
    watched |= {"bert_embeddings": text.embeddings.LayerNorm}
    watched |= {
        f"bert_layer{k}": each.output.LayerNorm for k, each in enumerate(text.encoder.layer)
    }
    watched |= {f"detr_enc_layer{k}": each for k, each in enumerate(model.visual)}
    watched |= {f"vl_layer{k}": each for k, each in enumerate(model.encoder)}
    inside: Arrays = {}
    hooks = [
        module.register_forward_hook(lambda _, __, out, key=key: inside.update({key: out}))
        for key, module in watched.items()
    ]
    hooks.append(
        model.encoder[0].register_forward_pre_hook(
            lambda _, given: inside.update(vl_in=given[0], vl_pos=given[1])
        )
    )
    hooks.append(
        model.visual[0].register_forward_pre_hook(lambda _, given: inside.update(codes=given[1]))
    )
    mask = expected["attention_mask"]
    seen = model.encode_image(expected["input"])
    said = model.encode_text(expected["input_ids"], mask)
    box = model.ground(seen, said, mask).box
    for hook in hooks:
        hook.remove()
    hidden = seen.shown == 0
    last = inside[f"vl_layer{len(model.encoder) - 1}"]
    inside |= {
        "bb_relu": inside.pop("bb_stem").relu(),
        "pos_embed_2d": inside.pop("codes").transpose(1, 2),
        "feat_mask": hidden,
        "visual_mask": hidden,
        "visual_tokens_nbd": seen.features.transpose(0, 1),
        "text_tokens_bld": said,
        "vl_mask": torch.cat([torch.zeros(len(mask), 1), mask == 0, hidden], dim=1),
        "vl_pos": inside["vl_pos"][:, None].expand(-1, len(mask), -1),
        "vl_in": inside["vl_in"].transpose(0, 1),
        "reg_out": last[:, 0],
        "vl_out": last.transpose(0, 1),
    }
    for key in [key for key in inside if key.startswith(("detr_enc_layer", "vl_layer"))]:
        inside[key] = inside[key].transpose(0, 1)
    return Run(expected, about, model, inside, box)


@pytest.fixture(scope="module")
def case(transvg_case_file: Path | None, stored, about, model) -> Run:
    return run(model, stored(transvg_case_file), about)


def test_golden_letterbox(golden_zoo) -> None:
    """Our letterbox fits every image as published: the same content, at the same place. Published
    boxes are scaled by the ratio of the sides, ours by what the content has become: less than half
    a pixel apart."""
    for row in json.loads((golden_zoo("transvg") / "letterbox.json").read_text())["rows"]:
        side = row["size"]
        fitted = Letterbox((0, 0, row["w"], row["h"]), (side, side))
        assert fitted.content_wh == (row["new_w"], row["new_h"])
        assert fitted.offset_xy == (row["left"], row["top"])
        x, y, w, h = row["box_cxcywh_out"]
        published = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2]) * side
        ours = fitted.to_unit(row["box_xyxy_in"]) * side
        np.testing.assert_allclose(ours, published, atol=0.5)


def published_input(frame: np.ndarray, side: int) -> np.ndarray:
    """(3, side, side): fitted by our letterbox, resized by the authors' library."""
    fitted = Letterbox((0, 0, frame.shape[1], frame.shape[0]), (side, side))
    (width, height), (left, top) = fitted.content_wh, fitted.offset_xy
    pixels = (resized(frame[:, :, ::-1], (width, height)) - np.float32(MEAN)) / np.float32(STD)
    canvas = np.zeros((3, side, side), np.float32)
    canvas[:, top : top + height, left : left + width] = pixels.transpose(2, 0, 1)
    return canvas


def test_golden_pixels(case: Run) -> None:
    """Padding is known from the pixels. Those of the vehicle's kernel, which knows no rounding to
    whole numbers, are the published ones to a hundredth of a deviation in the mean."""
    side = case.expected["input"].shape[-1]
    case.assert_close((case.expected["input"] == 0).all(1), "image_mask", atol=0, rtol=0)
    for k, expected in enumerate(case.expected["input"].numpy()):
        frame = case.expected[f"image{k}_rgb_u8"].numpy()
        np.testing.assert_allclose(published_input(frame, side), expected, atol=1e-5)
        window = (0, 0, frame.shape[1], frame.shape[0])
        made = network_input(frame, window, (side, side), MEAN, STD, "rgb")[0]
        assert ((made == 0).all(0) == (expected == 0).all(0)).all()
        assert np.abs(made - expected).mean() < 0.02


def test_golden_tokens(case: Run, golden_zoo, tmp_path) -> None:
    """Lower case, pieces of words, an unknown word, and a sentence that is too long."""
    from_vocab(golden_zoo("transvg") / "bert" / "vocab.txt", tmp_path / "tokenizer.json")
    length = case.expected["input_ids"].shape[1]
    tokenizer = SentenceTokenizer.from_file(tmp_path / "tokenizer.json", length)
    for k, sample in enumerate(case.about["samples"]):
        with pytest.warns(UserWarning, match="longer") if k == 2 else nullcontext():
            found = tokenizer.encode(sample["text"])
        assert found.ids.tolist() == case.expected["input_ids"][k].tolist()
        assert found.segments.tolist() == case.expected["attention_mask"][k].tolist()
    assert found.unknown == ("xylophone",)
    assert found.understood


def test_golden_everything_inside(case: Run) -> None:
    """Backbone, DETR's encoder, BERT, the encoder of both: each layer of them."""
    compared = set()
    for name, found in case.inside.items():
        if name in case.expected:
            case.assert_close(found, name, **TENSORS)
            compared.add(name)
    assert compared >= {
        *("bb_relu", "bb_layer4", "detr_src_proj", "pos_embed_2d", "feat_mask", "visual_mask"),
        *("detr_enc_layer0", "detr_enc_layer1", "visual_tokens_nbd", "bert_embeddings"),
        *("bert_layer1", "text_tokens_bld", "vl_in", "vl_mask", "vl_pos", "vl_layer0", "reg_out"),
    }


def test_golden_box(case: Run) -> None:
    case.assert_close(case.box, "pred_box_cxcywh", **BOXES)


def test_golden_losses_and_gradients(case: Run) -> None:
    box = case.expected["pred_box_cxcywh"].clone().requires_grad_()
    terms = regression_terms(box, case.expected["target_box_cxcywh"])
    told = case.about["losses"]
    assert terms["box"].item() == pytest.approx(told["loss_bbox"], abs=1e-5)
    assert terms["giou"].item() == pytest.approx(told["loss_giou"], abs=1e-5)
    total = terms["box"] + terms["giou"]
    assert total.item() == pytest.approx(case.about["total"], abs=1e-5)
    total.backward()
    case.assert_close(box.grad, "grad_total_pred_box", **BOXES)


def test_golden_targets_and_scores(case: Run) -> None:
    """Target boxes through our letterbox, overlaps of what was predicted."""
    side = case.expected["input"].shape[-1]
    for k, sample in enumerate(case.about["samples"]):
        height, width = sample["size"]
        fitted = Letterbox((0, 0, width, height), (side, side))
        ours = fitted.to_unit(sample["box"])
        expected = to_corners(case.expected["target_box_cxcywh"][k]).numpy()
        np.testing.assert_allclose(ours * side, expected * side, atol=0.5)
    predicted = to_corners(case.expected["pred_box_cxcywh"]).clamp(0, 1)
    case.assert_close(predicted, "pred_box_xyxy_clamped", **BOXES)
    overlaps = iou(predicted.numpy(), to_corners(case.expected["target_box_cxcywh"]).numpy())
    np.testing.assert_allclose(overlaps, case.expected["eval_iou"], atol=1e-5)
    assert (overlaps >= 0.5).mean() == pytest.approx(case.about["eval_accu"])


def test_golden_losses_of_random_boxes(golden_zoo, stored) -> None:
    """Pairs of boxes that do and do not overlap."""
    arrays = stored(golden_zoo("transvg") / "losses_random.npz")
    predicted, wanted = arrays["pred"], arrays["target"]
    terms = regression_terms(predicted, wanted)
    for ours, theirs in (("box", "loss_bbox"), ("giou", "loss_giou")):
        assert terms[ours].item() == pytest.approx(arrays[theirs].item(), abs=1e-5)
    assert_close(generalised_iou(predicted, wanted), arrays["giou"], atol=1e-5, rtol=0)


def test_golden_names_in_a_file_of_theirs(golden_zoo, model, tmp_path) -> None:
    """As they are saved, from a training on several GPUs."""
    state = load_file(golden_zoo("transvg") / "state_dict.f16.safetensors")
    content = {"model": {f"module.{name}": tensor for name, tensor in state.items()}}
    content |= {"optimizer": {"state": {}}, "args": argparse.Namespace(lr=1e-4), "val_accu": 0.8}
    torch.save(content, tmp_path / "theirs.pth")
    found, report = import_transvg(tmp_path / "theirs.pth", "theirs", HEADS)
    assert report.tensors == len(state)
    ours = model.state_dict()
    assert all(torch.equal(tensor, ours[name]) for name, tensor in found.state_dict().items())


def test_golden_published_sizes(transvg_full_file, stored, formula_weights) -> None:
    """Every key of a published checkpoint has its place; outputs by formula weights."""
    expected = stored(transvg_full_file)
    stem, about = (
        transvg_full_file.stem.removeprefix("full_"),
        transvg_full_file.with_suffix(".json"),
    )
    told = json.loads(about.read_text())
    state = formula_weights(transvg_full_file.with_name(f"keys_full_{stem}.json"), about)
    config = read_config(state, "full", {})
    model = Transvg(config)
    report = fill(model, state, rules())
    assert report.tensors == len(state)
    assert all(".pooler." in name for name in report.dropped)
    del state
    side = config.input_hw[0]
    frame = stored(transvg_full_file.with_name("case.npz"))["image0_rgb_u8"]
    pixels = torch.from_numpy(published_input(frame.numpy(), side))[None]
    ids = torch.tensor([told["ids"]])
    mask = (ids > 0).int()
    inside: Arrays = {}
    model.backbone.register_forward_hook(lambda _, __, out: inside.update(map=out))
    model.encoder[-1].register_forward_hook(lambda _, __, out: inside.update(last=out))
    with torch.inference_mode():
        seen, said = model.encode_image(pixels), model.encode_text(ids, mask)
        box = model.ground(seen, said, mask).box
    fitted = Letterbox((0, 0, frame.shape[1], frame.shape[0]), (side, side))
    x1, y1, x2, y2 = fitted.to_unit((30, 40, 120, 130))
    arrays = {
        "backbone_out_every16ch": inside["map"][:, ::16],
        "feat_mask": (seen.shown == 0).unflatten(1, inside["map"].shape[-2:]),
        "visual_tokens_every8": seen.features.transpose(0, 1)[..., ::8],
        "text_tokens_every8": said.transpose(0, 1)[..., ::8],
        "reg_out": inside["last"][:, 0],
        "pred_box_cxcywh": box,
        "target_box_cxcywh": torch.tensor(
            [[(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]], dtype=torch.float32
        ),
    }
    for name, expected_array in expected.items():
        value = arrays[name].reshape(expected_array.shape)
        tolerance = 1e-3 if name == "target_box_cxcywh" else 1e-5 if "box" in name else 2e-4
        assert_close(
            value, expected_array, atol=tolerance, rtol=0, msg=lambda m, n=name: f"{n}: {m}"
        )


def test_golden_lists_of_keys(transvg_keys_file) -> None:
    """Names and shapes of a checkpoint alone say what model it is of, but for its heads."""
    if transvg_keys_file is None:
        pytest.skip("no lists of keys: set PIZA_GOLDEN_ZOO")
    about = json.loads(transvg_keys_file.read_text())
    state = {
        name: torch.empty(each["shape"], device="meta") for name, each in about["keys"].items()
    }
    config = read_config(state, "published", {})
    with torch.device("meta"):
        own = Transvg(config)
    count = sum(tensor.numel() for tensor in own.state_dict().values() if tensor.ndim)
    theirs = sum(tensor.numel() for name, tensor in state.items() if ".pooler." not in name)
    assert count == theirs
    backbone = transvg_keys_file.stem.removeprefix("keys_full_")
    expected = sizes.published("published", sizes.PUBLISHED[backbone])
    assert config == expected.__class__(**{**vars(expected), "text": config.text})
