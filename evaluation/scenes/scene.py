"""The scene graph: everything that is drawn and talked about."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.scenes.camera import Camera
from evaluation.scenes.catalogue import KINDS, LARGE_AREA_PX2, TARGET_AREA_PX2, phrase

Rect = tuple[float, float, float, float]  # x1, y1, x2, y2, frame pixels


@dataclass(frozen=True)
class SceneObject:
    """One object that expressions can name.

    Attributes:
        id: its index in ``Scene.objects``.
        category: SODA-D name.
        kind: the noun, "car", "round sign".
        colour: a name of ``catalogue.COLOURS``; of the jacket for people, of the lit lamp for
            traffic lights.
        xyxy: tight box of what is drawn (the plate of a sign, the housing of a light),
            whole frame pixels.
        depth_m: distance from the camera along the road.
        zone: "road", "cross", "pavement", "verge" or "overhead".
        view: which side is seen, a key of ``Kind.views``.
        flipped: mirrored left to right.
        foot_xy: frame pixel of the ground below its middle (the pole's foot if mounted).
        supports: boxes of what holds it (pole, arm), frame pixels.
        unit_px: what a pixel of a 1920x1080 frame is in this one, for sizes and distances that are
            spoken of; larger frames show small objects larger, though not in proportion.
    """

    id: int
    category: str
    kind: str
    colour: str
    xyxy: Rect
    depth_m: float
    zone: str
    view: str
    flipped: bool
    foot_xy: tuple[float, float]
    supports: tuple[Rect, ...] = ()
    unit_px: float = 1.0

    @property
    def phrase(self) -> str:
        """ "red car", "person in a red jacket", "blue round sign"."""
        return phrase(self.kind, self.colour)

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the box, whole pixels."""
        x1, y1, x2, y2 = self.xyxy
        return round(x2 - x1), round(y2 - y1)

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        w, h = self.size_wh
        return float(w * h)

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box, frame pixels."""
        x1, y1, x2, y2 = self.xyxy
        return (x1 + x2) / 2, (y1 + y2) / 2

    @property
    def targetable(self) -> bool:
        """True when small enough to be searched for: 700 to 2000 square pixels of 1920x1080."""
        return TARGET_AREA_PX2[0] <= self.area / self.unit_px**2 <= TARGET_AREA_PX2[1]

    @property
    def large(self) -> bool:
        """True when "large" may be said of it."""
        return self.area / self.unit_px**2 >= LARGE_AREA_PX2

    @property
    def on_ground(self) -> bool:
        """True when it stands on the ground, False when mounted."""
        return not KINDS[self.kind].mounted


@dataclass(frozen=True)
class Road:
    """Cross-section of the street in metres, and what crosses it.

    Attributes:
        half_width_m: from the middle of the carriageway to the kerb.
        lanes: number of lanes.
        pavement_m: width of each pavement.
        verge: "grass", "plaza" or "parking", beyond the pavements.
        cross_z_m: depth range of a crossing street, or None.
        zebra_z_m: depth of a zebra crossing, or None.
    """

    half_width_m: float
    lanes: int
    pavement_m: float
    verge: str
    cross_z_m: tuple[float, float] | None
    zebra_z_m: float | None

    def crossed_at(self, z: float, margin_m: float) -> bool:
        """True when depth ``z`` lies in the crossing street widened by ``margin_m``."""
        if self.cross_z_m is None:
            return False
        return self.cross_z_m[0] - margin_m < z < self.cross_z_m[1] + margin_m


@dataclass(frozen=True)
class Weather:
    """Light and weather.

    Attributes:
        name: "clear", "overcast", "rain", "dusk", "fog", in road scenes also "night" or "low sun".
        gain: brightness factor.
        tint_bgr: colour of the light, about 1.
        fog_per_m: extinction; 0 without fog.
        rain: streak density, 0 to 1.
        shadow: darkness of the shadows, 0 to 1.
        noise: standard deviation of the sensor noise, grey levels.
        blur_px: standard deviation of the lens blur.
        jpeg_quality: of the camera's own compression.
        ambient: share of daylight that falls on what no lamp lights.
    """

    name: str
    gain: float
    tint_bgr: tuple[float, float, float]
    fog_per_m: float
    rain: float
    shadow: float
    noise: float
    blur_px: float
    jpeg_quality: int
    ambient: float = 1.0


@dataclass(frozen=True)
class Building:
    """A block along the street: x and z ranges and height in metres, a wall tone in BGR."""

    x_m: tuple[float, float]
    z_m: tuple[float, float]
    height_m: float
    wall_bgr: tuple[int, int, int]
    window_m: tuple[float, float]


@dataclass(frozen=True)
class Tree:
    """A tree: foot in metres, height, crown radius and leaf tone in BGR.

    ``clusters`` of leaves make its crown; None: as many as its size in the frame asks for.
    """

    x_m: float
    z_m: float
    height_m: float
    radius_m: float
    leaf_bgr: tuple[int, int, int]
    clusters: int | None = None


@dataclass(frozen=True)
class Lamp:
    """A street lamp: foot in metres, height, reach of the arm (negative: to the left)."""

    x_m: float
    z_m: float
    height_m: float
    reach_m: float


@dataclass(frozen=True)
class Conditions:
    """What makes a road scene harder than a plain one.

    Attributes:
        barrel: strength of the lens' distortion, see ``road.lens``; 0: none.
        zoom: how much nearer everything comes while the shutter is open, of its distance.
        pan_px: how far the frame moves sideways in that time.
        sun_xy: the sun in the frame, before the lens; None: not seen.
        wet: how much a wet road reflects, 0 to 1.
        pinhole: the scene's objects where a camera without distortion would show them.
    """

    barrel: float = 0.0
    zoom: float = 0.0
    pan_px: float = 0.0
    sun_xy: tuple[float, float] | None = None
    wet: float = 0.0
    pinhole: tuple[SceneObject, ...] = ()


@dataclass(frozen=True)
class Scene:
    """A driving scene, complete: the same scene is always drawn to the same pixels.

    ``conditions``: of a scene of the setting "road"; None: a plain one.
    """

    seed: int
    size_wh: tuple[int, int]
    camera: Camera
    road: Road
    weather: Weather
    objects: tuple[SceneObject, ...]
    buildings: tuple[Building, ...]
    trees: tuple[Tree, ...]
    lamps: tuple[Lamp, ...]
    conditions: Conditions | None = None

    @property
    def setting(self) -> str:
        """ "plain" or "road"."""
        return "plain" if self.conditions is None else "road"
