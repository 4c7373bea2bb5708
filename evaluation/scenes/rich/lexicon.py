"""Words for things and colours, each with two readings.

What a word is *surely* true of, an expression may claim; what it is *perhaps* said of must be
told apart by the rest of the sentence. Both are names of the catalogue: kinds or colours.
"""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.scenes.catalogue import KINDS

_VEHICLES = ("car", "van", "truck", "bus")
_SIGNS = tuple(noun for noun, kind in KINDS.items() if kind.category == "traffic-sign")


@dataclass(frozen=True)
class Reading:
    """Names that a word is clearly true of, and all that somebody might use it for."""

    surely: frozenset[str]
    perhaps: frozenset[str]


@dataclass(frozen=True)
class Word:
    """A noun or the name of a colour.

    Attributes:
        text: a noun may say where its colour stands, "circular {tone} sign"; first otherwise.
        reading: kinds or colours.
        weight: how often it is chosen, relative to the others that are true.
        plural: of a noun; "" when it has none.
    """

    text: str
    reading: Reading
    weight: float = 1.0
    plural: str = ""


_IRREGULAR = {"person": "people", "man": "men", "woman": "women", "bus": "buses"}
_IRREGULAR |= {"lady": "ladies", "coach": "coaches", "lorry": "lorries"}


def _plural(text: str) -> str:
    if " on " in text or " riding " in text:
        return ""
    *first, last = text.split(" ")
    return " ".join([*first, _IRREGULAR.get(last, f"{last}s")])


def _nouns(surely: tuple[str, ...], also: tuple[str, ...], **weights: float) -> list[Word]:
    """Nouns of one meaning; in the keywords ``_`` stands for a space."""
    reading = Reading(frozenset(surely), frozenset(surely + also))
    return [
        Word(name.replace("_", " "), reading, weight, _plural(name.replace("_", " ")))
        for name, weight in weights.items()
    ]


def _shaped(kind: str, also: tuple[str, ...], adjectives: dict[str, float]) -> list[Word]:
    """Signs by their shape: "round sign", "round {tone} sign", "round traffic sign"."""
    reading = Reading(frozenset([kind]), frozenset([kind, *also]))
    return [
        Word(f"{adjective} {noun}", reading, weight * share, f"{adjective} {noun}s")
        for adjective, weight in adjectives.items()
        for noun, share in {
            "sign": 1.0, "traffic sign": 0.35, "road sign": 0.3, "street sign": 0.1,
            "{tone} sign": 0.35, "{tone} traffic sign": 0.15,
        }.items()
    ]  # fmt: skip


# Anything at all; the colour alone tells.
GENERIC = _nouns(tuple(KINDS), (), object=6, thing=1, item=0.7)
_PEOPLE = ("cyclist",)  # who may be called a person, too
_RIDING = [
    Word(f"{who} {{worn}} {how}", Reading(frozenset(["cyclist"]), frozenset(["cyclist"])), weight)
    for who, share in {"person": 1.0, "man": 0.2, "woman": 0.2, "individual": 0.1}.items()
    for how, weight in {
        "on a bicycle": share, "on a bike": share * 0.8, "riding a bicycle": share * 0.7,
        "riding a bike": share * 0.7,
    }.items()
]  # fmt: skip

NOUNS: tuple[Word, ...] = (
    *_nouns(("car",), (), car=9, automobile=0.9, sedan=0.9, auto=0.3, passenger_car=0.4),
    *_nouns(_VEHICLES, ("motorcycle",), vehicle=1.3, motor_vehicle=0.1),
    *_nouns(("van",), (), van=8, minivan=1.2),
    *_nouns(
        ("truck",), (), truck=8, lorry=2.5, box_truck=0.6, delivery_truck=0.5, cargo_truck=0.4
    ),
    *_nouns(("bus",), (), bus=8, coach=0.8, city_bus=0.4, passenger_bus=0.3),
    *_nouns(("person",), _PEOPLE, person=7, individual=1, man=1, woman=1, figure=0.5, human=0.2),
    *_nouns(("person",), _PEOPLE, guy=0.25, lady=0.25),
    *_nouns(("person",), (), pedestrian=3),
    *_nouns(("cyclist",), (), cyclist=5, rider=1.6, bicyclist=0.7, bike_rider=0.5),
    *_RIDING,
    *_nouns(("bicycle",), (), bicycle=6, push_bike=0.1),
    *_nouns(("motorcycle",), (), motorcycle=6, motorbike=2.5),
    *_nouns(("bicycle", "motorcycle"), (), bike=2),
    *_nouns(("bicycle", "motorcycle"), ("cyclist",), two_wheeler=0.15),
    *_shaped("round sign", ("stop sign",), {"round": 2, "circular": 3}),
    *_shaped("triangular sign", (), {"triangular": 3, "triangle-shaped": 0.4}),
    *_shaped("rectangular sign", (), {"rectangular": 3, "rectangle-shaped": 0.3}),
    *_shaped("diamond sign", (), {"diamond": 1, "diamond-shaped": 2}),
    *_shaped("stop sign", (), {"octagonal": 1, "octagon-shaped": 0.2}),
    *_nouns(("stop sign",), (), stop_sign=3, octagonal_stop_sign=0.5),
    *_nouns(_SIGNS, (), sign=1.2, traffic_sign=0.7, road_sign=0.6, street_sign=0.2),
    *_nouns(("rectangular sign",), _SIGNS, board=0.3, signboard=0.2),
    *_nouns(("traffic light",), (), traffic_light=7, traffic_signal=1.5, signal=0.6),
    *_nouns(("traffic light",), (), signal_light=0.3, stoplight=0.7, stop_light=0.2),
    *_nouns(("traffic camera",), (), camera=3, traffic_camera=3, surveillance_camera=1.2),
    *_nouns(("traffic camera",), (), security_camera=1.2, cctv_camera=0.5),
    *_nouns(("cone",), (), cone=4, traffic_cone=3.5, warning_cone=0.6, safety_cone=0.5),
    *_nouns(("cone",), (), road_cone=0.3, pylon=0.2),
)  # fmt: skip


