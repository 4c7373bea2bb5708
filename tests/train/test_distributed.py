"""Several processes, one run: forked here, started by torchrun in earnest."""

from __future__ import annotations

import multiprocessing
import os
import socket
from multiprocessing.connection import Connection

import pytest
import torch
from torch import nn

from train.data.batches import Plan, loader
from train.distributed import Crew, agree, average_gradients, join, leave


def work(rank: int, port: int, results: Connection) -> None:
    os.environ.update(RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
    crew = join()
    first, second = nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(3))
    first.grad = torch.full((2, 2), 1.0 + 2 * rank)
    if rank == 1:  # a loss that one process' share of the batch does not have
        second.grad = torch.ones(3)
    average_gradients([first, second], crew)
    flags = [agree(flag, crew) for flag in (rank == 0, rank == 1)]
    leave(crew)
    results.send((crew, first.grad.tolist(), second.grad.tolist(), flags))


def test_two_processes_agree() -> None:
    """Gradients become their mean; the first process decides."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
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
        assert answer == (Crew(rank, 2), [[2.0, 2.0], [2.0, 2.0]], [0.5] * 3, [True, False])


def test_one_process_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    crew = join()
    assert crew == Crew()
    assert crew.leads
    parameter = nn.Parameter(torch.zeros(2))
    average_gradients([parameter], crew)
    assert parameter.grad is None
    assert agree(True, crew)
    assert not agree(False, crew)
    leave(crew)


@pytest.mark.parametrize("start", [0, 1])
def test_processes_share_each_batch(make_samples, tmp_path, start: int) -> None:
    """Together they see what one process would have seen, at the same step."""
    data = make_samples(tmp_path, Plan(scenes=4, phrase_steps=0), 3)
    whole, *shares = (
        list(loader(data, start, 0, rank, size).batch_sampler)
        for rank, size in ((0, 1), (0, 2), (1, 2))
    )
    assert len(whole) == 3 - start
    for step, indices in enumerate(whole):
        assert indices == shares[0][step] + shares[1][step]
