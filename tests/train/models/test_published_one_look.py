"""Files by the authors' names, made up: every tensor is accounted for, or the import ends."""

from __future__ import annotations

import json
import re

import pytest
import torch
from tokenizers import Tokenizer, models
from torch import Tensor

from sdk.errors import CheckpointError, InputError
from train.__main__ import main
from train.families import load
from train.models.mdetr.published import import_mdetr
from train.models.transvg.published import import_transvg

IMPORTS = {"mdetr": import_mdetr, "transvg": import_transvg}
HEADS = {"heads": 2, "text": {"num_attention_heads": 2}}
OWN = {"mdetr": {"input_hw": [64, 96], "max_tokens": 12}, "transvg": {"visual_heads": 2}}
PLACES = 1 + 20 + 4  # a token, a sentence, a square image of 64 px
ENCODER = {"mdetr": "transformer.encoder.layers", "transvg": "vl_transformer.encoder.layers"}
NAMES = {  # ours -> theirs
    "mdetr": {
        r"backbone\.(.+)": r"backbone.0.body.\1",
        r"image_projection\.(.+)": r"input_proj.\1",
        r"text_backbone\.model\.(.+)": r"transformer.text_encoder.\1",
        r"text_projection\.(.+)": r"transformer.resizer.fc.\1",
        r"text_norm\.(.+)": r"transformer.resizer.layer_norm.\1",
        r"decoder_norm\.(.+)": r"transformer.decoder.norm.\1",
        r"decoder\.(\d+)\.norm3\.(.+)": r"transformer.decoder.layers.\1.norm4.\2",
        r"decoder\.(\d+)\.norm2\.(.+)": r"transformer.decoder.layers.\1.norm3.\2",
        r"decoder\.(\d+)\.(?:forward_part\.)?(linear.|norm1)\.(.+)": (
            r"transformer.decoder.layers.\1.\2.\3"
        ),
        r"queries\.(.+)": r"query_embed.\1",
        r"class_head\.(.+)": r"class_embed.\1",
        r"box_head\.(.+)": r"bbox_embed.\1",
        r"aligned_query\.(.+)": r"contrastive_align_projection_image.\1",
        r"aligned_token\.(.+)": r"contrastive_align_projection_text.\1",
    },
    "transvg": {
        r"backbone\.(.+)": r"visumodel.backbone.0.body.\1",
        r"image_projection\.(.+)": r"visumodel.input_proj.\1",
        r"text_backbone\.model\.(.+)": r"textmodel.bert.\1",
        r"visual\.(\d+)\.(?:forward_part\.)?(linear.|norm.)\.(.+)": (
            r"visumodel.transformer.encoder.layers.\1.\2.\3"
        ),
        r"visual_projection\.(.+)": r"visu_proj.\1",
        r"text_projection\.(.+)": r"text_proj.\1",
        r"places\.(.+)": r"vl_pos_embed.\1",
        r"regression_token\.(.+)": r"reg_token.\1",
        r"box_head\.(.+)": r"bbox_embed.\1",
    },
}
ATTENTIONS = {  # ours -> theirs
    "mdetr": {
        "decoder.#.attention": "transformer.decoder.layers.#.self_attn",
        "decoder.#.cross": "transformer.decoder.layers.#.cross_attn_image",
    },
    "transvg": {"visual.#.attention": "visumodel.transformer.encoder.layers.#.self_attn"},
}


def published(method: str, model: torch.nn.Module) -> dict[str, Tensor]:
    """The tensors of a model of ours by the authors' names, queries, keys and values stacked."""
    state = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    layer = r"encoder\.(\d+)\.(?:forward_part\.)?(linear.|norm.)\.(.+)"
    names = {layer: rf"{ENCODER[method]}.\1.\2.\3", **NAMES[method]}
    attentions = {"encoder.#.attention": f"{ENCODER[method]}.#.self_attn", **ATTENTIONS[method]}
    made: dict[str, Tensor] = {}
    for ours, theirs in attentions.items():
        first = re.compile(re.escape(ours).replace(r"\#", r"(\d+)") + r"\.query\.weight")
        for number in [m[1] for name in state if (m := first.fullmatch(name))]:
            own, other = ours.replace("#", number), theirs.replace("#", number)
            for kind in ("weight", "bias"):
                parts = [state.pop(f"{own}.{part}.{kind}") for part in ("query", "key", "value")]
                made[f"{other}.in_proj_{kind}"] = torch.cat(parts)
                made[f"{other}.out_proj.{kind}"] = state.pop(f"{own}.out.{kind}")
    for name, tensor in state.items():
        (theirs,) = (re.sub(p, t, name) for p, t in names.items() if re.fullmatch(p, name))
        made[theirs] = tensor
    return made


@pytest.fixture(params=IMPORTS)
def file(request, one_look, tmp_path):
    """Method, our model, and its tensors by the authors' names."""
    method = request.param
    changes = {"text": roberta(one_look)} if method == "mdetr" else {}
    size = {"input_hw": (64, 64), "max_tokens": 20} if method == "transvg" else {}
    model = one_look(method, **changes, **size)
    return method, model, published(method, model), tmp_path / "theirs.pth"


