"""The training loop: AdamW, warm-up and cosine, moving average of the weights, resumable."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from sdk.errors import EngineError
from train.data.batches import Batch
from train.distributed import Crew, agree, average_gradients
from train.losses import answer_losses, weighted
from train.models.grounder import PizaGrounder
from train.teaching import Attributes, mention_loss


@dataclass(frozen=True)
class Recipe:
    """Optimisation settings of one run."""

    steps: int
    lr: float = 6e-4
    weight_decay: float = 1e-4
    clip: float = 1.0
    warmup: int = 200
    average: float = 0.998  # decay of the moving average that is kept in the end
    bfloat16: bool = False

    def rate(self, step: int) -> float:
        """Learning rate of a step: linear warm-up, cosine down to 2 %."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.lr * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


class Trainer:
    """State of one run: model, optimiser, moving average, step."""

    def __init__(
        self, model: PizaGrounder, recipe: Recipe, device: torch.device, crew: Crew | None = None
    ) -> None:
        self.crew = crew or Crew()
        self.model, self.recipe, self.device = model.to(device), recipe, device
        # Convolutions of channels-last tensors are twice as fast, on CPUs as on GPUs.
        model.base.model.backbone.to(memory_format=torch.channels_last)
        self.attributes = Attributes(model.base.config.d_model).to(device)
        self.parameters = [p for p in _trainable(model) if p.requires_grad]
        self.parameters += self.attributes.parameters()
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=recipe.lr, weight_decay=recipe.weight_decay
        )
        self.average = copy.deepcopy(model).eval()
        self.step = 0

    def run(self, batches: Iterable[Batch], report: Callable[[dict[str, float]], bool]) -> None:
        """Trains to the end of ``batches``, or until ``report`` of a step's loss terms is true."""
        left = self.recipe.steps - self.step
        for batch in tqdm(batches, total=left, desc="training", unit="step", disable=None):
            if agree(report(self.train_step(batch)), self.crew):
                return

    def train_step(self, batch: Batch) -> dict[str, float]:
        """One optimiser step; returns the loss terms."""
        batch = to_device(batch, self.device)
        before = [buffer.clone() for buffer in self.model.buffers()]  # of batch norms
        self.model.train()
        self.model.history.eval()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            pixels = batch.pixels.contiguous(memory_format=torch.channels_last)
            text = self.model.encode_text(batch.ids, batch.segments, batch.positions)
            image = self.model.encode_image(pixels)
            prediction = self.model.ground(
                image, text, batch.segments, batch.positions, batch.progress
            )
        constants = self.model.constants(self.device)
        terms = answer_losses(prediction, batch, constants)
        terms |= mention_loss(prediction, batch, constants)
        terms |= self.attributes(image, batch, constants)
        terms["loss"] = weighted(terms)
        self.optimiser.zero_grad(set_to_none=True)
        terms["loss"].backward()
        average_gradients(self.parameters, self.crew)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.recipe.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate(self.step)
        if torch.isfinite(norm):  # one bad batch must not poison weights or statistics
            self.optimiser.step()
        else:
            for buffer, value in zip(self.model.buffers(), before, strict=True):
                buffer.copy_(value)
        self._update_average()
        self.step += 1
        return {name: float(term.detach()) for name, term in terms.items()} | {"norm": float(norm)}

    @torch.no_grad()
    def _update_average(self) -> None:
        # A short memory at first, so that the random start is forgotten.
        decay = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        # parameters() and buffers() give shared tensors once, state_dict() would repeat them
        for kept, new in zip(self.average.parameters(), self.model.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)
        for kept, new in zip(self.average.buffers(), self.model.buffers(), strict=True):
            kept.copy_(new)

    def save(self, path: Path) -> None:
        """Everything needed to go on as if nothing had happened; atomic."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "attributes": self.attributes.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Goes on from what ``save`` wrote; raises EngineError when it is of another model."""
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.attributes.load_state_dict(state["attributes"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step = state["step"]
        except (RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as error:
            raise EngineError(
                f"cannot resume {path}: it is damaged, or of another model ({error!r:.200});"
                " delete it to start again"
            ) from error


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch with every tensor on ``device``."""
    return Batch(**{name: tensor.to(device) for name, tensor in vars(batch).items()})


def from_scratch(model: PizaGrounder) -> None:
    """Initialisation for training without pre-trained weights.

    The fusion layers' scales start at 1e-4 for pre-trained parts; from scratch, language would
    reach the image features only after a very long time.
    """
    for layer in model.base.model.encoder.layers:
        nn.init.ones_(layer.fusion_layer.vision_param)
        nn.init.ones_(layer.fusion_layer.text_param)


def _trainable(model: PizaGrounder) -> list[nn.Parameter]:
    """All parameters but the box-history encoder's, which is trained on its own, first."""
    own = {id(p) for p in model.history.parameters()}
    return [p for p in model.parameters() if id(p) not in own]


def flush_denormals() -> None:
    """Focal losses fill the backward pass with denormals, which are ten times slower on CPUs."""
    torch.set_flush_denormal(True)
