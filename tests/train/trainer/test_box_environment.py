"""The rules of the game: what it shows, what it rewards, when it ends."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from stable_baselines3.common.env_checker import check_env

from sdk.geometry import contains
from sdk.regions.refiners.acting import ACTIONS
from sdk.regions.views import View
from train.data.box_questions import BoxQuestions, Vectors
from train.data.entries import Annotation
from train.models.box_refiners.config import BoxConfig
from train.models.clip.public import open_public_clip
from train.trainer.box_environment import BoxEnvironment, Looks

FEATURES, FRAME = 4, (80, 40)
CONFIG = BoxConfig(
    name="boxes", method="dqn", features=FEATURES, clip={"sha256": "0"}, most_steps=4, step=0.5
)
TARGET = (20.0, 10.0, 60.0, 30.0)  # the frame, one size smaller


class Eyes:
    """Looks that see nothing."""

    def __call__(self, photograph: int, xyxy: np.ndarray) -> np.ndarray:
        return np.full(FEATURES, 0.5, np.float32)


def game(near: float = 0.0) -> BoxEnvironment:
    whole = torch.tensor([[[0.0, 0.0, *FRAME]]])
    vector = torch.full((1, FEATURES), 0.5)
    vectors = Vectors(("a.png",), ("red car",), whole, vector[None], vector)
    items = [Annotation("a.png", TARGET, "red car", 0)]
    return BoxEnvironment(BoxQuestions(items, vectors, 1, 0), Eyes(), CONFIG, near)


def act(environment: BoxEnvironment, name: str) -> tuple[float, bool, bool]:
    _, reward, ended, cut, _ = environment.step(np.int64(ACTIONS.index(name)))
    return reward, ended, cut


def test_gymnasium_takes_it() -> None:
    check_env(game(), warn=True)


def test_it_begins_at_the_whole_frame() -> None:
    environment = game()
    state, told = environment.reset()
    assert told["xyxy"].tolist() == [0, 0, *FRAME]
    assert told["iou"] == pytest.approx(0.25)
    assert state.dtype == np.float32
    assert state[: 2 * FEATURES].tolist() == [1.0] * 8  # 0.5 each, times the root of 4
    assert not state[2 * FEATURES : -4].any()
    assert state[-4:].tolist() == [0, 0, 1, 1]


def test_some_games_begin_near_the_object() -> None:
    environment = game(near=0.5)
    starts = [environment.reset()[1] for _ in range(40)]
    near = [told for told in starts if told["iou"] > 0.251]
    assert 5 < len(near) < 35
    assert all(contains((0, 0, *FRAME), told["xyxy"]) for told in starts)
    again = game(near=0.5)
    assert [again.reset()[1]["iou"] for _ in range(40)] == [told["iou"] for told in starts]


def test_nearer_is_good_and_farther_is_bad() -> None:
    """The published code has it the other way round."""
    environment = game()
    environment.reset()
    assert act(environment, "smaller") == (1.0, False, False)
    assert act(environment, "left") == (-1.0, False, False)
    assert act(environment, "right") == (1.0, False, False)
    state = environment._observation()
    past = state[2 * FEATURES : -4].reshape(10, 9)
    assert [ACTIONS[k] for k in past[:3].argmax(1)] == ["right", "left", "smaller"]
    assert state[-4:].tolist() == [0.25, 0.25, 0.75, 0.75]


def test_what_changes_nothing_is_worth_nothing() -> None:
    environment = game()
    environment.reset()
    assert act(environment, "bigger") == (0.0, False, False)


@pytest.mark.parametrize(("before", "reward"), [(["smaller"], 3.0), ([], -3.0)])
def test_the_trigger_ends_it(before, reward) -> None:
    environment = game()
    environment.reset()
    for name in before:
        act(environment, name)
    assert act(environment, "trigger") == (reward, True, False)


def test_it_is_cut_off_after_so_many_actions() -> None:
    environment = game()
    environment.reset()
    ends = [act(environment, "left")[1:] for _ in range(CONFIG.most_steps)]
    assert ends == [(False, False)] * 3 + [(False, True)]


def test_every_look_is_made_once(public_clip, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / "a.png"), rng.integers(0, 255, (40, 80, 3), np.uint8))
    opened = open_public_clip(str(public_clip("clip")[0]))
    looks = Looks(("a.png",), tmp_path, opened, View("padded"))
    box = np.array([10.0, 10.0, 40.0, 30.0])
    first, again = looks(0, box), looks(0, box + 1e-4)
    assert looks.made == 1
    assert first is again
    assert np.linalg.norm(first) == pytest.approx(1.0, abs=1e-5)
    looks(0, box + 1)
    assert looks.made == 2


def test_what_is_kept_has_an_end(monkeypatch, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((8, 8, 3), np.uint8))
    monkeypatch.setattr("train.trainer.box_environment._MOST_VECTORS", 1)
    monkeypatch.setattr("train.trainer.box_environment._MOST_FRAMES", 1)
    monkeypatch.setattr(
        "train.trainer.box_environment.image_vectors", lambda *_: torch.ones(1, FEATURES)
    )
    view = SimpleNamespace(crops=lambda *_: None)
    looks = Looks(("a.png", "b.png"), tmp_path, SimpleNamespace(image=None), view)
    box = np.array([0.0, 0.0, 4.0, 4.0])
    for photograph in (0, 1, 0):
        looks(photograph, box)
    assert looks.made == 3
    assert list(looks._frames) == [0]
