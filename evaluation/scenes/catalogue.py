"""What can stand in a scene: colours, kinds, their real sizes and where they are found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

# BGR under neutral light: far apart in hue, or in value where hue does not exist.
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (30, 22, 205),
    "orange": (8, 128, 252),
    "yellow": (20, 218, 252),
    "green": (62, 168, 24),
    "blue": (208, 88, 18),
    "purple": (170, 32, 118),
    "pink": (196, 124, 252),
    "white": (240, 241, 241),
    "black": (34, 31, 31),
}

VEHICLE_COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "white", "black")
CLOTHES_COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "black")
SIGN_COLOURS = ("red", "orange", "yellow", "green", "blue", "white")
LAMP_COLOURS = ("red", "yellow", "green")
CONE_COLOURS = ("red", "orange", "yellow", "green", "blue")

# The names of SODA-D.
CATEGORIES = (
    "people",
    "rider",
    "bicycle",
    "motor",
    "vehicle",
    "traffic-sign",
    "traffic-light",
    "traffic-camera",
    "warning-cone",
)

TARGET_AREA_PX2 = (700.0, 2000.0)
LARGE_AREA_PX2 = 4000.0  # from here on an object may be called "large"


@dataclass(frozen=True)
class Kind:
    """One sort of object.

    Attributes:
        noun: as spoken, "car", "round sign".
        category: its SODA-D name.
        colours: colours that it may have.
        views: view name -> (width, height) in metres of what the camera sees.
        zones: where it stands: "road", "cross" (a crossing street), "pavement", "verge".
        heights_m: range of the height of its lower edge over the ground; (0, 0) stands on it.
        hypernym: a wider word that is true of it too, or None.
        weight: how often it is drawn, relative to the others.
        clothed: True when the colour is that of a jacket.
        also: other kinds that somebody may take it for.
    """

    noun: str
    category: str
    colours: tuple[str, ...]
    views: dict[str, tuple[float, float]]
    zones: tuple[str, ...]
    heights_m: tuple[float, float] = (0.0, 0.0)
    hypernym: str | None = None
    weight: float = 1.0
    clothed: bool = False
    also: tuple[str, ...] = ()

    @property
    def mounted(self) -> bool:
        """True when it hangs on a pole instead of standing on the ground."""
        return self.heights_m[1] > 0.0


def _vehicle(noun: str, weight: float, views: dict[str, tuple[float, float]], *also: str) -> Kind:
    zones = ("road", "road", "cross", "verge")
    return Kind(
        noun,
        "vehicle",
        VEHICLE_COLOURS,
        views,
        zones,
        hypernym="vehicle",
        weight=weight,
        also=also,
    )


def _sign(noun: str, weight: float, size_m: tuple[float, float], colours: tuple[str, ...]) -> Kind:
    zones = ("pavement", "pavement", "verge")
    return Kind(noun, "traffic-sign", colours, {"plate": size_m}, zones, (2.2, 6.5), "sign", weight)


_STREET = ("pavement", "verge")

_PLAIN = (
    _vehicle("car", 3.0, {"rear": (1.85, 1.5), "front": (1.85, 1.5), "side": (4.2, 1.55)}),
    _vehicle("van", 2.0, {"rear": (2.0, 2.4), "front": (2.0, 2.4), "side": (4.7, 2.35)}),
    _vehicle("truck", 1.5, {"rear": (2.5, 3.2), "side": (6.2, 3.1)}, "trailer"),
    _vehicle("bus", 1.3, {"front": (2.5, 3.1), "side": (7.6, 3.1)}, "tram"),
    Kind(
        "person",
        "people",
        CLOTHES_COLOURS,
        {"standing": (0.64, 1.75), "walking": (0.78, 1.75)},
        ("pavement", "pavement", "verge", "road"),
        weight=3.0,
        clothed=True,
    ),
    Kind(
        "cyclist",
        "rider",
        CLOTHES_COLOURS,
        {"side": (1.55, 1.8)},
        ("road", "cross", "pavement"),
        hypernym="rider",
        weight=1.2,
        clothed=True,
    ),
    Kind("bicycle", "bicycle", VEHICLE_COLOURS, {"side": (1.7, 1.1)}, _STREET, weight=0.9),
    Kind(
        "motorcycle",
        "motor",
        VEHICLE_COLOURS,
        {"side": (2.0, 1.25)},
        ("road", "pavement", "verge"),
        weight=1.0,
        also=("scooter",),
    ),
    _sign("round sign", 1.2, (0.95, 0.95), SIGN_COLOURS),
    _sign("triangular sign", 1.0, (1.1, 0.98), SIGN_COLOURS),
    _sign("rectangular sign", 1.2, (1.35, 0.95), SIGN_COLOURS),
    _sign("diamond sign", 0.8, (1.1, 1.1), SIGN_COLOURS),
    _sign("stop sign", 0.6, (0.95, 0.95), ("red",)),
    Kind(
        "traffic light",
        "traffic-light",
        LAMP_COLOURS,
        {"housing": (0.5, 1.22)},
        ("pavement", "pavement", "overhead"),
        (2.6, 5.6),
        weight=2.4,
    ),
    Kind(
        "traffic camera",
        "traffic-camera",
        ("white", "black", "yellow"),
        {"side": (1.05, 0.62)},
        ("pavement", "verge", "overhead"),
        (3.6, 7.0),
        weight=0.9,
    ),
    Kind(
        "cone",
        "warning-cone",
        CONE_COLOURS,
        {"standing": (0.74, 0.98)},
        ("road", "pavement", "verge"),
        weight=1.8,
    ),
)

# What only road scenes hold.
_ROAD = (
    _vehicle("pickup", 1.3, {"rear": (1.95, 1.8), "side": (5.3, 1.8)}, "truck", "car"),
    _vehicle("tram", 0.7, {"front": (2.5, 3.3), "side": (9.5, 3.4)}, "bus"),
    _vehicle("trailer", 0.7, {"side": (5.6, 2.5)}, "truck"),
    _vehicle("tricycle", 0.8, {"rear": (1.2, 1.7), "side": (2.7, 1.7)}, "van", "scooter"),
    Kind(
        "motorcyclist",
        "rider",
        CLOTHES_COLOURS,
        {"side": (1.95, 1.75), "rear": (0.8, 1.7)},
        ("road", "road", "cross"),
        hypernym="rider",
        weight=1.2,
        clothed=True,
        also=("cyclist",),
    ),
    Kind(
        "scooter",
        "motor",
        VEHICLE_COLOURS,
        {"side": (1.75, 1.2)},
        ("road", "pavement", "verge"),
        weight=0.9,
        also=("motorcycle",),
    ),
    Kind(
        "child",
        "people",
        CLOTHES_COLOURS,
        {"standing": (0.54, 1.15), "walking": (0.66, 1.15)},
        ("pavement", "pavement", "verge"),
        weight=1.0,
        clothed=True,
        also=("person",),
    ),
    Kind(
        "pedestrian light",
        "traffic-light",
        ("red", "green"),
        {"housing": (0.5, 0.86)},
        ("pavement", "pavement"),
        (2.2, 3.4),
        weight=0.9,
        also=("traffic light",),
    ),
)

KINDS: dict[str, Kind] = {kind.noun: kind for kind in (*_PLAIN, *_ROAD)}


@cache
def kinds_in(setting: str) -> dict[str, Kind]:
    """What a scene of a setting ("plain" or "road") may hold."""
    return KINDS if setting == "road" else {kind.noun: kind for kind in _PLAIN}


def article(word: str) -> str:
    """The indefinite article of ``word``: "a" or "an"."""
    return "an" if word[0] in "aeiou" else "a"


def phrase(noun: str, colour: str) -> str:
    """How an object is called without relations: "red car", "person in a red jacket".

    Args:
        noun: of a kind, one of ``KINDS``.
        colour: the word for it.

    Returns:
        The noun phrase, without an article.
    """
    if KINDS[noun].clothed:
        return f"{noun} in {article(colour)} {colour} jacket"
    return f"{colour} {noun}"
