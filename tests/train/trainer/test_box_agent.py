"""A Q network that plays: it learns to find what it is shown the way to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sdk.geometry import iou
from train.data.box_questions import BoxQuestions, Vectors
from train.data.entries import Annotation
from train.models.box_refiners.config import BoxConfig
from train.models.box_refiners.heads import make_head
from train.trainer import box_agent
from train.trainer.box_agent import BoxAgent
from train.trainer.box_environment import BoxEnvironment
from train.trainer.recipe import scratch

FRAME, FEATURES = (120, 80), 6
CONFIG = BoxConfig(
    name="boxes", method="dqn", features=FEATURES, clip={"sha256": "0"}, hidden=(64,), most_steps=8
)


class Guides:
    """Looks that say where the object is, seen from the box."""

    def __init__(self, boxes: np.ndarray) -> None:
        self._boxes = boxes

    def __call__(self, photograph: int, xyxy: np.ndarray) -> np.ndarray:
        target = self._boxes[photograph]
        sides = np.tile(xyxy[2:] - xyxy[:2], 2)
        told = np.append((target - xyxy) / sides, (1.0, float(iou(target, xyxy))))
        return (told / np.linalg.norm(told)).astype(np.float32)


def game() -> BoxEnvironment:
    rng = np.random.default_rng(0)
    low = rng.uniform(0, (80, 50), (40, 2))
    boxes = np.concatenate([low, low + rng.uniform((25, 18), (40, 30), (40, 2))], axis=1)
    items = [Annotation(f"{k}.png", tuple(box), "it", k) for k, box in enumerate(boxes)]
    whole = torch.tensor([0.0, 0.0, *FRAME]).expand(40, 1, 4)
    vector = torch.full((1, FEATURES), FEATURES**-0.5)
    names = tuple(item.image for item in items)
    vectors = Vectors(names, ("it",), whole, vector.expand(40, 1, -1), vector)
    return BoxEnvironment(BoxQuestions(items, vectors, 1, 0), Guides(boxes), CONFIG)


def agent_of(steps: int, **data: int) -> BoxAgent:
    torch.manual_seed(0)
    recipe = scratch(steps, lr=1e-3, clip=10.0, weight_decay=1e-2)
    return BoxAgent(make_head(CONFIG), game(), recipe, torch.device("cpu"), data)


def mean_iou(agent: BoxAgent, episodes: int = 40) -> float:
    """Of the boxes that its network ends at."""
    head, environment, ends = agent.average, game(), []
    for _ in range(episodes):
        state, _ = environment.reset()
        over = False
        while not over:
            with torch.no_grad():
                action = int(head.layers(torch.from_numpy(state)).argmax())
            state, _, ended, cut, told = environment.step(np.int64(action))
            over = ended or cut
        ends.append(told["iou"])
    return float(np.mean(ends))


def test_it_learns(monkeypatch) -> None:
    monkeypatch.setattr(box_agent, "BATCH", 64)
    monkeypatch.setattr(box_agent, "TAU", 0.02)
    agent = agent_of(1500)
    rewards = []
    agent.run((), lambda terms: rewards.append(terms["reward"]) or False)
    assert agent.done
    assert len(rewards) == agent.step == 1500
    assert np.mean(rewards[-300:]) > np.mean(rewards[:300]) + 0.3
    assert mean_iou(agent) > 0.2  # the frame itself overlaps by 0.1


def test_it_stops_and_goes_on(tmp_path: Path) -> None:
    agent, steps = agent_of(60, boxes=40), []
    agent.run((), lambda terms: steps.append(terms) or len(steps) == 40)
    assert agent.step == 40
    assert not agent.done
    assert any("loss" in terms for terms in steps)
    agent.save(tmp_path / "state.pt")
    other = agent_of(60, boxes=40)
    other.load(tmp_path / "state.pt")
    assert (other.step, other.seconds) == (40, agent.seconds)
    for name, value in agent.average.state_dict().items():
        assert torch.equal(value, other.average.state_dict()[name])
    more: list[dict[str, float]] = []
    other.run((), lambda terms: more.append(terms) or False)
    assert (len(more), other.step, other.done) == (20, 60, True)


def test_it_is_bold_at_first() -> None:
    agent = agent_of(100)
    assert agent._boldness(1.0) == pytest.approx(0.9)
    agent.step = 25
    assert agent._boldness(1.0) == pytest.approx(0.475)
    agent.step = 80
    assert agent._boldness(1.0) == pytest.approx(0.05)
