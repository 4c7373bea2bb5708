"""Several processes, one run: forked here, started by torchrun in earnest."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection

import pytest
import torch
from torch import nn

from train.data.loader import batch_order
from train.trainer.distributed import ProcessGroup, add_gradients, add_up, agree, join, leave


def work(rank: int, port: int, results: Connection) -> None:
    os.environ.update(RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
    crew = join(torch.device("cpu"))
    first, second, unused = (nn.Parameter(torch.zeros(n)) for n in (2, 3, 4))
    first.grad = torch.full((2,), 1.0 + 2 * rank)
    if rank == 1:  # a loss that one process' share of the batch does not have
        second.grad = torch.ones(3)
    add_gradients([first, second, unused], crew)
    gradients = [first.grad.tolist(), second.grad.tolist(), unused.grad]
    total = add_up(torch.tensor([1.0 + rank]), crew).item()
    flags = [agree(flag, crew) for flag in (rank == 0, rank == 1)]
    leave(crew)
    results.send((crew, gradients, total, flags))


def test_two_processes_agree(free_port: Callable[..., int]) -> None:
    """Gradients are added up, where there are any; the first process decides."""
    port = str(free_port())
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    children = [
        context.Process(target=work, args=(rank, port, send))
        for rank, (_, send) in enumerate(pipes)
    ]
    try:
        for child in children:
            child.start()
        answers = [receive.recv() if receive.poll(60) else None for receive, _ in pipes]
    finally:
        for child in children:
            child.join(10)
            child.kill()
    for rank, answer in enumerate(answers):
        assert answer == (ProcessGroup(rank, 2), [[4.0, 4.0], [1.0] * 3, None], 3.0, [True, False])


def test_one_process_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    crew = join(torch.device("cpu"))
    assert crew == ProcessGroup()
    assert crew.leads
    parameter = nn.Parameter(torch.zeros(2))
    add_gradients([parameter], crew)
    assert parameter.grad is None
    assert add_up(torch.tensor(2.0), crew) == 2
    assert agree(True, crew)
    assert not agree(False, crew)
    leave(crew)


def test_a_process_that_accelerate_left_alone(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """``accelerate launch --cpu --num_processes 2`` starts one process, without a word."""
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    assert join(torch.device("cpu")) == ProcessGroup()
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    assert join(torch.device("cpu")) == ProcessGroup()
    assert "--multi_gpu" in capsys.readouterr().err


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize(("size", "parts"), [(1, 1), (2, 1), (1, 3), (2, 2), (3, 2)])
def test_processes_share_each_batch(start: int, size: int, parts: int) -> None:
    """Together they see what one process would have seen at once, at the same step."""
    shares = [batch_order(range(start, 3), 12, rank, size, parts) for rank in range(size)]
    for index, step in enumerate(range(start, 3)):
        seen = [
            item
            for share in shares
            for part in share[index * parts : (index + 1) * parts]
            for item in part
        ]
        assert sorted(seen) == list(range(step * 12, step * 12 + 12))
    assert all(len(share) == (3 - start) * parts for share in shares)
