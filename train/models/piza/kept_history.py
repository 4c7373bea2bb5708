"""A fitted box-history encoder, kept for every run that would fit the same one.

Fitting takes minutes and depends on the seed and on what sizes targets have; the seven methods on
one set of photographs need one encoder.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from numpy.typing import ArrayLike
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from sdk.errors import InputError
from train.models.piza import fit_history
from train.models.piza.history import BoxHistoryEncoder
from train.models.piza.target_sizes import anything, observed, size_bytes
from train.storage import whole_file

VERSION = 1  # of the fit: another one, another encoder
ACCURACY = "accuracy"


def fitted_history(
    seed: int, sizes: tuple[ArrayLike, ArrayLike] | None = None
) -> tuple[BoxHistoryEncoder, float]:
    """An encoder fitted to frames and targets of these sizes, and its accuracy.

    The generator of torch's random numbers stays where it is: a run goes on alike, whether the
    encoder was kept or not.

    Args:
        seed: of its weights and of the histories.
        sizes: of frames and of targets in them, ``(n, 2)`` pixels each; None for usual ones.
    """
    path = _folder() / f"{_key(seed, sizes)}.safetensors"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = BoxHistoryEncoder()
        accuracy = _recalled(encoder, path)
        if accuracy is None:
            draw = anything if sizes is None else observed(*sizes)
            with _one_thread():
                accuracy = fit_history.fit_history(encoder, seed, draw)
            with suppress(InputError, OSError):  # then it is fitted again next time
                path.parent.mkdir(parents=True, exist_ok=True)
                with whole_file(path) as partial:
                    save_file(encoder.state_dict(), partial, {ACCURACY: repr(accuracy)})
    return encoder.eval(), accuracy


def _recalled(encoder: BoxHistoryEncoder, path: Path) -> float | None:
    """Fills the encoder from a file and returns its accuracy; None where there is no such file."""
    try:
        with safe_open(path, "pt") as file:
            encoder.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
            return float(file.metadata()[ACCURACY])
    except (OSError, SafetensorError, RuntimeError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def _one_thread() -> Iterator[None]:
    """So small a network gains nothing by more, loses much on a busy machine, and would come out
    with other last bits by their number."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "piza-edge" / "histories"


def _key(seed: int, sizes: tuple[ArrayLike, ArrayLike] | None) -> str:
    made_of = f"{VERSION} {seed} {torch.__version__} ".encode()
    return hashlib.sha256(made_of + (b"" if sizes is None else size_bytes(*sizes))).hexdigest()[:32]
