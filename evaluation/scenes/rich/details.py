"""What an object wears, shows, bears and lacks: true of all that is drawn of its kind.

Details tell nothing apart. What an object lacks is what nobody of its kind ever has in a scene
(``LACKING``); the same words, said to be there, make a sentence that is true of nothing.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from evaluation.scenes.catalogue import KINDS
from evaluation.scenes.rich.text import choose

# How a colour is worn, shown or borne. {a_tone}: with its article.
_GARMENTS = {"jacket": 3, "shirt": 2, "top": 1, "coat": 1, "sweater": 0.5, "hoodie": 0.4}
_GARMENTS |= {"pullover": 0.2, "outfit": 0.4, "jumper": 0.1, "sweatshirt": 0.2, "cardigan": 0.1}
_GARMENTS |= {"blouse": 0.1, "fleece": 0.06, "anorak": 0.05, "parka": 0.08, "windbreaker": 0.08}
_GARMENTS |= {"blazer": 0.05, "jersey": 0.06, "garment": 0.1, "long-sleeved shirt": 0.15}
_GARMENTS |= {"long-sleeved top": 0.08, "upper garment": 0.06, "rain jacket": 0.05}
_TROUSERS = {"dark pants": 0.3, "dark trousers": 0.15, "pants": 0.1, "trousers": 0.1}
_TROUSERS |= {"long pants": 0.05, "long trousers": 0.05, "darker pants": 0.05, "slacks": 0.03}
_TROUSERS |= {"dull trousers": 0.02, "dark shoes": 0.05, "grayish pants": 0.03, "dark legs": 0.01}
WORN: dict[str, float] = {
    **{f"in {{a_tone}} {g}": w for g, w in _GARMENTS.items()},
    **{f"wearing {{a_tone}} {g}": w for g, w in _GARMENTS.items()},
    **{f"with {{a_tone}} {g}": w * 0.15 for g, w in _GARMENTS.items()},
    **{f"clad in {{a_tone}} {g}": w * 0.02 for g, w in _GARMENTS.items()},
    **{f"wearing {{a_tone}} shirt and {t}": w for t, w in _TROUSERS.items()},
    **{f"wearing {{a_tone}} jacket and {t}": w for t, w in _TROUSERS.items()},
    "in {tone}": 3, "dressed in {tone}": 1, "wearing {tone}": 0.8,
    "in {tone} clothes": 0.3, "wearing {tone} clothing": 0.4,
    "dressed in {a_tone} outfit": 0.2, "in {tone} attire": 0.1, "clad in {tone}": 0.1,
    "clothed in {tone}": 0.08, "with {tone} clothes": 0.08, "who is wearing {tone}": 0.1,
    "who wears {a_tone} jacket": 0.08, "dressed in {a_tone} jacket": 0.15,
    "whose jacket is {tone}": 0.08, "with {tone} sleeves": 0.05,
}  # fmt: skip
SHOWN: dict[str, float] = {
    "showing {tone}": 2, "displaying {a_tone} signal": 1.5, "displaying {a_tone} light": 0.6,
    "with {a_tone} light": 0.8, "with {a_tone} signal": 0.5, "with the {tone} light on": 0.4,
    "with its {tone} light illuminated": 0.4, "that shows {tone}": 0.4,
    "that is currently displaying {a_tone} signal": 0.5, "that is {tone}": 0.4,
    "illuminated in {tone}": 0.4, "with {a_tone} light illuminated": 0.3, "lit in {tone}": 0.2,
    "currently showing {tone}": 0.3, "with a glowing {tone} light": 0.2,
    "showing {a_tone} light": 0.3, "emitting {a_tone} light": 0.1, "signaling {tone}": 0.08,
    "indicating {tone}": 0.06,
    "signalling {tone}": 0.05, "glowing {tone}": 0.15, "that displays {tone}": 0.1,
    "which currently shows {tone}": 0.1, "lit up in {tone}": 0.1, "with its {tone} lamp lit": 0.15,
    "with the {tone} lamp on": 0.1, "with the {tone} lens lit": 0.05, "shining {tone}": 0.05,
    "illuminated with {a_tone} glow": 0.05, "which displays {a_tone} light": 0.1,
    "with {a_tone} bulb lit": 0.04, "that has turned {tone}": 0.05, "with {tone} switched on": 0.03,
}  # fmt: skip
HOUSINGS = {"black": 1.0, "vertical": 0.7, "upright": 0.1}  # true of every one
COLOURED = {  # instead of the colour before the noun
    "{noun} that is {tone}": 1.0, "{noun} in {tone}": 0.5, "{noun} painted {tone}": 0.3,
    "{noun} that is {tone} in color": 0.3, "{noun} which is {tone}": 0.4,
    "{noun} of {tone} color": 0.2, "{noun} with {a_tone} color": 0.3,
    "{noun} colored {tone}": 0.1, "{noun} of {a_tone} hue": 0.05,
    "{noun} whose color is {tone}": 0.1,
    "{noun} of {tone} colour": 0.1, "{noun} that has {a_tone} color": 0.1,
    "{noun} with {a_tone} surface": 0.1, "{noun} with {a_tone} color scheme": 0.05,
    "{noun} with {a_tone} tint": 0.05,
}  # fmt: skip
STRIPED_CONE = ("{tone} and white", "{tone} and white striped", "striped {tone} and white",
                "{tone} and white banded")  # fmt: skip
FRAMES = {"with {a_tone} frame": 1.0, "with {a_tone} frame and black wheels": 0.4,
          "with {a_tone} frame and dark tires": 0.1, "with {a_tone} frame and a black saddle": 0.1,
          "with {a_tone} framework": 0.05}  # fmt: skip

# A sign's rim and symbol are of this ink.
_PALE_FIELDS = ("white", "yellow", "orange")
SIGN_INK = {
    colour: "black" if colour in _PALE_FIELDS else "white"
    for kind in KINDS.values()
    for colour in kind.colours
}
BORDERED = ("with a {ink} border", "with a {ink} rim", "with a {ink} outline",
            "with a {ink} edge", "with {ink} trim", "bordered in {ink}")  # fmt: skip
SYMBOLS = ("with a {ink} symbol", "with a {ink} border and a {ink} symbol", "with a {ink} icon",
           "with a {ink} symbol in the middle", "with a {ink} emblem", "with a {ink} graphic",
           "with a {ink} pictogram", "with a {ink} figure", "featuring a {ink} symbol",
           "bearing a {ink} symbol", "with {ink} elements", "with a {ink} design",
           "with a {ink} marking", "that features a {ink} symbol", "with {ink} symbols",
           "with a {ink} element", "with {ink} accents")  # fmt: skip
LETTERS = ("with {ink} letters", "with {ink} lettering", "with {ink} text", "with {ink} characters",
           "that reads stop", "saying stop", "with four {ink} letters",
           "with a {ink} word on it", "with {ink} writing")  # fmt: skip
WRITTEN = ("with {ink} lines", "with {ink} text", "with {ink} markings", "with {ink} writing",
           "with {ink} inscriptions", "with lines of {ink} text", "with {ink} words",
           "with {ink} bars", "featuring {ink} text", "containing {ink} text",
           "with {ink} information")  # fmt: skip
_FULLY_DRAWN = ("car", "van", "truck", "bus")
# The first two are true of any vehicle.
VIEWED = {
    "rear": ("seen from behind", "seen from the rear", "with red taillights",
             "with its taillights visible", "with red rear lights", "viewed from behind",
             "showing its rear", "with its rear visible", "with its license plate visible",
             "with two brake lights", "facing away", "pointing away from us",
             "with its back to us", "with a number plate at the back"),
    "front": ("seen from the front", "facing us", "with its headlights visible",
              "facing the viewer", "with its windshield visible",
              "with a windshield", "with two headlights", "oriented towards the viewer",
              "viewed from the front", "facing the camera"),
    "side": ("seen from the side", "in profile", "shown from the side", "with its side visible",
             "with its wheels visible", "with dark tires", "with side windows",
             "turned sideways", "viewed from the side",
             "with black tyres", "sideways to us"),
}  # fmt: skip
STRIPED = ("with white stripes", "with two white stripes", "with reflective stripes",
           "with white bands", "with two horizontal bands", "with a square base",
           "with a pointed tip", "with a narrow tip", "with white rings",
           "with two pale stripes", "with a wide base", "with a conical shape", "in two colors",
           "with a square foot")  # fmt: skip
# By kind, or else by category; of every view.
HAVING: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("car", "van", "truck", "bus", "pickup"), (
        "with dark windows", "with tinted windows", "with black tires", "with four wheels",
        "with a shiny body", "with rubber tires", "on four wheels", "with a clean body",
    )),
    "people": ("on foot", "with long sleeves", "with both legs visible", "with dark shoes",
               "seen from head to toe", "with the head uncovered", "with hair"),
    "child": ("on foot", "with a satchel", "with short legs", "with straps over the shoulders"),
    "cyclist": ("on two wheels", "with both hands on the handlebars", "in the saddle",
                "holding the handlebars", "with a dark bicycle", "pedaling along"),
    "motorcyclist": ("wearing a helmet", "with a dark helmet", "with a black helmet on",
                     "on two wheels", "with a dark motorcycle"),
    "bicycle": ("with two wheels", "with black handlebars", "with a black saddle",
                "with a black seat", "with thin tires", "with gray wheels", "with nobody on it"),
    "motorcycle": ("with two wheels", "with a black seat", "with a fuel tank", "with black tires",
                   "with mudguards", "with a windscreen", "with nobody on it", "with an engine"),
    "scooter": ("with two wheels", "with a black seat", "with small wheels", "with nobody on it",
                "with a low floor", "with a leg shield"),
    "tricycle": ("with three wheels", "on three wheels"),
    "tram": ("on rails", "with a row of windows", "with a current collector on the roof"),
    "trailer": ("without a cab", "on two axles"),
    "traffic light": ("with three lamps", "with three lenses", "in a black casing",
                      "with a black housing", "with two unlit lamps", "in a dark casing",
                      "with three round lights", "with three bulbs",
                      "with lamps arranged vertically", "in a vertical arrangement",
                      "with a black frame"),
    "pedestrian light": ("with a walking figure", "with two figures", "in a black casing",
                         "with a black housing", "with a pedestrian symbol", "for pedestrians"),
    "traffic-camera": ("with a lens", "with a dark lens", "on a bracket", "with a boxy body",
                       "in a box-shaped housing", "with a black front", "on a short bracket",
                       "with a visor", "with a gray bracket", "with a round lens"),
}  # fmt: skip
LIT = {"red": ("with its top lamp lit", "with the upper light lit",
       "indicating that traffic must wait"),
       "yellow": ("with its middle lamp lit", "with the central light lit"),
       "green": ("with its bottom lamp lit", "with the lower light lit",
                 "letting traffic pass")}  # fmt: skip
# By kind, or else by category: what none of them ever has.
_ON_VEHICLES = (
    "a roof rack", "a trailer", "a ladder", "a spare tire", "an antenna", "a flag", "a siren",
    "a beacon", "a logo", "stickers", "graffiti", "advertisements", "luggage on the roof",
    "a taxi sign", "a canopy", "a crane", "an awning",
)  # fmt: skip
LACKING: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("car", "van", "truck", "bus"), _ON_VEHICLES),
    "child": ("a hat", "a cap", "a helmet", "an umbrella", "a ball", "a dog", "a scarf", "a kite"),
    "motorcyclist": ("a passenger", "a sidecar", "a bag", "an umbrella", "shorts"),
    "pedestrian light": ("an arrow", "a countdown", "a timer", "a bicycle symbol", "numbers"),
    "people": (
        "a hat", "a cap", "a helmet", "a hood", "a backpack", "a bag", "a handbag", "a suitcase",
        "an umbrella", "a scarf", "a mask", "a skirt", "a dress", "shorts", "a vest", "glasses",
        "sunglasses", "a phone", "a dog", "luggage", "a stroller", "a cane", "gloves",
        "a headscarf", "a beard", "a bottle", "an apron", "boots", "a wheelchair", "a cart",
        "a camera in hand", "jeans", "a suit", "a uniform", "a tie", "a belt",
    ),
    "cyclist": ("a backpack", "a bag", "a basket", "a passenger", "an umbrella", "a child seat",
              "a trailer", "a vest", "a cape", "a flag", "shorts"),
    "bicycle": ("a basket", "a rider", "a child seat", "a trailer", "a crate", "a flag",
                "a luggage rack"),
    "motor": ("a rider", "a sidecar", "a luggage box", "a basket", "a crate", "a flag",
              "a passenger"),
    "traffic-sign": ("a number", "numbers", "digits", "a speed limit", "a stripe across it",
                     "a diagonal slash", "a cross", "graffiti", "a sticker", "a lamp",
                     "a picture of a child", "a picture of an animal", "a star", "a flag on it",
                     "a left turn arrow",
                     "a curved arrow", "a letter p", "a u-turn symbol", "a chevron pattern",
                     "directional arrows", "a crossed-out symbol", "a letter x",
                     "a right turn symbol"),
    "traffic-light": ("an arrow", "a countdown", "a timer", "a walking figure", "a hand symbol",
                      "a bicycle symbol", "a cross", "numbers", "a digital display"),
    "traffic-camera": ("a dome", "a flash", "a spotlight", "a solar panel", "a speaker"),
    "warning-cone": ("a lamp", "a flashing light", "a chain", "tape", "a sign on top", "a number",
                     "a rope", "an arrow"),
}  # fmt: skip
WITHOUT = {"without {it}": 3, "with no {bare}": 1, "that has no {bare}": 0.5, "lacking {it}": 0.2}
WITH = {"with {it}": 3, "that has {it}": 1, "featuring {it}": 0.3, "equipped with {it}": 0.2,
        "which has {it}": 0.3, "having {it}": 0.2, "carrying {it}": 0.2}  # fmt: skip


def bare(thing: str) -> str:
    """ "hat" of "a hat", as it follows "no"."""
    return thing.removeprefix("an ").removeprefix("a ")


def by_kind(table: Mapping[str, tuple[str, ...]], kind: str) -> tuple[str, ...]:
    """A kind's entry, or that of its category; nothing where there is neither."""
    return table.get(kind) or table.get(KINDS[kind].category, ())


