"""The street of a scene: lanes, pavements, and what crosses them."""

from __future__ import annotations

import numpy as np

from evaluation.scenes.scene import Road


def make_road(rng: np.random.Generator) -> Road:
    """A street with two to five lanes, perhaps with a crossing street and a zebra crossing."""
    lanes = int(rng.integers(2, 6))
    cross: tuple[float, float] | None = None
    if rng.random() < 0.55:
        near = float(rng.uniform(32, 62))
        cross = (near, near + float(rng.uniform(12, 20)))
    zebra: float | None = None
    if cross is not None and rng.random() < 0.6:
        zebra = cross[0] - 5.0
    elif rng.random() < 0.25:
        zebra = float(rng.uniform(16, 40))
    return Road(
        half_width_m=lanes * 3.3 / 2 + float(rng.uniform(0.3, 1.5)),
        lanes=lanes,
        pavement_m=float(rng.uniform(3.5, 7.5)),
        verge=str(rng.choice(["grass", "plaza", "parking"])),
        cross_z_m=cross,
        zebra_z_m=zebra,
    )
