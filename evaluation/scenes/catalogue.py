"""What can stand in a scene: colours, kinds, their real sizes and where they are found."""

from __future__ import annotations

from dataclasses import dataclass

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

    @property
    def mounted(self) -> bool:
        """True when it hangs on a pole instead of standing on the ground."""
        return self.heights_m[1] > 0.0


def _vehicle(noun: str, weight: float, views: dict[str, tuple[float, float]]) -> Kind:
    zones = ("road", "road", "cross", "verge")
    return Kind(noun, "vehicle", VEHICLE_COLOURS, views, zones, hypernym="vehicle", weight=weight)


def _sign(noun: str, weight: float, size_m: tuple[float, float], colours: tuple[str, ...]) -> Kind:
    zones = ("pavement", "pavement", "verge")
    return Kind(noun, "traffic-sign", colours, {"plate": size_m}, zones, (2.2, 6.5), "sign", weight)


_STREET = ("pavement", "verge")

_ALL = (
    _vehicle("car", 3.0, {"rear": (1.85, 1.5), "front": (1.85, 1.5), "side": (4.2, 1.55)}),
    _vehicle("van", 2.0, {"rear": (2.0, 2.4), "front": (2.0, 2.4), "side": (4.7, 2.35)}),
    _vehicle("truck", 1.5, {"rear": (2.5, 3.2), "side": (6.2, 3.1)}),
    _vehicle("bus", 1.3, {"front": (2.5, 3.1), "side": (7.6, 3.1)}),
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

KINDS: dict[str, Kind] = {kind.noun: kind for kind in _ALL}


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
