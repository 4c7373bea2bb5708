"""Trains the box-history encoder on simulated searches; geometry only, a minute on one core.

The published code trains it first and freezes it. Losses are our choice: binary cross-entropy for
end-of-search, L1 for progress.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sdk.geometry import clip, xyxy_to_xywh
from train.models.piza import trajectories
from train.models.piza.history import BoxHistoryEncoder
from train.models.piza.target_sizes import Draw, anything
from train.progress import Progress

MOST_BOXES = 4


def simulate(rng: np.random.Generator, draw: Draw = anything) -> tuple[np.ndarray, bool, float]:
    """One history: boxes (k, 4) xywh with the frame first, whether it ends, its progress."""
    frame_wh, size = draw(rng)
    start = rng.random(2) * (np.array(frame_wh) - size)
    target = np.concatenate([start, start + size])
    boxes = [np.array([0.0, 0.0, *frame_wh])]
    windows = rng.choice([0, 1, 2], p=[0.15, 0.7, 0.15])
    if windows >= 1:
        boxes.append(trajectories.jittered_window(target, frame_wh, rng))
    if windows == 2:
        boxes.append(trajectories.zoom_window(target, boxes[-1], rng.uniform(0.2, 0.5)))
    ends = bool(windows and rng.random() < 0.5)
    if ends:  # as a model would predict it, not quite right
        boxes.append(clip(target + rng.normal(0, 0.06, 4) * np.tile(size, 2), boxes[-1]))
    done = 1.0 if ends else trajectories.progress(boxes[-1], target, frame_wh)
    return xyxy_to_xywh(np.stack(boxes)), ends, done if len(boxes) > 1 else 0.0


def fit_history(
    encoder: BoxHistoryEncoder,
    seed: int,
    draw: Draw = anything,
    steps: int = 3000,
    batch: int = 128,
) -> float:
    """Trains in place, leaves the encoder in eval mode; returns its accuracy on fresh histories.

    draw: frames and the sizes of targets in them, as they will be met.
    """
    rng = np.random.default_rng((seed, 77))
    histories, fresh = _simulations(rng, draw, 20_000), _simulations(rng, draw, 2_000)
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=1e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    encoder.train()
    with Progress("history encoder", steps) as bar:
        for _ in range(steps):
            picked = torch.from_numpy(rng.integers(len(histories.ends), size=batch))
            stop, progress = encoder(histories.boxes[picked], histories.valid[picked])
            loss = F.binary_cross_entropy_with_logits(stop, histories.ends[picked])
            loss = loss + F.l1_loss(progress, histories.progress[picked])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            bar.step()
    encoder.eval()
    with torch.inference_mode():
        stop, _ = encoder(fresh.boxes, fresh.valid)
    return float(((stop.sigmoid() >= 0.95) == fresh.ends.bool()).float().mean())


@dataclass(frozen=True)
class _Histories:
    boxes: Tensor  # (n, MOST_BOXES, 4) xywh
    valid: Tensor  # (n, MOST_BOXES) bool
    ends: Tensor  # (n,) 0 or 1
    progress: Tensor  # (n,)


def _simulations(rng: np.random.Generator, draw: Draw, count: int) -> _Histories:
    boxes = np.ones((count, MOST_BOXES, 4), np.float32)
    valid = np.zeros((count, MOST_BOXES), bool)
    ends, done = np.zeros(count, np.float32), np.zeros(count, np.float32)
    for row in range(count):
        history, ends[row], done[row] = simulate(rng, draw)
        boxes[row, : len(history)] = history
        valid[row, : len(history)] = True
    return _Histories(*(torch.from_numpy(array) for array in (boxes, valid, ends, done)))