def roberta(one_look) -> dict:
    text = dict(one_look("mdetr").config.text)
    return {**text, "model_type": "roberta", "type_vocab_size": 1, "pad_token_id": 1}


def imported(file, state: dict[str, Tensor] | None = None, **overrides):
    method, _, own, path = file
    torch.save({"model": own if state is None else state, "epoch": 3}, path)
    return IMPORTS[method](path, "theirs", {**HEADS, **OWN[method], **overrides})


def test_every_tensor_comes_back(file) -> None:
    _, model, state, _ = file
    found, report = imported(file)
    ours = model.state_dict()
    assert all(torch.equal(tensor, ours[name]) for name, tensor in found.state_dict().items())
    assert (report.tensors, report.dropped) == (len(state), ())
    assert found.config.layers == model.config.layers
    assert found.config.backbone == model.config.backbone


def test_what_does_not_make_a_model_is_said(file) -> None:
    _, _, state, _ = file
    some = next(name for name in state if "linear1.weight" in name)
    cases = {
        "1 unknown: qa_embed.weight": {**state, "qa_embed.weight": torch.zeros(3)},
        "1 missing": {name: value for name, value in state.items() if "layers.1.bias" not in name},
        "1 misshapen: ": {**state, some.replace("weight", "bias"): torch.zeros(3)},
        "1 not finite in half precision": {
            **state,
            "bbox_embed.layers.1.bias": torch.full((16,), 1e6),
        },
    }
    for message, changed in cases.items():
        with pytest.raises(CheckpointError, match=message):
            imported(file, changed)


def test_files_and_overrides_that_are_none(file, tmp_path) -> None:
    method, _, state, _ = file
    with pytest.raises(InputError, match="found none"):
        IMPORTS[method](tmp_path / "nothing.pth", "theirs", {})
    with pytest.raises(InputError, match="has no"):
        imported(file, colour=3)
    with pytest.raises(InputError, match="'text' to be something like"):
        imported(file, text=3)
    first = next(iter(state))
    with pytest.raises(CheckpointError, match=r"expected it among|unexpected"):
        imported(file, {first: state[first]})


def test_transvg_has_a_square_image(one_look, tmp_path) -> None:
    model = one_look("transvg", input_hw=(64, 64), max_tokens=20)
    state = published("transvg", model)
    assert len(state["vl_pos_embed.weight"]) == PLACES
    state["vl_pos_embed.weight"] = torch.zeros(PLACES + 1, 16)
    torch.save({"model": state}, tmp_path / "theirs.pth")
    with pytest.raises(CheckpointError, match="26 places"):
        import_transvg(tmp_path / "theirs.pth", "theirs", HEADS)


@pytest.fixture
def tokenizers_of(tmp_path):
    """BERT's ``vocab.txt`` and RoBERTa's ``tokenizer.json``, of few words."""
    signs = ["<s>", "<pad>", "</s>", "<unk>", *"abcdefghijklmnopqrstuvwxyz"]
    made = Tokenizer(models.BPE({sign: k for k, sign in enumerate(signs)}, []))
    made.save(str(tmp_path / "roberta.json"))
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "red", "car"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    return {
        "mdetr": ["--tokenizer", str(tmp_path / "roberta.json")],
        "transvg": ["--vocab", str(tmp_path / "vocab.txt")],
    }


def test_the_command_writes_a_checkpoint_that_loads(file, tokenizers_of, tmp_path, capsys) -> None:
    method, model, state, path = file
    torch.save({"model": state, "epoch": 3}, path)
    config = tmp_path / "heads.json"
    config.write_text(json.dumps({**HEADS, **OWN[method]}))
    out = ["--config", str(config), "-o", str(tmp_path / "theirs")]
    assert main(["import", f"--{method}", str(path), *tokenizers_of[method], *out]) == 0
    said = capsys.readouterr().out
    assert f"{len(state)} tensors, 0 of them not needed" in said
    assert f"{method} with resnet [1, 1, 1, 1]" in said
    found = load(tmp_path / "theirs").model.state_dict()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(found[name], tensor, atol=2e-3, rtol=1e-3)  # stored as halves


def test_the_command_says_what_is_wrong(file, tmp_path, capsys) -> None:
    method, _, state, path = file
    torch.save({"model": state}, path)
    out = ["-o", str(tmp_path / "theirs")]
    gone = "--tokenizer" if method == "mdetr" else "--vocab"
    config = tmp_path / "heads.json"
    config.write_text(json.dumps({**HEADS, **OWN[method]}))
    own = ["import", f"--{method}", str(path), "--config", str(config), *out]
    assert main([*own, gone, str(tmp_path / "nothing")]) == 2
    words = tmp_path / "many.txt"
    words.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map(str, range(99))]) + "\n")
    if method == "transvg":
        assert main([*own, "--vocab", str(words)]) == 3
        assert "at most 64 tokens" in capsys.readouterr().err
    assert main(["import", f"--{method}", str(tmp_path / "nothing.pth"), *out]) == 2
    assert "found none" in capsys.readouterr().err
    assert not (tmp_path / "theirs").exists()
    with pytest.raises(SystemExit):
        main(["import", *out])
