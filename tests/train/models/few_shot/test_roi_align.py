"""RoIAlign against torchvision's documented definition, sample by sample."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from train.models.few_shot.roi_align import roi_align


def bilinear(plane: np.ndarray, y: float, x: float) -> float:
    """A value between four cells; the border's up to a cell beyond the map, then 0."""
    height, width = plane.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0.0), height - 1), min(max(x, 0.0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = y - top, x - left
    upper = plane[top, left] * (1 - dx) + plane[top, right] * dx
    lower = plane[bottom, left] * (1 - dx) + plane[bottom, right] * dx
    return upper * (1 - dy) + lower * dy


def documented(features: np.ndarray, box: np.ndarray, size: int, ratio: int) -> np.ndarray:
    """``torchvision.ops.roi_align`` of one image and box, ``aligned=True``, ``spatial_scale=1``."""
    x1, y1, x2, y2 = box - 0.5
    cell_h, cell_w = (y2 - y1) / size, (x2 - x1) / size
    found = np.zeros((len(features), size, size))
    for channel, plane in enumerate(features):
        for i in range(size):
            for j in range(size):
                found[channel, i, j] = np.mean(
                    [
                        bilinear(
                            plane,
                            y1 + i * cell_h + (k + 0.5) * cell_h / ratio,
                            x1 + j * cell_w + (m + 0.5) * cell_w / ratio,
                        )
                        for k in range(ratio)
                        for m in range(ratio)
                    ]
                )
    return found


places = st.floats(-4, 14)
sides = st.floats(0, 12)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    corners=st.lists(st.tuples(places, places, sides, sides), min_size=1, max_size=3),
    size=st.integers(1, 4),
    ratio=st.integers(1, 3),
)
@example(seed=0, shape=(1, 1), corners=[(0.0, 0.0, 1.0, 1.0)], size=2, ratio=2)
@example(
    seed=0, shape=(5, 7), corners=[(0.0, 0.0, 7.0, 5.0), (8.0, 8.0, 0.0, 0.0)], size=3, ratio=2
)
def test_it_is_what_is_documented(seed, shape, corners, size, ratio) -> None:
    features = np.random.default_rng(seed).normal(size=(2, 3, *shape))
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in corners])
    both = torch.from_numpy(np.stack([boxes, boxes[::-1] + 0.25]))
    found = roi_align(torch.from_numpy(features), both, size, ratio)
    assert found.shape == (2, len(boxes), 3, size, size)
    for sample in range(2):
        for row, box in enumerate(both[sample].numpy()):
            expected = documented(features[sample], box, size, ratio)
            np.testing.assert_allclose(found[sample, row].numpy(), expected, atol=1e-9)


def test_single_precision_and_gradients() -> None:
    """Features learn from what is sampled of them; a box that is a whole map gives the map."""
    features = torch.randn(1, 2, 4, 6, generator=torch.Generator().manual_seed(3))
    whole = torch.tensor([[[1.0, 0.0, 5.0, 4.0]]])
    assert_close(roi_align(features, whole, 4, 1)[0, 0], features[0, :, :, 1:5])
    learned = features.clone().requires_grad_()
    roi_align(learned, whole + 0.3, 3).sum().backward()
    assert learned.grad.sum().item() == np.float32(2 * 9)  # shares of a sample add up to 1
    assert not learned.grad[..., 0].any()
