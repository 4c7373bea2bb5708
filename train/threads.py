"""CPU threads of PyTorch, which knows nothing of the quota of a container."""

from __future__ import annotations

from sdk.cores import usable_cores, wanted_threads


def limit_threads(threads: int | None = None) -> None:
    """Lets PyTorch take so many threads, or as many as ``$PIZA_THREADS`` says, or else as many as
    it would, but no more than this process has cores to run them on."""
    import torch

    asked = threads or wanted_threads()
    torch.set_num_threads(asked or min(torch.get_num_threads(), usable_cores()))
