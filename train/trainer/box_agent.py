"""A Q network that learns by playing: stable-baselines3's DQN, kept as every other training is.

It has what ``Checkpointing`` and ``run_to_the_end`` ask of a trainer, so that a run is stopped,
resumed, checked and logged as others are; a step is an action here. What was played is not kept
with the state: a run that goes on fills its memory anew before it learns again.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from train.models.box_refiners.heads import QNetwork
from train.progress import Progress
from train.storage import size_of, whole_file
from train.trainer.box_environment import BoxEnvironment
from train.trainer.distributed import ProcessGroup
from train.trainer.loop import check_settings, readable
from train.trainer.recipe import Recipe

MEMORY, BATCH, DISCOUNT, TAU = 15_000, 256, 0.99, 0.005  # as published
LEARN_AFTER = 1_000  # actions at random (our choice)
LEARN_EVERY = 4  # actions (our choice: what is learned from costs more than it tells)
BOLDEST, BOLD = 0.9, 0.05  # share of actions at random, as published
BOLD_SHARE = 0.5  # of a run, in which that goes down (our choice)


class BoxAgent:
    """State of one run: Q network, its slow copy, optimiser, step, seconds so far.

    Args:
        head: is trained, from the weights that it has.
        environment: what it plays.
        recipe: steps, minutes, learning rate and seed of it.
        device: where it learns.
        data: what the questions depend on, by name; a state made with other data is not resumed.
    """

    crew = ProcessGroup()

    def __init__(
        self,
        head: QNetwork,
        environment: BoxEnvironment,
        recipe: Recipe,
        device: torch.device,
        data: Mapping[str, int | float | str],
    ) -> None:
        self.recipe, self.step, self.seconds = recipe, 0, 0.0
        self.made_with = recipe.to_dict() | dict(data)
        self._head = head
        self._agent = DQN(
            "MlpPolicy",
            environment,
            learning_rate=recipe.lr,
            buffer_size=MEMORY,
            learning_starts=min(LEARN_AFTER, max(1, recipe.steps // 10)),
            batch_size=BATCH,
            tau=TAU,
            gamma=DISCOUNT,
            train_freq=LEARN_EVERY,
            target_update_interval=1,
            max_grad_norm=recipe.clip,
            policy_kwargs={
                "net_arch": list(head.config.widths),
                "optimizer_class": torch.optim.AdamW,
                "optimizer_kwargs": {"weight_decay": recipe.weight_decay},
            },
            seed=recipe.seed,
            device=device,
        )
        self._agent.set_logger(Logger(None, []))  # Checkpointing writes it down
        self._agent.exploration_schedule = self._boldness
        for network in (self._agent.q_net, self._agent.q_net_target):
            network.q_net.load_state_dict(head.layers.state_dict())

    @property
    def average(self) -> QNetwork:
        """The Q network's slow copy, which follows it by ``TAU``."""
        head = copy.deepcopy(self._head).eval()
        head.layers.load_state_dict(self._agent.q_net_target.q_net.state_dict())
        return head

    @property
    def done(self) -> bool:
        """Whether the recipe's steps are taken, or its time is over."""
        return self.step >= self.recipe.steps or self.recipe.time_share(self.seconds) >= 1.0

    def run(self, batches: Iterable[Any], report: Callable[[dict[str, float]], bool]) -> None:
        """Plays to the end of the recipe, or until ``report`` of a step's terms is true."""
        if self.done:
            return
        self._agent.num_timesteps = self.step
        self._agent.learning_starts += self.step
        total = self.recipe.steps if self.recipe.minutes is None else None
        with Progress("training", total, self.step) as bar:
            self._agent.learn(
                self.recipe.steps - self.step,
                _Listening(self, bar, report),
                log_interval=None,
                reset_num_timesteps=False,
            )

    def save(self, path: Path) -> None:
        """Everything that is needed to go on, but what was played; all of it or nothing.

        Raises InputError when it cannot be written.
        """
        state = {
            "model": self._agent.q_net.state_dict(),
            "average": self._agent.q_net_target.state_dict(),
            "optimiser": self._agent.policy.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "made_with": self.made_with,
        }
        with whole_file(path, size_of(state)) as partial, partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())  # the name must not reach the disk before the contents

    def load(self, path: Path) -> None:
        """Goes on from what ``save`` wrote; raises as ``Trainer.load`` does."""
        with readable(path):
            state = torch.load(path, map_location=self._agent.device, weights_only=True)
            made_with = state["made_with"]
        check_settings(path, made_with, self.made_with)
        with readable(path):
            self._agent.q_net.load_state_dict(state["model"])
            self._agent.q_net_target.load_state_dict(state["average"])
            self._agent.policy.optimizer.load_state_dict(state["optimiser"])
            self.step, self.seconds = state["step"], state["seconds"]

    def _boldness(self, _: float) -> float:
        """The share of actions at random, by the steps or the clock, whichever is further."""
        done = max(self.step / self.recipe.steps, self.recipe.time_share(self.seconds))
        return BOLDEST + (BOLD - BOLDEST) * min(1.0, done / BOLD_SHARE)


class _Listening(BaseCallback):
    """Counts steps and seconds, tells what they brought, and stops when it is told to."""

    def __init__(
        self, agent: BoxAgent, bar: Progress, report: Callable[[dict[str, float]], bool]
    ) -> None:
        super().__init__()
        self._run, self._bar, self._report = agent, bar, report
        self._clock = time.monotonic()

    def _on_step(self) -> bool:
        run, now = self._run, time.monotonic()
        terms = {"lr": run.recipe.lr, "step_s": now - self._clock}
        run.step, run.seconds, self._clock = run.step + 1, run.seconds + now - self._clock, now
        learned = self.logger.name_to_value.get("train/loss")
        if learned is not None:
            terms["loss"] = float(learned)
        terms["reward"] = float(self.locals["rewards"][0])
        if self.locals["dones"][0]:
            terms["iou"] = float(self.locals["infos"][0]["iou"])
        self._bar.step(f"reward {terms['reward']:+.0f}")
        stop = self._report(terms)
        self._clock = time.monotonic()  # checks are no training
        return not (stop or run.done)
