"""The ground below the horizon: carriageway, markings, kerbs, pavements, verges."""

from __future__ import annotations

import numpy as np

from evaluation.scenes.scene import Scene
from evaluation.scenes.texture import smooth_noise, tiled_noise

_ASPHALT = np.array([114, 112, 111], np.float32)
_PAVING = np.array([150, 158, 164], np.float32)
_PAINT = np.array([212, 216, 216], np.float32)
_KERB = np.array([172, 176, 178], np.float32)
_VERGES = {
    "grass": np.array([62, 108, 92], np.float32),
    "plaza": np.array([138, 148, 156], np.float32),
    "parking": np.array([112, 112, 112], np.float32),
}
_PAINT_WIDTH_M = 0.16


def draw_ground(scene: Scene, rng: np.random.Generator) -> tuple[int, np.ndarray]:
    """First row of the ground and its (rows, w, 3) float32 BGR picture."""
    cam, road = scene.camera, scene.road
    w, h = scene.size_wh
    top = int(np.ceil(cam.vanishing_xy[1] + 1))
    v = np.arange(top, h, dtype=np.float32)[:, None] + 0.5  # (rows, 1)
    z = cam.focal_px * cam.height_m / (v - cam.vanishing_xy[1])
    u = np.arange(w, dtype=np.float32)[None, :] + 0.5
    x = (u - cam.vanishing_xy[0]) * (z / cam.focal_px)  # (rows, w) metres
    px = z / cam.focal_px  # metres that a column covers, (rows, 1)
    pz = z * z / (cam.focal_px * cam.height_m)  # metres that a row covers
    side = np.abs(x)
    kerb, wall = road.half_width_m, road.half_width_m + road.pavement_m
    tone = float(rng.uniform(0.86, 1.12))

    cross = _cross(scene, z, pz)
    on_road = np.maximum(_below(side, kerb, px), cross)
    on_walk = _below(side, wall, px)
    paint = _lines(scene, x, side, z, px, pz) * (1 - cross)
    kerbs = _band(side, kerb + 0.09, 0.18, px) * (1 - cross)
    if road.cross_z_m is not None:
        outside = 1.0 - _below(side, kerb + 1.0, px)
        kerbs = np.maximum(kerbs, _cross_kerbs(road.cross_z_m, z, pz) * outside)
        middle = (road.cross_z_m[0] + road.cross_z_m[1]) / 2
        dashes = ((x % 6.0) < 3.0) * _band(z, middle, 0.2, pz)
        paint = np.maximum(paint, dashes * outside)
    if road.zebra_z_m is not None:
        paint = np.maximum(paint, _zebra(x, side, z, px, pz, road.zebra_z_m, kerb))

    speckle = tiled_noise(rng, (w, h - top)) * np.clip(2.2 / np.sqrt(np.maximum(pz, 0.02)), 0.6, 5)
    patches = smooth_noise(rng, (w, h - top), (24, 40)) * 3.0
    grain = speckle + patches

    ground = np.empty((h - top, w, 3), np.float32)
    wear = 0.86 + 0.04 * patches
    paint = paint * np.clip(wear, 0.55, 1.0)
    verge = _verge_tone(scene, x, side, z, px, pz, wall)
    slab = 1.0 - 0.1 * _seams(x, z, px, pz, 1.2)
    for c in range(3):
        outer = _VERGES[road.verge][c] * verge
        walk = _PAVING[c] * slab
        plane = outer + (walk - outer) * on_walk
        asphalt = _ASPHALT[c] * tone
        plane += (asphalt - plane) * on_road
        plane += (_KERB[c] - plane) * kerbs
        plane += (_PAINT[c] - plane) * paint
        ground[:, :, c] = plane + grain
    return top, ground


def _below(value: np.ndarray, edge: float, soft: np.ndarray) -> np.ndarray:
    """1 where ``value`` < ``edge``, 0 where above, a ramp of one pixel between."""
    return np.clip((edge - value) / soft + 0.5, 0.0, 1.0)


def _band(value: np.ndarray, centre: float, width: float, soft: np.ndarray) -> np.ndarray:
    """Coverage of a pixel by a stripe ``width`` wide about ``centre``."""
    cover = np.clip((width / 2 - np.abs(value - centre)) / soft + 0.5, 0.0, 1.0)
    return np.minimum(cover, width / soft)


def _cross(scene: Scene, z: np.ndarray, pz: np.ndarray) -> np.ndarray:
    """Coverage of each row by the crossing street."""
    if scene.road.cross_z_m is None:
        return np.zeros_like(z)
    near, far = scene.road.cross_z_m
    return _band(z, (near + far) / 2, far - near, pz)


def _cross_kerbs(cross_z_m: tuple[float, float], z: np.ndarray, pz: np.ndarray) -> np.ndarray:
    near, far = cross_z_m
    return np.maximum(_band(z, near, 0.25, pz), _band(z, far, 0.25, pz))


def _lines(
    scene: Scene,
    x: np.ndarray,
    side: np.ndarray,
    z: np.ndarray,
    px: np.ndarray,
    pz: np.ndarray,
) -> np.ndarray:
    """Lane markings: solid at the edges, dashed between, the middle one solid."""
    road = scene.road
    lane = 3.3
    offset = -road.lanes * lane / 2
    dash = ((z % 9.0) < 3.6).astype(np.float32)
    paint = _band(side, road.half_width_m - 0.35, _PAINT_WIDTH_M, px)
    for k in range(1, road.lanes):
        stripe = _band(x, offset + k * lane, _PAINT_WIDTH_M, px)
        paint = np.maximum(paint, stripe if k == road.lanes // 2 else stripe * dash)
    if road.zebra_z_m is not None:
        stop = road.zebra_z_m - 1.6
        paint = np.maximum(
            paint, _band(z, stop, 0.4, pz) * _below(side, road.half_width_m - 0.4, px)
        )
    return paint


def _zebra(
    x: np.ndarray,
    side: np.ndarray,
    z: np.ndarray,
    px: np.ndarray,
    pz: np.ndarray,
    centre: float,
    kerb: float,
) -> np.ndarray:
    rows = _band(z, centre + 1.5, 3.0, pz)
    phase = np.abs((x % 1.1) - 0.55)
    return rows * _below(phase, 0.27, px) * _below(side, kerb - 0.3, px)


def _seams(x: np.ndarray, z: np.ndarray, px: np.ndarray, pz: np.ndarray, size: float) -> np.ndarray:
    """Joints of paving slabs; they fade out where they would alias."""
    across = _band(np.abs((x % size) - size / 2), size / 2, 0.08, px)
    along = _band(np.abs((z % size) - size / 2), size / 2, 0.08, pz)
    return np.maximum(across * np.clip(1.5 - px * 8, 0, 1), along * np.clip(1.5 - pz * 5, 0, 1))


def _verge_tone(
    scene: Scene,
    x: np.ndarray,
    side: np.ndarray,
    z: np.ndarray,
    px: np.ndarray,
    pz: np.ndarray,
    wall: float,
) -> np.ndarray:
    if scene.road.verge == "plaza":
        return 1.0 - 0.08 * _seams(x, z, px, pz, 2.4)
    if scene.road.verge == "parking":
        bays = _band(np.abs((side - wall) % 2.7 - 1.35), 1.35, 0.12, px)
        rows = ((z % 14.0) < 5.0).astype(np.float32)
        return 1.0 + 0.55 * bays * rows
    return np.ones_like(x)
