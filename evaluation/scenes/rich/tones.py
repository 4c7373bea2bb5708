"""Words for colours, each with two readings, as ``lexicon`` has nouns.

A shade is surely its colour where the catalogue's pigment is one; what lies between two colours is
perhaps either.
"""

from __future__ import annotations

from evaluation.scenes.catalogue import COLOURS, KINDS
from evaluation.scenes.rich.lexicon import Reading, Word


def _tone(text: str, colour: str, weight: float, also: tuple[str, ...] = ()) -> Word:
    return Word(text, Reading(frozenset([colour]), frozenset([colour, *also])), weight)


_PLAIN = sorted({colour for kind in KINDS.values() for colour in kind.colours})
_BRIGHT = ("red", "orange", "yellow", "blue", "pink")
_DEEP = ("red", "green", "blue", "purple")
_SHADES = {  # surely this colour, perhaps those, too
    "red": {"crimson": (), "scarlet": (), "ruby": (), "cherry red": (), "ruby red": (),
            "vermilion": ("orange",), "tomato red": ("orange",), "fiery red": ("orange",),
            "reddish": ("orange", "pink", "purple")},
    "orange": {"tangerine": (), "pumpkin orange": (), "carrot orange": ("red",),
               "orangish": ("red", "yellow"), "orangey": ("red", "yellow")},
    "yellow": {"lemon yellow": (), "canary yellow": (), "lemon": (), "sunny yellow": (),
               "golden yellow": ("orange",), "golden": ("orange",),
               "yellowish": ("orange", "green", "white")},
    "green": {"emerald": (), "emerald green": (), "grass green": (), "leaf green": (),
              "greenish": ("blue", "yellow")},
    "blue": {"cobalt": (), "azure": (), "sapphire": (), "royal blue": (), "cobalt blue": (),
             "ultramarine": ("purple",), "bluish": ("green", "purple")},
    "purple": {"violet": (), "grape": (), "amethyst": (), "plum": ("red",), "indigo": ("blue",),
               "purplish": ("blue", "pink", "red")},
    "pink": {"rosy": (), "rose": (), "hot pink": (), "bubblegum pink": (), "rose pink": (),
             "pinkish": ("red", "purple", "white")},
    "white": {"snow-white": (), "snowy white": (), "pure white": (), "chalky": (), "milky": (),
              "milky white": (), "ivory": ("yellow",), "off-white": ("yellow",),
              "pearly": ("pink",), "whitish": ("yellow", "pink")},
    "black": {"jet-black": (), "jet black": (), "ebony": (), "pitch-black": (), "coal-black": (),
              "inky": ("blue",), "raven": (), "onyx": (), "charcoal": (),
              "blackish": ("purple", "blue", "green")},
}  # fmt: skip
_SHADE_WEIGHTS = {"violet": 1.5, "crimson": 0.4, "scarlet": 0.4}
_CHROMATIC = frozenset(_PLAIN) - {"white", "black"}

