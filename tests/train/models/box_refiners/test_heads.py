"""What heads say, and that the unrolled diffusion is the one that diffusers knows."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from diffusers import DDIMScheduler

from sdk.errors import CheckpointError
from train.models.box_refiners.config import METHODS, BoxConfig
from train.models.box_refiners.heads import make_head, observed

CONFIG = BoxConfig(
    name="boxes",
    method="diffusion",
    features=8,
    clip={"sha256": "0"},
    hidden=(16, 12),
    starts=3,
    centre=(0.5, 0.4, 0.2, 0.1),
    spread=(0.2, 0.2, 0.1, 0.1),
)


def of(method: str, **changes: object) -> BoxConfig:
    return dataclasses.replace(CONFIG, method=method, **changes)


@pytest.fixture
def features() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.nn.functional.normalize(torch.randn(1, 8, generator=generator), dim=-1)
        for _ in range(2)
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_configuration_is_read_as_it_was_written(method, tmp_path) -> None:
    config = of(method)
    config.save(tmp_path / "config.json")
    assert BoxConfig.load(tmp_path / "config.json") == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "luck"}, "a method out of projection"),
        ({"view": "inside out"}, "a view out of tight"),
        ({"clip": {}}, "CLIP's sha256"),
        ({"unrolled": 0}, "1 to 100 steps of the engine"),
        ({"starts": 0}, "a start"),
        ({"calibration": {}}, "threshold"),
    ],
)
def test_a_configuration_that_makes_no_sense(changes, message) -> None:
    with pytest.raises(CheckpointError, match=message):
        dataclasses.replace(CONFIG, **changes)


def test_what_is_no_configuration(tmp_path) -> None:
    path = tmp_path / "config.json"
    for text in ("{", "[]", '{"family": "piza"}', '{"family": "clip-box", "odd": 1}'):
        path.write_text(text)
        with pytest.raises(CheckpointError, match="not the configuration of a clip-box model"):
            BoxConfig.load(path)


def test_published_widths() -> None:
    assert of("projection", hidden=()).widths == (512, 256, 128)
    last = make_head(of("projection-iou", hidden=())).layers
    assert [tuple(layer.weight.shape) for layer in last[::2]] == [
        (512, 16), (256, 512), (128, 256), (4, 128),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "box"),
    [("projection", (40.0, 20.0, 90.0, 60.0)), ("projection-iou", (0.5, 0.4, 0.2, 0.1))],
)
def test_a_projection_begins_near_a_box(method, box, features) -> None:
    head = make_head(of(method))
    head.begin_at(torch.tensor(box))
    assert head.regress(*features)[0].tolist() == pytest.approx(box, rel=0.2)


def test_a_projection_says_corners(features) -> None:
    pixels, shares = make_head(of("projection")), make_head(of("projection-iou"))
    assert (pixels(*features) >= 0).all()  # as published
    x1, y1, x2, y2 = shares(*features)[0].tolist()
    x, y, width, height = shares.regress(*features)[0].tolist()
    assert (x1, y1, x2, y2) == pytest.approx(
        (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    )


def test_a_q_network_values_a_state(features) -> None:
    head = make_head(of("dqn"))
    past, box = torch.zeros(1, 90), torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    state = observed(*features, past, box)
    assert state.shape == (1, 2 * 8 + 94)
    assert state[:, :8].norm().item() == pytest.approx(8**0.5)
    assert torch.equal(head(*features, past, box), head.layers(state))


@pytest.mark.parametrize("unrolled", [1, 4, 10, 100])
def test_the_unrolled_diffusion_is_ddim(unrolled, features) -> None:
    head = make_head(of("diffusion", unrolled=unrolled))
    scheduler = DDIMScheduler(
        100, 1e-4, 0.02, "linear", clip_sample=False, timestep_spacing="trailing"
    )
    scheduler.set_timesteps(unrolled)
    assert scheduler.timesteps.tolist() == head.times()
    assert head.left == pytest.approx(scheduler.alphas_cumprod.tolist())
    assert head.left[-1] ** 0.5 == pytest.approx(0.6, abs=0.01)
    boxes = head.starts * (1 - head.left[-1]) ** 0.5
    image, text = (each.expand(3, -1) for each in features)
    with torch.no_grad():
        for time in scheduler.timesteps:
            noise = head.noise_in(boxes, time.expand(3), image, text)
            boxes = scheduler.step(noise, time, boxes).prev_sample
        found = head.denoised(*features)
    wanted = boxes * torch.tensor(CONFIG.spread) + torch.tensor(CONFIG.centre)
    assert torch.allclose(found, wanted, atol=1e-5)


def test_a_diffusion_is_the_same_every_time(features) -> None:
    torch.manual_seed(0)
    one = make_head(of("diffusion"))
    torch.manual_seed(0)
    other = make_head(of("diffusion"))
    assert torch.equal(one(*features), other(*features))
    assert one(*features).shape == (3, 4)
    assert not torch.equal(one.starts, make_head(of("diffusion", seed=1)).starts)
