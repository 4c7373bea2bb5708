"""CoOp: learned tokens beside the prompt's, which the rest of the model does not notice."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from train.models.grounding_dino.grounder import Prediction
from train.models.grounding_dino.layers import MASKED, block_bias, padding_bias
from train.models.piza.prompts import Context, belong_to_all


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.integers(1, 4))
def test_extra_tokens_belong_to_every_segment(segments: list[int], extra: int) -> None:
    row = torch.tensor([segments])
    bias, attends = block_bias(row), padding_bias(row).expand(-1, -1, extra, -1)
    whole = belong_to_all(bias, attends)
    count = len(segments)
    assert whole.shape == (1, 1, count + extra, count + extra)
    assert torch.equal(whole[..., :count, :count], bias)
    assert (whole[..., count:] == 0).all()  # attended by everyone, by each other as well
    assert torch.equal(whole[..., count:, :count], attends)


def test_context_is_embedded_as_words_are(make_config, make_model) -> None:
    model = make_model(make_config(method="coop"))
    embeddings = model.base.model.text_backbone.embeddings
    context = Context(5, 32)
    words, row = torch.randn(2, 9, 32), torch.ones(2, 9)
    hidden, bias = context(embeddings, words, block_bias(row))
    assert torch.equal(hidden[:, :9], words)
    assert torch.equal(hidden[0, 9:], hidden[1, 9:])
    table = embeddings.position_embeddings.weight[:5] + embeddings.token_type_embeddings.weight[0]
    assert_close(hidden[0, 9:], embeddings.LayerNorm(context.vectors + table))
    assert (bias[:, :, 9:, :9] == MASKED).all()  # it attends itself alone
    assert (bias[:, :, :, 9:] == 0).all()


def encode(model, batch, columns: slice = slice(None)) -> Tensor:
    return model.encode_text(
        batch.ids[:, columns], batch.segments[:, columns], batch.positions[:, columns]
    )


@torch.inference_mode()
def test_text_features_have_a_row_a_token_and_know_the_context(
    make_config, make_model, make_batch
) -> None:
    model = make_model(make_config(method="coop"))
    batch = make_batch(model.config)
    before = encode(model, batch)
    assert before.shape == (2, 9, 32)
    model.context.vectors[3].neg_()
    changed = (encode(model, batch) - before).abs().amax(-1)
    assert (changed[batch.segments > 0] > 1e-4).all()


@torch.inference_mode()
def test_a_sentence_does_not_depend_on_its_neighbours(make_config, make_model, make_batch) -> None:
    """Prompts of several sentences in training, of one sentence in a search."""
    model = make_model(make_config(method="coop"))
    batch = make_batch(model.config)
    before = encode(model, batch)
    assert_close(encode(model, batch, slice(0, 4)), before[:, :4])  # [CLS] and the first phrase
    batch.ids[:, 4:7] += 1
    after = encode(model, batch)
    assert torch.equal(after[:, :4], before[:, :4])
    assert not torch.isclose(after[:, 4:7], before[:, 4:7]).all()


def ground(model, batch, columns: slice) -> Prediction:
    text = encode(model, batch, columns)
    return model.ground(
        model.encode_image(batch.pixels),
        text,
        batch.segments[:, columns],
        batch.positions[:, columns],
        batch.progress,
    )


@torch.inference_mode()
@pytest.mark.parametrize("training", [False, True])
def test_nothing_answers_to_the_zoom_token(make_config, make_model, make_batch, training) -> None:
    """Logits are of the prompt's tokens, and do not depend on its padding."""
    model = make_model(make_config(method="piza-coop"))
    for module in model.base.model.modules():  # batch statistics are another matter
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.0
    model.train(training)
    batch = make_batch(model.config)
    whole, short = ground(model, batch, slice(None)), ground(model, batch, slice(0, 8))
    assert whole.location_logits.shape == (2, 24 + 6, 9)
    assert whole.query_logits.shape == (2, 2, 5, 9)
    assert (whole.location_logits[..., 8] < -9e3).all()
    assert_close(whole.location_logits[..., :8], short.location_logits)
    assert_close(whole.query_boxes, short.query_boxes)
    assert [logits.shape for logits in whole.inner_logits] == [(2, 30, 9)] * training


@torch.inference_mode()
def test_the_zoom_token_is_attended_everywhere(make_config, make_model, make_batch) -> None:
    """By the image in the fusion, by words in the text enhancer, by queries in the decoder."""
    model = make_model(make_config({"encoder_layers": 2}, method="piza-coop"))
    batch = make_batch(model.config)
    text = encode(model, batch)
    seen: list[tuple[int, ...]] = []
    encoder, decoder = model.base.model.encoder.layers, model.base.model.decoder.layers
    for module in (
        *(layer.fusion_layer.attn.text_proj for layer in encoder),
        *(layer.text_enhancer_layer.self_attn.key for layer in encoder),
        *(layer.encoder_attn_text.key for layer in decoder),
    ):
        module.register_forward_hook(lambda _, given, __: seen.append(tuple(given[0].shape)))
    image = model.encode_image(batch.pixels)
    model.ground(image, text, batch.segments, batch.positions, batch.progress)
    assert seen == [(2, 10, 32)] * (2 + 2 + 2)
