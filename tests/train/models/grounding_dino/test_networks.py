"""What networks say, in the order of its worth."""

from __future__ import annotations

import torch

from train.models.grounding_dino.grounder import Prediction
from train.models.grounding_dino.networks import ranked


def test_candidates_come_best_first() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1, 5, 7, generator=generator)
    boxes = torch.rand(2, 1, 5, 4, generator=generator)
    found, scores = ranked(Prediction(logits[0], boxes[0], logits, boxes))
    assert found.shape == (1, 5, 4)
    assert scores[0].tolist() == sorted(scores[0].tolist(), reverse=True)
    best = logits[-1, 0].amax(-1).argmax()
    assert scores[0, 0] == logits[-1, 0, best].max().sigmoid()
    centre = (found[0, 0, :2] + found[0, 0, 2:]) / 2
    torch.testing.assert_close(centre, boxes[-1, 0, best, :2])
