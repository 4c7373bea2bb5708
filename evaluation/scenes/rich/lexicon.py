"""Nouns, each with two readings.

What a word is *surely* true of, an expression may claim; what it is *perhaps* said of must be
told apart by the rest of the sentence. Both are names of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.scenes.catalogue import KINDS


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
_IRREGULAR |= {"lady": "ladies", "coach": "coaches", "lorry": "lorries", "omnibus": "omnibuses"}
_IRREGULAR |= {"child": "children", "schoolchild": "schoolchildren"}
_IRREGULAR |= {"gentleman": "gentlemen", "passerby": "passersby", "bench": "benches"}


def plural_of(text: str) -> str:
    """The plural of a noun, "" for one that goes on behind its own noun."""
    if " on " in text or " riding " in text:
        return ""
    *first, last = text.split(" ")
    return " ".join([*first, _IRREGULAR.get(last, f"{last}s")])


def nouns(surely: tuple[str, ...], also: tuple[str, ...], **weights: float) -> list[Word]:
    """Nouns of one meaning; in the keywords ``_`` stands for a space."""
    reading = _reading(surely, also)
    return [
        Word(name.replace("_", " "), reading, weight, plural_of(name.replace("_", " ")))
        for name, weight in weights.items()
    ]


def _reading(surely: tuple[str, ...], also: tuple[str, ...]) -> Reading:
    """What the catalogue says that somebody may take for it is perhaps meant, too."""
    taken = [noun for noun, kind in KINDS.items() if set(kind.also) & set(surely)]
    return Reading(frozenset(surely), frozenset((*surely, *also, *taken)))


def _of(category: str) -> tuple[str, ...]:
    return tuple(noun for noun, kind in KINDS.items() if kind.category == category)


def _shaped(kind: str, also: tuple[str, ...], adjectives: dict[str, float]) -> list[Word]:
    """Signs by their shape: "round sign", "round {tone} sign", "round traffic sign"."""
    reading = _reading((kind,), also)
    return [
        Word(f"{adjective} {noun}", reading, weight * share, f"{adjective} {noun}s")
        for adjective, weight in adjectives.items()
        for noun, share in {
            "sign": 1.0, "traffic sign": 0.35, "road sign": 0.3, "street sign": 0.1,
            "{tone} sign": 0.35, "{tone} traffic sign": 0.15, "roadside sign": 0.04,
            "sign plate": 0.04, "sign panel": 0.04,
        }.items()
    ]  # fmt: skip


_VEHICLES, _SIGNS = _of("vehicle"), _of("traffic-sign")
_PEOPLE = _of("rider")  # who may be called a person, too

_TWO_WHEELERS = (*_of("bicycle"), *_of("motor"))

# Anything at all; the colour alone tells.
GENERIC = nouns(tuple(KINDS), (), object=6, thing=1, item=0.7)


def _riding(kind: str, *mounts: str) -> list[Word]:
    """ "person on a bicycle", "woman in red riding a bike"."""
    return [
        Word(f"{who} {{worn}} {how} a {mount}", _reading((kind,), ()), weight * share / len(mounts))
        for who, weight in {"person": 1.0, "man": 0.2, "woman": 0.2, "individual": 0.1}.items()
        for mount in mounts
        for how, share in {"on": 1.8, "riding": 1.4, "riding on": 0.2, "seated on": 0.1}.items()
    ]


_SPOKEN: tuple[Word, ...] = (
    *nouns(("car",), (), car=9, automobile=0.9, sedan=0.9, auto=0.3, passenger_car=0.4),
    *nouns(("car",), (), saloon=0.12, motorcar=0.12, saloon_car=0.1, private_car=0.1),
    *nouns(_VEHICLES, _of("motor"), vehicle=1.3, motor_vehicle=0.1, road_vehicle=0.05),
    *nouns(("van",), (), van=8, minivan=1.2, delivery_van=0.3, panel_van=0.2, cargo_van=0.2),
    *nouns(("van",), (), transporter=0.1),
    *nouns(
        ("truck",), (), truck=8, lorry=2.5, box_truck=0.6, delivery_truck=0.5, cargo_truck=0.4
    ),
    *nouns(("pickup",), (), pickup=4, pickup_truck=4, pick_up=0.1, pick_up_truck=0.1),
    *nouns(("tram",), (), tram=5, streetcar=0.8, trolley=0.2, tramcar=0.1),
    *nouns(("trailer",), (), trailer=5, cargo_trailer=0.4, box_trailer=0.2),
    *nouns(("tricycle",), (), tricycle=3, three_wheeler=0.5, rickshaw=1, auto_rickshaw=0.3),
    *nouns(("truck",), (), freight_truck=0.15, box_lorry=0.1, heavy_truck=0.2, goods_truck=0.1),
    *nouns(("bus",), (), bus=8, coach=0.8, city_bus=0.4, passenger_bus=0.3, public_bus=0.15),
    *nouns(("bus",), (), omnibus=0.08, transit_bus=0.1, motor_coach=0.08),
    *nouns(("person",), _PEOPLE, person=7, individual=1, man=1, woman=1, figure=0.5, human=0.2),
    *nouns(("person",), _PEOPLE, guy=0.25, lady=0.25, gentleman=0.1, fellow=0.08, chap=0.05),
    *nouns(("person",), _PEOPLE, male=0.08, female=0.08, adult=0.15, human_being=0.08),
    *nouns(("person",), _PEOPLE, dude=0.04, citizen=0.04),
    *nouns(("person",), (), pedestrian=3, passerby=0.2, bystander=0.06, foot_passenger=0.04),
    *nouns(("cyclist",), (), cyclist=5, bicyclist=0.7, bike_rider=0.5),
    *nouns(_of("rider"), (), rider=1.6),
    *nouns(("cyclist",), (), bicycle_rider=0.2),
    *_riding("cyclist", "bicycle", "bike"),
    *nouns(("motorcyclist",), (), motorcyclist=4, motorcycle_rider=0.7, motorbike_rider=0.3),
    *nouns(("motorcyclist",), ("cyclist",), biker=0.4),
    *_riding("motorcyclist", "motorcycle", "motorbike"),
    *nouns(("child",), (), child=4, kid=0.8, youngster=0.1, schoolchild=0.15),
    *nouns(("child",), ("person",), boy=0.3, girl=0.3),
    *nouns(("bicycle",), (), bicycle=6, push_bike=0.1, pushbike=0.1, pedal_bike=0.06),
    *nouns(("bicycle",), ("motorcycle",), cycle=0.15),
    *nouns(("motorcycle",), (), motorcycle=6, motorbike=2.5, motor_bike=0.2, motor_cycle=0.1),
    *nouns(("scooter",), (), scooter=5, motor_scooter=0.5, moped=0.4),
    *nouns(("bicycle", "motorcycle"), _TWO_WHEELERS, bike=2),
    *nouns(_TWO_WHEELERS, _PEOPLE, two_wheeler=0.15, two_wheeled_vehicle=0.05),
    *_shaped("round sign", ("stop sign",), {
        "round": 2, "circular": 3, "disc-shaped": 0.08, "disk-shaped": 0.05, "circle-shaped": 0.08,
        "round-shaped": 0.05,
    }),
    *_shaped("triangular sign", (), {
        "triangular": 3, "triangle-shaped": 0.4, "three-sided": 0.06, "three-cornered": 0.04,
    }),
    *_shaped("rectangular sign", ("diamond sign",), {"four-sided": 0.05, "four-cornered": 0.04}),
    *_shaped("rectangular sign", (), {
        "rectangular": 3, "rectangle-shaped": 0.3, "oblong": 0.08, "right-angled": 0.03,
    }),
    *_shaped("diamond sign", (), {
        "diamond": 1, "diamond-shaped": 2, "rhombus-shaped": 0.08, "rhombic": 0.05,
    }),
    *_shaped("stop sign", (), {
        "octagonal": 1, "octagon-shaped": 0.2, "eight-sided": 0.1, "eight-cornered": 0.05,
    }),
    *nouns(("stop sign",), (), stop_sign=3, octagonal_stop_sign=0.5),
    *nouns(_SIGNS, (), sign=1.2, traffic_sign=0.7, road_sign=0.6, street_sign=0.2),
    *nouns(_SIGNS, (), roadside_sign=0.05, roadsign=0.05),
    *nouns(("rectangular sign",), _SIGNS, board=0.3, signboard=0.2, sign_board=0.1),
    *nouns(("traffic light",), (), traffic_light=7, traffic_signal=1.5, signal=0.6),
    *nouns(("traffic light",), (), signal_light=0.3, stoplight=0.7, stop_light=0.2),
    *nouns(("traffic light",), (), traffic_lamp=0.08, signal_head=0.1, traffic_signal_light=0.1),
    *nouns(("traffic light",), (), light_signal=0.08),
    *nouns(("pedestrian light",), (), pedestrian_light=3, pedestrian_signal=1.5),
    *nouns(("pedestrian light",), (), crossing_light=0.3, walk_signal=0.2, crosswalk_signal=0.2),
    *nouns(("pedestrian light",), (), pedestrian_traffic_light=0.5, crossing_signal=0.2),
    *nouns(("traffic camera",), (), camera=3, traffic_camera=3, surveillance_camera=1.2),
    *nouns(("traffic camera",), (), security_camera=1.2, cctv_camera=0.5, cctv=0.1),
    *nouns(("traffic camera",), (), monitoring_camera=0.15, speed_camera=0.2, video_camera=0.15),
    *nouns(("traffic camera",), (), street_camera=0.06, surveillance_device=0.06),
    *nouns(("cone",), (), cone=4, traffic_cone=3.5, warning_cone=0.6, safety_cone=0.5),
    *nouns(("cone",), (), road_cone=0.3, pylon=0.2, construction_cone=0.2, marker_cone=0.06),
    *nouns(("cone",), (), conical_marker=0.05),
)  # fmt: skip
_NAMED = {min(word.reading.surely) for word in _SPOKEN if len(word.reading.surely) == 1}
# A kind of the catalogue that has no line above is called by its own noun alone.
NOUNS: tuple[Word, ...] = (
    *(word for word in _SPOKEN if word.reading.surely <= set(KINDS)),
    *(Word(kind, _reading((kind,), ()), 5, plural_of(kind))
      for kind in KINDS if kind not in _NAMED),
)  # fmt: skip

SIZES = {
    "small": {"small": 5, "little": 2, "tiny": 2, "smallish": 0.15, "miniature": 0.1,
              "small-sized": 0.1, "minute": 0.05, "compact": 0.1},
    "large": {"large": 5, "big": 3, "sizeable": 0.15, "large-sized": 0.15, "sizable": 0.1,
              "bulky": 0.1, "massive": 0.1, "huge": 0.2},
}  # fmt: skip
