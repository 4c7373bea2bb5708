"""Several processes, one training run: each takes its share of a batch, gradients are added up.

Started by ``torchrun --nproc-per-node N -m train ...`` or by ``accelerate launch --multi_gpu
--num_processes N -m train ...`` (on CPUs as well: accelerate's own ``--cpu`` starts one process and
leaves the others to MPI), which set the environment that is read here. A single process needs none
of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

# The others wait while the leading process checks and saves.
PATIENCE = timedelta(hours=3)


@dataclass(frozen=True)
class ProcessGroup:
    """This process and how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """True for the one process that writes files."""
        return self.rank == 0


def join(device: torch.device) -> ProcessGroup:
    """Joins the other processes of the run, which train on ``device`` too; alone without any."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        if "WORLD_SIZE" not in os.environ and "ACCELERATE_USE_CPU" in os.environ:
            _warn_of_lost_processes()
        return ProcessGroup()
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        distributed.init_process_group("nccl", timeout=PATIENCE)
    else:
        distributed.init_process_group("gloo", timeout=PATIENCE)
    return ProcessGroup(distributed.get_rank(), size)


def leave(crew: ProcessGroup) -> None:
    if crew.size > 1:
        distributed.destroy_process_group()


def add_up(tensor: Tensor, crew: ProcessGroup) -> Tensor:
    """The sum of every process' ``tensor``, in every process."""
    if crew.size > 1:
        distributed.all_reduce(tensor)
    return tensor


def add_gradients(parameters: Sequence[nn.Parameter], crew: ProcessGroup) -> None:
    """Replaces each gradient by its sum over the processes; None stays where none has one."""
    if crew.size == 1:
        return
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    has_one = torch.tensor([float(p.grad is not None) for p in parameters])
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    flat = add_up(torch.cat([flat, has_one.to(flat)]), crew)
    *parts, has_one = flat.split([*(p.numel() for p in parameters), len(parameters)])
    for parameter, part, found in zip(parameters, parts, has_one.tolist(), strict=True):
        parameter.grad = part.view_as(parameter) if found else None


def agree(flag: bool, crew: ProcessGroup) -> bool:
    """The leading process' ``flag``, in every process."""
    if crew.size == 1:
        return flag
    # NCCL sends only what is on a GPU
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    shared: Tensor = torch.tensor([int(flag)], device=device)
    distributed.broadcast(shared, src=0)
    return bool(shared.item())


def _warn_of_lost_processes() -> None:
    """accelerate sets an address to meet at when several processes are wanted."""
    if "MASTER_ADDR" in os.environ:
        print(
            "warning: accelerate was asked for several processes and started one, as it does with"
            " --cpu unless MPI starts the others; going on alone. Instead of --cpu, pass"
            " --multi_gpu, which starts processes on CPUs as well, or use torchrun",
            file=sys.stderr,
        )
