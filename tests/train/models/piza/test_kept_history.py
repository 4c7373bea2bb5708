"""The fitted history encoder is kept, and found again by who needs the same one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from train.models.piza import fit_history
from train.models.piza.kept_history import fitted_history
from train.models.piza.target_sizes import anything

SIZES = ([(1920, 1080)], [(30.0, 20.0)])


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Fits are quick; the seeds that were fitted."""
    asked: list[int] = []
    simulations, fit = fit_history._simulations, fit_history.fit_history
    monkeypatch.setattr(
        fit_history, "_simulations", lambda rng, draw, count: simulations(rng, draw, count // 500)
    )

    def quick(encoder, seed: int, draw=anything) -> float:
        asked.append(seed)
        return fit(encoder, seed, draw, steps=2, batch=4)

    monkeypatch.setattr(fit_history, "fit_history", quick)
    return asked


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    one, other = a.state_dict(), b.state_dict()
    return all(torch.equal(one[name], other[name]) for name in one)


def test_fitted_once(fits: list[int]) -> None:
    first, accuracy = fitted_history(3, SIZES)
    torch.manual_seed(77)  # whatever came before
    again, same_accuracy = fitted_history(3, SIZES)
    assert fits == [3]
    assert accuracy == same_accuracy
    assert same(first, again)
    assert not again.training


def test_another_encoder_for_other_sizes_and_seeds(fits: list[int]) -> None:
    encoders = [
        fitted_history(*of)[0]
        for of in ((3, SIZES), (4, SIZES), (3, None), (3, (SIZES[0], [(30.0, 21.0)])))
    ]
    assert fits == [3, 4, 3, 3]
    assert not any(same(encoders[0], other) for other in encoders[1:])


def test_the_number_of_threads_changes_nothing(fits, monkeypatch, tmp_path: Path) -> None:
    encoders = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / str(threads)))
            torch.set_num_threads(threads)
            encoders.append(fitted_history(3, SIZES)[0])
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert fits == [3, 3]
    assert same(*encoders)


def test_random_numbers_go_on_alike(fits: list[int]) -> None:
    """A run is the same whether its encoder was fitted or kept."""
    drawn = []
    for _ in range(2):
        torch.manual_seed(5)
        fitted_history(3, SIZES)
        drawn.append(torch.rand(3))
    assert fits == [3]
    assert torch.equal(*drawn)


def test_a_kept_file_that_is_damaged_is_fitted_again(fits: list[int]) -> None:
    first, _ = fitted_history(3, SIZES)
    [file] = Path(os.environ["XDG_CACHE_HOME"]).rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:100])
    again, _ = fitted_history(3, SIZES)
    assert fits == [3, 3]
    assert same(first, again)


def test_a_place_that_cannot_be_written(fits: list[int], tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    fitted_history(3, SIZES)
    fitted_history(3, SIZES)
    assert fits == [3, 3]