def _tone(text: str, colour: str, weight: float, also: tuple[str, ...] = ()) -> Word:
    return Word(text, Reading(frozenset([colour]), frozenset([colour, *also])), weight)


_PLAIN_COLOURS = sorted({colour for kind in KINDS.values() for colour in kind.colours})
_BRIGHT = ("red", "orange", "yellow", "blue", "pink")
TONES: tuple[Word, ...] = (
    *(_tone(colour, colour, 10) for colour in _PLAIN_COLOURS),
    *(_tone(f"bright {colour}", colour, 0.7) for colour in _BRIGHT),
    *(_tone(f"{colour}-colored", colour, 0.15) for colour in _PLAIN_COLOURS),
    *(_tone(f"{colour}-coloured", colour, 0.1) for colour in _PLAIN_COLOURS),
    _tone("violet", "purple", 1.5),
    *(
        _tone(text, "black", weight, ("purple", "blue", "green"))
        for text, weight in {"dark": 1.2, "dark-colored": 1.6, "dark-coloured": 0.3}.items()
    ),
    *(
        _tone(text, "white", weight, ("yellow", "pink"))
        for text, weight in {"light-colored": 0.8, "light-coloured": 0.2, "pale": 0.2}.items()
    ),
)
LAMP_TONES: tuple[Word, ...] = (
    *(_tone(colour, colour, 10) for colour in KINDS["traffic light"].colours),
    _tone("amber", "yellow", 3),
    _tone("orange", "yellow", 0.5),
)

SIZES = {"small": ("small", "small", "little", "tiny"), "large": ("large", "large", "big")}

# How a colour is worn, shown or borne. {a_tone}: with its article.
_GARMENTS = {"jacket": 3, "shirt": 2, "top": 1, "coat": 1, "sweater": 0.5, "hoodie": 0.4}
_GARMENTS |= {"pullover": 0.2, "outfit": 0.4}
_TROUSERS = {"dark pants": 0.3, "dark trousers": 0.15, "pants": 0.1, "trousers": 0.1}
WORN: dict[str, float] = {
    **{f"in {{a_tone}} {g}": w for g, w in _GARMENTS.items()},
    **{f"wearing {{a_tone}} {g}": w for g, w in _GARMENTS.items()},
    **{f"with {{a_tone}} {g}": w * 0.15 for g, w in _GARMENTS.items()},
    **{f"wearing {{a_tone}} shirt and {t}": w for t, w in _TROUSERS.items()},
    **{f"wearing {{a_tone}} jacket and {t}": w for t, w in _TROUSERS.items()},
    "in {tone}": 3, "dressed in {tone}": 1, "wearing {tone}": 0.8,
    "in {tone} clothes": 0.3, "wearing {tone} clothing": 0.4,
    "dressed in {a_tone} outfit": 0.2,
}  # fmt: skip
SHOWN: dict[str, float] = {
    "showing {tone}": 2, "displaying {a_tone} signal": 1.5, "displaying {a_tone} light": 0.6,
    "with {a_tone} light": 0.8, "with {a_tone} signal": 0.5, "with the {tone} light on": 0.4,
    "with its {tone} light illuminated": 0.4, "that shows {tone}": 0.4,
    "that is currently displaying {a_tone} signal": 0.5, "that is {tone}": 0.4,
    "illuminated in {tone}": 0.4, "with {a_tone} light illuminated": 0.3, "lit in {tone}": 0.2,
    "currently showing {tone}": 0.3, "with a glowing {tone} light": 0.2,
}  # fmt: skip
HOUSINGS = {"black": 1.0, "vertical": 0.7}  # what is true of every traffic light that is drawn
COLOURED = {  # instead of the colour before the noun
    "{noun} that is {tone}": 1.0, "{noun} in {tone}": 0.5, "{noun} painted {tone}": 0.3,
    "{noun} that is {tone} in color": 0.3, "{noun} which is {tone}": 0.4,
    "{noun} of {tone} color": 0.2, "{noun} with {a_tone} color": 0.3,
}  # fmt: skip
STRIPED_CONE = ("{tone} and white", "{tone} and white striped", "striped {tone} and white")
FRAMES = {"with {a_tone} frame": 1.0, "with {a_tone} frame and black wheels": 0.4}
VIEWED = {
    "rear": ("with red taillights", "with its taillights visible", "seen from behind",
             "seen from the rear", "with red rear lights"),
    "front": ("seen from the front", "with its headlights visible",
              "facing us", "facing the viewer"),
    "side": ("seen from the side", "in profile", "shown from the side"),
}  # fmt: skip
STRIPED = ("with white stripes", "with two white stripes", "with reflective stripes",
           "with white bands")  # fmt: skip
# A sign's rim and symbol are of this ink.
SIGN_INK = {c: "black" if c in ("white", "yellow", "orange") else "white" for c in _PLAIN_COLOURS}
BORDERED = ("with a {ink} border", "with a {ink} rim")
SYMBOLS = ("with a {ink} symbol", "with a {ink} border and a {ink} symbol")
LETTERS = ("with {ink} letters", "with {ink} lettering", "with {ink} text")
WRITTEN = ("with {ink} lines", "with {ink} text", "with {ink} markings")