TONES: tuple[Word, ...] = (
    *(_tone(colour, colour, 14) for colour in _PLAIN),
    *(
        _tone(f"{how} {colour}", colour, weight)
        for how, weight in {
            "bright": 0.7, "vivid": 0.15, "vibrant": 0.1, "saturated": 0.05, "intense": 0.05,
            "strong": 0.05, "brilliant": 0.04,
        }.items()
        for colour in _BRIGHT
    ),
    *(_tone(f"deep {colour}", colour, 0.15, ("black",)) for colour in _DEEP),
    *(_tone(f"solid {colour}", colour, 0.15) for colour in _PLAIN),
    *(_tone(f"plain {colour}", colour, 0.1) for colour in _PLAIN),
    *(_tone(f"{colour}-colored", colour, 0.15) for colour in _PLAIN),
    *(_tone(f"{colour}-coloured", colour, 0.1) for colour in _PLAIN),
    *(_tone(f"{colour}-toned", colour, 0.05) for colour in _PLAIN),
    *(_tone(f"{colour}-hued", colour, 0.05) for colour in _PLAIN),
    *(_tone(f"{colour}-tinted", colour, 0.05) for colour in _PLAIN),
    *(
        _tone(text, colour, _SHADE_WEIGHTS.get(text, 0.2), also)
        for colour, shades in _SHADES.items()
        if colour in _PLAIN
        for text, also in shades.items()
    ),
    *(
        _tone(text, "black", weight, ("purple", "blue", "green"))
        for text, weight in {"dark": 1.2, "dark-colored": 1.6, "dark-coloured": 0.3,
                             "darkish": 0.1, "dark-toned": 0.1}.items()
    ),
    *(
        _tone(text, "white", weight, ("yellow", "pink"))
        for text, weight in {"light-colored": 0.8, "light-coloured": 0.2, "pale": 0.2,
                             "light-toned": 0.1}.items()
    ),
    *(
        Word(text, Reading(_CHROMATIC, _CHROMATIC), weight)
        for text, weight in {"colorful": 0.1, "colourful": 0.06, "brightly colored": 0.06}.items()
    ),
)  # fmt: skip
LAMP_TONES: tuple[Word, ...] = (
    *(_tone(colour, colour, 10) for colour in KINDS["traffic light"].colours),
    _tone("amber", "yellow", 3),
    _tone("amber-colored", "yellow", 0.2),
    _tone("orange", "yellow", 0.5),
)

# What nothing in a scene is; somebody might say it of these all the same.
STRANGE_TONES: tuple[Word, ...] = tuple(
    Word(text, Reading(frozenset(), frozenset(perhaps)), weight)
    for text, (weight, perhaps) in {
        "silver": (3, ("white", "black")), "gray": (3, ("white", "black")),
        "grey": (1, ("white", "black")), "silvery": (0.3, ("white", "black")),
        "metallic": (0.3, ("white", "black")), "grayish": (0.3, ("white", "black")),
        "dark gray": (0.5, ("black",)), "light gray": (0.5, ("white",)),
        "beige": (2, ("white", "yellow")), "brown": (2, ("red", "orange", "black")),
        "brownish": (0.3, ("red", "orange", "black")), "tan": (0.5, ("white", "yellow", "orange")),
        "maroon": (0.6, ("red", "purple", "black")), "burgundy": (0.4, ("red", "purple", "black")),
        "reddish-brown": (0.2, ("red", "orange", "black")), "teal": (0.4, ("green", "blue")),
        "turquoise": (0.5, ("green", "blue")), "cyan": (0.3, ("green", "blue")),
        "bluish-green": (0.2, ("green", "blue")), "navy": (0.4, ("blue", "black", "purple")),
        "olive": (0.3, ("green", "yellow", "black")), "khaki": (0.3, ("yellow", "white", "green")),
        "cream": (0.4, ("white", "yellow")), "bronze": (0.2, ("orange", "yellow", "black")),
        "copper": (0.2, ("orange", "red", "black")), "champagne": (0.2, ("white", "yellow")),
        "peach": (0.3, ("orange", "pink", "white")), "lavender": (0.2, ("purple", "pink", "white")),
        "lilac": (0.2, ("purple", "pink", "white")), "mint": (0.2, ("green", "white")),
        "magenta": (0.3, ("pink", "purple", "red")), "fuchsia": (0.1, ("pink", "purple", "red")),
        "salmon": (0.2, ("pink", "orange", "red")), "mustard": (0.2, ("yellow", "orange")),
        "rusty": (0.2, ("red", "orange", "black")), "sandy": (0.2, ("white", "yellow")),
        "light blue": (0.4, ("blue", "white")), "light green": (0.2, ("green", "white", "yellow")),
        "dark red": (0.2, ("red", "black", "purple")), "dark blue": (0.4, ("blue", "black")),
        "dark green": (0.3, ("green", "black")),
    }.items()
    if text not in COLOURS
)  # fmt: skip
