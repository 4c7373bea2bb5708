"""The training loop: one recipe, one model, a state that survives whatever happens to the run."""

from __future__ import annotations

import copy
import math
import os
import pickle
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Generic

import numpy as np
import torch
from torch import Tensor, nn

from sdk.errors import EngineError, InputError
from train.data.batches import to_device
from train.progress import Progress
from train.storage import size_of, whole_file
from train.trainer.distributed import ProcessGroup, add_gradients, add_up, agree
from train.trainer.recipe import Recipe
from train.trainer.task import B, Task

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Trainer(Generic[B]):
    """State of one run of a task: model, optimiser, moving average, step, seconds so far.

    Everything random in a step depends on the recipe's seed, the step and the process alone, so
    that a run that goes on from a saved state equals one that was never interrupted: to the bit on
    CPUs, to rounding on GPUs, whose sums are in no fixed order. Of a recipe that goes by the clock
    nobody can say so; it goes on where its clock stopped.

    parameters: what is trained, of the model's; everything else is frozen.
    data: what the batches depend on, by name; a state made with other data is not resumed.
    parts: how many parts each process' share of a batch comes in (gradient accumulation).
    """

    def __init__(
        self,
        task: Task[B],
        recipe: Recipe,
        device: torch.device,
        parameters: Sequence[nn.Parameter],
        data: Mapping[str, int | float | str] | None = None,
        crew: ProcessGroup | None = None,
        parts: int = 1,
    ) -> None:
        self.crew, self.parts = crew or ProcessGroup(), parts
        model = task.model.to(device)
        task.extra.to(device)
        self.task, self.model, self.recipe, self.device = task, model, recipe, device
        self.made_with = recipe.to_dict() | dict(data or {})
        model.requires_grad_(False)
        for parameter in parameters:
            parameter.requires_grad_(True)
        self.parameters = [*parameters, *task.extra.parameters()]
        groups = _by_factor(self.parameters, model, recipe.backbones)
        self.factors = list(groups)
        self.optimiser = torch.optim.AdamW(
            [{"params": group} for group in groups.values()],
            lr=recipe.lr,
            weight_decay=recipe.weight_decay,
            fused=device.type == "cuda",
        )
        # Half precision has gradients too small for it, unless losses are scaled up.
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16")
        self.average = copy.deepcopy(model).eval()
        self.step, self.seconds = 0, 0.0

    @property
    def done(self) -> bool:
        """Whether the recipe's steps are taken, or its time is over."""
        return self.step >= self.recipe.steps or self.recipe.time_share(self.seconds) >= 1.0

    def run(self, batches: Iterable[B], report: Callable[[dict[str, float]], bool]) -> None:
        """Trains to the end of ``batches`` or of the recipe's time, or until ``report`` of a step's
        loss terms is true.

        It is also told how long the step took (``step_s``), and how long the batch was waited for
        (``wait_s``): much, and data loading is what training is slowed down by.
        """
        limit = self.recipe.minutes
        total = self.recipe.steps if limit is None else None
        with Progress("training", total, self.step, not self.crew.leads) as bar:
            began = clock = time.monotonic()
            for parts in [] if self.done else _grouped(batches, self.parts):
                loaded = time.monotonic()
                terms = self.train_step(parts)
                ended = time.monotonic()
                self.seconds, clock = self.seconds + ended - clock, ended
                terms |= {"wait_s": loaded - began, "step_s": ended - loaded}
                clocked = "" if limit is None else f", {self.seconds / 60:.1f} of {limit:g} minutes"
                bar.step(f"loss {terms['loss']:.3f}, lr {terms['lr']:.1e}{clocked}")
                if agree(report(terms), self.crew) or self.done:
                    return
                began = time.monotonic()

    def train_step(self, parts: Sequence[B]) -> dict[str, float]:
        """One optimiser step on a batch in parts; returns the loss terms of the whole batch.

        Of several processes, each returns an estimate from its own parts.
        """
        self._seed()
        self.task.training_mode(self.recipe.pretrained)
        before = [buffer.clone() for buffer in self.model.buffers()]  # of batch norms
        rate = self.recipe.rate(self.step, self.seconds)
        for group, factor in zip(self.optimiser.param_groups, self.factors, strict=True):
            group["lr"] = rate * factor
        self.optimiser.zero_grad(set_to_none=True)
        terms = self._backward([to_device(part, self.device) for part in parts])
        add_gradients(self.parameters, self.crew)
        self.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.recipe.clip)
        # One copy for all: whoever asks a GPU for a number waits until it has come that far.
        values = torch.stack([*(term.float() for term in terms.values()), norm.float()]).tolist()
        if math.isfinite(values[-1]):  # one bad batch must not poison weights or statistics
            self.scaler.step(self.optimiser)
        else:
            for buffer, value in zip(self.model.buffers(), before, strict=True):
                buffer.copy_(value)
        self.scaler.update()
        self._update_average()
        self.step += 1
        return dict(zip([*terms, "norm"], values, strict=True)) | {"lr": rate}

    def _backward(self, parts: list[B]) -> dict[str, Tensor]:
        """Adds the gradients of all parts; returns the loss terms."""
        own = [self.task.counts(part) for part in parts]
        whole = add_up(torch.stack(own).sum(0), self.crew)
        sums: dict[str, Tensor] = defaultdict(lambda: torch.zeros((), device=self.device))
        for part, count in zip(parts, own, strict=True):
            losses = self.task.losses(part, self._autocast())
            terms = {n: self.task.share(n, count, whole) * term for n, term in losses.items()}
            terms["loss"] = self.task.total(terms)
            self.scaler.scale(terms["loss"]).backward()
            for name, term in terms.items():
                sums[name] = sums[name] + term.detach() * self.crew.size
        return sums

    def _autocast(self) -> torch.autocast:
        dtype = DTYPES[self.recipe.precision]
        return torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32)

    def _seed(self) -> None:
        """Of drop path, which is all that is random in a step."""
        sequence = np.random.SeedSequence((self.recipe.seed, self.step, self.crew.rank))
        torch.manual_seed(int(sequence.generate_state(1)[0]))

    @torch.no_grad()
    def _update_average(self) -> None:
        # A short memory at first, so that the random start is forgotten.
        decay = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        # parameters() and buffers() give shared tensors once, state_dict() would repeat them
        kept, new = list(self.average.parameters()), list(self.model.parameters())
        torch._foreach_lerp_(kept, new, 1 - decay)
        for kept, new in zip(self.average.buffers(), self.model.buffers(), strict=True):
            kept.copy_(new)

    def save(self, path: Path) -> None:
        """Everything needed to go on as if nothing had happened; all of it or nothing.

        Raises InputError when it cannot be written.
        """
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "extra": self.task.extra.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "made_with": self.made_with,
        }
        with whole_file(path, size_of(state)) as partial, partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())  # the name must not reach the disk before the contents

    def load(self, path: Path) -> None:
        """Goes on from what ``save`` wrote.

        Raises EngineError when it is damaged or of another model, and InputError when it was made
        with other settings than this run's: half of a run on one schedule and half on another is
        what nobody means.
        """
        with readable(path):
            state = torch.load(path, map_location=self.device, weights_only=True)
            made_with = state.get("made_with", self.made_with)
        check_settings(path, made_with, self.made_with)
        with readable(path):
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.task.extra.load_state_dict(state["extra"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.scaler.load_state_dict(state.get("scaler", {}))
            self.step, self.seconds = state["step"], state.get("seconds", 0.0)


def check_settings(path: Path, made_with: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Raises InputError where a state at ``path`` was made with other settings than ours."""
    other = [
        f"{name} {made_with.get(name)} (now {ours.get(name)})"
        for name in sorted(made_with.keys() | ours.keys())
        if made_with.get(name) != ours.get(name)
    ]
    if other:
        raise InputError(
            f"cannot resume {path}: it was made with {', '.join(other)}; give the same options,"
            " or another folder to start a run of its own"
        )


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Whatever torch makes of a state that is none becomes an EngineError."""
    try:
        yield
    except (
        RuntimeError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OSError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        raise EngineError(
            f"cannot resume {path}: it is damaged, or of another model ({error!r:.200});"
            " delete it to start again"
        ) from error


def flush_denormals() -> None:
    """Focal losses fill the backward pass with denormals, which are ten times slower on CPUs."""
    torch.set_flush_denormal(True)


def _by_factor(
    parameters: Sequence[nn.Parameter], model: nn.Module, backbones: float
) -> dict[float, list[nn.Parameter]]:
    """Parameters by the factor of their learning rate, in order."""
    slow = {id(p) for name, p in model.named_parameters() if "backbone" in name}
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in parameters:
        groups.setdefault(backbones if id(parameter) in slow else 1.0, []).append(parameter)
    return groups


def _grouped(batches: Iterable[B], size: int) -> Iterator[list[B]]:
    items = iter(batches)
    while group := list(islice(items, size)):
        yield group
