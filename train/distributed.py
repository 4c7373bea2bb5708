"""Several processes, one training run: each takes its share of a batch, gradients are averaged.

Started by ``torchrun --nproc-per-node N -m train piza`` or by ``accelerate launch``, which set the
environment that is read here. A single process needs none of it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Crew:
    """This process and how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """True for the one process that writes files."""
        return self.rank == 0


def join() -> Crew:
    """Joins the other processes of the run; alone when there are none."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Crew()
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        distributed.init_process_group("nccl")
    else:
        distributed.init_process_group("gloo")
    return Crew(distributed.get_rank(), size)


def leave(crew: Crew) -> None:
    if crew.size > 1:
        distributed.destroy_process_group()


def average_gradients(parameters: Sequence[nn.Parameter], crew: Crew) -> None:
    """Replaces each gradient by its mean over the processes."""
    if crew.size == 1:
        return
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= crew.size
    for parameter, part in zip(
        parameters, flat.split([p.numel() for p in parameters]), strict=True
    ):
        parameter.grad = part.view_as(parameter)


def agree(flag: bool, crew: Crew) -> bool:
    """The leading process' ``flag``, in every process."""
    if crew.size == 1:
        return flag
    # NCCL sends only what is on a GPU
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    shared: Tensor = torch.tensor([int(flag)], device=device)
    distributed.broadcast(shared, src=0)
    return bool(shared.item())