def lacking(rng: random.Random, kind: str) -> str:
    """ "without a hat": true of every object of the kind; "" where nothing is known."""
    things = by_kind(LACKING, kind)
    thing = rng.choice(things) if things else ""
    return thing and choose(rng, WITHOUT).format(it=thing, bare=bare(thing))


def strange(rng: random.Random, kind: str) -> str:
    """ "with a hat": true of no object of the kind; "" where nothing is known."""
    things = by_kind(LACKING, kind)
    return choose(rng, WITH).format(it=rng.choice(things)) if things else ""


def detail(rng: random.Random, kind: str, colour: str, view: str | None, coloured: bool) -> str:
    """Something more that is true of every object of the kind, colour and view; "" if nothing."""
    category = KINDS[kind].category
    options = by_kind(HAVING, kind)
    if category == "vehicle" and view is not None:
        seen = VIEWED[view] if kind in _FULLY_DRAWN else VIEWED[view][:2]
        options = (*seen, *options) if rng.random() < 0.25 else seen
    elif kind == "cone":
        options = STRIPED
    elif kind == "traffic light" and coloured and rng.random() < 0.3:
        options = LIT[colour]
    elif category == "traffic-sign" and coloured:
        more = {"rectangular sign": WRITTEN, "stop sign": LETTERS}
        options = (*BORDERED, *more.get(kind, SYMBOLS))
    if not options or rng.random() < 0.15:
        return lacking(rng, kind)
    return rng.choice(options).format(ink=SIGN_INK[colour])
