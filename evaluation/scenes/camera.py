"""A pinhole camera over a flat ground."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Camera:
    """Level camera; metres: x to the right, y up from the ground, z ahead.

    Attributes:
        size_wh: frame width and height, pixels.
        focal_px: focal length.
        height_m: of the camera over the ground.
        vanishing_xy: where the road ends in the frame; its y is the horizon.
    """

    size_wh: tuple[int, int]
    focal_px: float
    height_m: float
    vanishing_xy: tuple[float, float]

    def project(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Frame pixel of a point; ``z`` must be positive."""
        u = self.vanishing_xy[0] + self.focal_px * x / z
        v = self.vanishing_xy[1] + self.focal_px * (self.height_m - y) / z
        return u, v

    def ground_y(self, z: float) -> float:
        """Frame row of the ground at depth ``z``."""
        return self.vanishing_xy[1] + self.focal_px * self.height_m / z

    def lateral_m(self, u: float, z: float) -> float:
        """The x in metres that column ``u`` shows at depth ``z``."""
        return (u - self.vanishing_xy[0]) * z / self.focal_px
