"""From the authors' files to a model: nothing missing, nothing unknown, nothing changed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

from sdk.errors import CheckpointError, InputError
from train.base import open_base
from train.checkpoint import CONFIG, TOKENIZER, WEIGHTS, load_checkpoint
from train.mmdet.convert import build, check_fit, convert, import_checkpoint
from train.models.grounding_dino.grounder import PizaGrounder, Prediction
from train.models.piza.methods import trainable

SMALL = {"input_hw": [64, 96], "max_tokens": 64}


@pytest.fixture(scope="module")
def whole(sizes, authors_state):
    return authors_state(sizes())


@torch.inference_mode()
def predict(model: PizaGrounder, progress: float = 0.4) -> Prediction:
    generator = torch.Generator().manual_seed(0)
    ids = torch.tensor([[2, 20, 21, 5, 3]])
    segments, positions = torch.tensor([[1, 2, 2, 2, 3]]), torch.tensor([[0, 0, 1, 2, 0]])
    pixels = torch.randn(1, 3, *model.config.input_hw, generator=generator)
    text = model.encode_text(ids, segments, positions)
    step = torch.tensor([progress])
    return model.ground(model.encode_image(pixels), text, segments, positions, step)


def of(*states, **changes) -> PizaGrounder:
    return build(convert(states, "x", SMALL | changes))


def test_norms_of_the_piza_file_override_the_base_s(sizes, two_files, whole) -> None:
    """Base and PIZA file together are the model that the PIZA file was trained in."""
    base, piza = two_files(sizes())
    both, alone = of(base, piza), of(whole)
    assert all(map(torch.equal, both.state_dict().values(), alone.state_dict().values()))
    norm = both.base.model.backbone.conv_encoder.model.hidden_states_norms.stage2.weight
    assert torch.equal(norm, piza["backbone.norm1.weight"])
    assert not torch.equal(norm, base["backbone.norm1.weight"])


def test_decoder_layers_keep_heads_of_their_own(whole) -> None:
    model = of(whole)
    first, second = model.base.bbox_embed
    assert torch.equal(first.layers[2].bias, whole["bbox_head.reg_branches.0.4.bias"])
    assert torch.equal(second.layers[2].bias, whole["bbox_head.reg_branches.1.4.bias"])
    assert first.layers[2].bias is model.base.model.decoder.bbox_embed[0].layers[2].bias


def test_the_living_copy_of_the_transformer_layer_is_taken(whole) -> None:
    model, name = of(whole), "linear1.weight"
    layer = model.history.box_encoder.transformer.layers[0]
    prefix = "bbox_encoder.box_encoder"
    assert torch.equal(layer.linear1.weight, whole[f"{prefix}.transformer.layers.0.{name}"])
    assert not torch.equal(layer.linear1.weight, whole[f"{prefix}.transformer_layer.{name}"])


def test_the_demo_s_naming(sizes, authors_state, whole) -> None:
    """Another prefix, and image adapters that do not hear about the progress."""
    demo = authors_state(sizes(history="bbox2eos_zoom_model", told=False))
    model = of(demo)
    assert_close(predict(model, 0.0).query_logits, predict(model, 1.0).query_logits, atol=0, rtol=0)
    told = of(whole)
    assert not torch.equal(predict(told, 0.0).query_logits, predict(told, 1.0).query_logits)
    silent = {name: torch.zeros_like(t) if "emb_proj" in name else t for name, t in whole.items()}
    renamed = {
        name.replace("bbox_encoder.", "bbox2eos_zoom_model."): tensor
        for name, tensor in silent.items()
    }
    assert demo.keys() == {name for name in renamed if "emb_proj" not in name}
    mixed = {name: tensor for name, tensor in renamed.items() if name in demo}
    assert torch.equal(predict(of(mixed)).query_boxes, predict(of(silent)).query_boxes)


def test_the_base_alone_answers_in_one_step(sizes, two_files) -> None:
    model = of(two_files(sizes())[0])
    assert (model.config.method, model.config.zoom_policy().max_steps) == ("zero-shot", 1)
    assert predict(model).query_boxes.isfinite().all()


def test_what_is_imported_can_be_trained(whole) -> None:
    model = of(whole).train()
    ids, one = torch.tensor([[2, 20, 5, 3]]), torch.ones(1, 4, dtype=torch.int64)
    text = model.encode_text(ids, one, one)
    out = model.ground(
        model.encode_image(torch.randn(1, 3, 64, 96)), text, one, one, torch.tensor([0.5])
    )
    (out.query_logits.mean() + out.query_boxes.mean() + out.location_boxes.mean()).backward()
    assert all(parameter.grad is not None for parameter in trainable(model))


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("level_embed", None),
        ("backbone.norm3.weight", "hidden_states_norms.stage4.weight"),
        ("backbone.stages.1.blocks.1.attn.w_msa.qkv.bias", "layers.1.blocks.1.attention.q_proj"),
        ("backbone.stages.3.blocks.0.norm1.weight", "layers.3.blocks.0.layernorm_before.weight"),
        ("neck.convs.1.conv.weight", "input_proj_vision.1.0.weight"),
        ("neck.extra_convs.0.gn.bias", "input_proj_vision.3.1.bias"),
        ("encoder.fusion_layers.0.gamma_l", "fusion_layer.text_param"),
        ("encoder.layers.0.adapter2.scaling", "adapters.0.adapter2.scaling"),
        ("encoder.layers.0.adapter1.emb_proj.bias", "adapters.0.adapter1.emb_proj.bias"),
        ("encoder.text_layers.0.norms.1.bias", "text_enhancer_layer.layer_norm_after.bias"),
        ("decoder.layers.1.cross_attn.sampling_offsets.bias", "encoder_attn.sampling_offsets.bias"),
        ("decoder.layers.1.norms.3.weight", "decoder.layers.1.final_layer_norm.weight"),
        ("bbox_head.reg_branches.2.4.weight", "encoder_output_bbox_embed.layers.2.weight"),
        ("bbox_head.cls_branches.0.bias", "decoder.class_embed.0.bias"),
        ("bbox_encoder.box_encoder.fc3.weight", "history.box_encoder.fc3.weight"),
        ("zoom_embedding.temb.dense.1.bias", "zoom_embedding.temb.dense.1.bias"),
        ("text_feat_map.bias", "text_projection.bias"),
    ],
)
def test_missing_tensors_are_named(whole, name: str, ours: str | None) -> None:
    state = {key: tensor for key, tensor in whole.items() if key != name}
    with pytest.raises(CheckpointError, match=(ours or name).replace(".", r"\.")):
        of(state)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("encoder.layers.0.adapter2.scaling", "missing from the PIZA file"),
        ("encoder.layers.0.adapter1.linear_down.weight", "among the adapters of the PIZA file"),
        ("zoom_embedding.temb.dense.0.weight", "among the adapters of the PIZA file"),
        ("bbox_encoder.box_encoder.fc3.weight", "missing from the PIZA file"),
        ("text_feat_map.bias", "missing from the base"),
        ("level_embed", "a Swin Grounding DINO by mmdetection's names"),
    ],
)
def test_a_missing_tensor_is_missed_in_its_own_file(whole, name: str, file: str) -> None:
    state = {key: tensor for key, tensor in whole.items() if key != name}
    with pytest.raises(CheckpointError, match=file):
        of(state)


def test_unknown_tensors_are_named(whole) -> None:
    strange = {"stranger": torch.ones(1), "encoder.layers.0.lora_A": torch.ones(1)}
    with pytest.raises(
        CheckpointError, match=r"unknown tensors: stranger, encoder\.layers\.0\.lora_A"
    ):
        of(whole | strange)
    with pytest.raises(CheckpointError, match="and 10 more"):
        of(whole | {f"stranger{i}": torch.ones(1) for i in range(50)})


@pytest.mark.parametrize(
    "name",
    [
        "language_model.language_backbone.body.model.pooler.dense.weight",
        "encoder.layers.0.adapter3.scaling",
        "encoder.text_layers.0.adapter1.emb_proj.weight",
        "decoder.layers.0.norms.0.running_mean",
        "encoder.layers.7.norms.0.weight",
    ],
)
def test_tensors_without_a_place_are_named(whole, name: str) -> None:
    with pytest.raises(CheckpointError, match=f"without a place in the model: {name}"):
        of(whole | {name: torch.ones(32)})


@pytest.mark.parametrize("name", ["memory_trans_fc.weight", "encoder.layers.0.adapter1.scaling"])
def test_misshapen_tensors_are_named(whole, name: str) -> None:
    with pytest.raises(CheckpointError, match=rf"misshapen: {name}: expected .*, got \(3,\)"):
        of(whole | {name: torch.ones(3)})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e5])
def test_values_that_half_precision_cannot_hold(whole, value: float) -> None:
    tensor = whole["memory_trans_fc.bias"].clone()
    tensor[1] = value
    with pytest.raises(CheckpointError, match=r"half precision: memory_trans_fc\.bias"):
        of(whole | {"memory_trans_fc.bias": tensor})


def test_a_configuration_that_no_model_has(whole) -> None:
    with pytest.raises(CheckpointError, match="no model of this configuration"):
        of(whole, base={"text_config": {"num_attention_heads": 7}})


@pytest.mark.parametrize("kind", ["train", "demo"])
def test_published_size_has_a_place_for_every_name(swin_t_size, authors_shapes, kind) -> None:
    demo = {"bottleneck": 512, "history": "bbox2eos_zoom_model", "told": False}
    size = dataclasses.replace(swin_t_size, **demo) if kind == "demo" else swin_t_size
    fits_the_published_size(authors_shapes(size), size.bottleneck)


@pytest.mark.parametrize("kind", ["train", "demo"])
def test_golden_names_have_a_place(golden: Path, swin_t_size, authors_shapes, kind) -> None:
    """The names and shapes of the two published configurations, which this folder's made-up
    checkpoints have too."""
    published = json.loads((golden.parent / f"keys_full_{kind}_config.json").read_text())
    shapes = {name: tuple(entry["shape"]) for name, entry in published["tensors"].items()}
    fits_the_published_size(shapes, {"train": 256, "demo": 512}[kind])
    changes = {"bottleneck": 512, "history": "bbox2eos_zoom_model", "told": False}
    size = dataclasses.replace(swin_t_size, **changes) if kind == "demo" else swin_t_size
    assert authors_shapes(size) == shapes


def fits_the_published_size(shapes: dict[str, tuple[int, ...]], bottleneck: int) -> None:
    with torch.device("meta"):
        converted = convert([{name: torch.empty(s) for name, s in shapes.items()}], "x", {})
        model = PizaGrounder(converted.config)
    check_fit(model, converted)
    assert converted.config.bottleneck == bottleneck
    base = [n for n in shapes if not n.startswith(("bbox_e", "bbox2eos", "zoom", "dn_query"))]
    count = sum(
        converted.weights[ours].numel()
        for ours, name in converted.sources.items()
        if name in base and "adapter" not in name
    )
    assert count == 172_912_157


def test_folder(sizes, two_files, vocab_file: Path, tmp_path: Path) -> None:
    base, piza = two_files(sizes())
    torch.save({"state_dict": base, "meta": {}}, tmp_path / "base.pth")
    save_file(piza, tmp_path / "piza.safetensors")
    files = (tmp_path / "base.pth", tmp_path / "piza.safetensors")
    report = import_checkpoint(*files, tmp_path / "out", vocab_file, SMALL)
    norms = base.keys() & piza.keys()
    assert (report.base, report.piza, report.overridden) == (len(base), len(piza), len(norms))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {CONFIG, WEIGHTS, TOKENIZER}
    model, tokenizer = load_checkpoint(tmp_path / "out")
    assert model.config == report.config
    assert model.config.name == "out"
    assert tokenizer.vocabulary_size == sizes().words
    expected = of(base, piza).state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())


def test_tuning_starts_from_what_is_imported(sizes, two_files, vocab_file, tmp_path) -> None:
    """From the base alone with a history encoder that is yet to be fitted, or from all of PIZA."""
    base, piza = two_files(sizes())
    save_file(base, tmp_path / "base.safetensors")
    save_file(piza, tmp_path / "piza.safetensors")
    files = (tmp_path / "base.safetensors", tmp_path / "piza.safetensors")
    import_checkpoint(files[0], None, tmp_path / "plain", vocab_file, SMALL)
    import_checkpoint(*files, tmp_path / "piza", vocab_file, SMALL)
    plain = open_base(str(tmp_path / "plain"), "piza-lora")
    whole = open_base(str(tmp_path / "piza"), "piza-adapter+")
    assert (plain.knows_histories, whole.knows_histories) == (False, True)
    assert plain.model.history.box_encoder.fc3.weight.any()  # zeros could not learn
    scaling = whole.model.adapters[0].adapter1.scaling
    assert torch.equal(scaling, piza["encoder.layers.0.adapter1.scaling"])
    with pytest.raises(CheckpointError, match="adapted by piza-adapter"):
        open_base(str(tmp_path / "piza"), "piza-lora")


def test_nothing_is_written_when_something_is_wrong(
    sizes, two_files, vocab_file: Path, tmp_path: Path
) -> None:
    base, piza = two_files(sizes())
    save_file(base, tmp_path / "base.safetensors")
    save_file(piza, tmp_path / "piza.safetensors")
    files = (tmp_path / "base.safetensors", tmp_path / "piza.safetensors")
    out, short = tmp_path / "out", tmp_path / "short.txt"
    short.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n.\nred\n")
    with pytest.raises(InputError, match=f"vocabulary of {sizes().words} words.*got 6"):
        import_checkpoint(*files, out, short, SMALL)
    with pytest.raises(CheckpointError, match="neither adapters nor a history encoder"):
        import_checkpoint(files[0], files[0], out, vocab_file, SMALL)
    with pytest.raises(InputError, match="found none"):
        import_checkpoint(files[0], tmp_path / "nothing.pth", out, vocab_file, SMALL)
    with pytest.raises(CheckpointError):
        import_checkpoint(files[1], None, out, vocab_file, SMALL)
    assert not out.exists()
