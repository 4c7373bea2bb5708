"""Words for colours, and where in CIE L*C*h each lies: soft windows of hue, chroma, lightness.

The windows are wide and overlap, as people's words do: a dark blue car is also nearly black. Hues
are degrees (red 40, yellow 100, green 140, blue 290), chroma and lightness CIE units.
"""

from __future__ import annotations

from dataclasses import dataclass

Window = tuple[float, float, float, float]  # rises from the first to the second, falls from the
#                                             third to the fourth

_ALWAYS: Window = (-2.0, -1.0, 998.0, 999.0)
_NEUTRAL: Window = (-2.0, -1.0, 9.0, 17.0)


@dataclass(frozen=True)
class Colour:
    """What one word for a colour means.

    Attributes:
        name: the word.
        hue: degrees; a window may reach over 360.
        chroma: CIE C*.
        light: CIE L*.
        rare: False for what shows in the shadows, windows and lights of things of any colour, so
            that a little of it says nothing.
    """

    name: str
    hue: Window
    chroma: Window
    light: Window
    rare: bool = True


def _hued(name: str, hue: Window, chroma: float, low: float, high: float) -> Colour:
    """A colour with a hue, from this chroma on, between two lightnesses."""
    return Colour(
        name, hue, (chroma * 0.5, chroma * 1.25, 998.0, 999.0), (low - 10, low, high, high + 10)
    )


_PLAIN = (
    _hued("red", (-8.0, 8.0, 48.0, 60.0), 22.0, 12.0, 78.0),
    _hued("orange", (42.0, 54.0, 76.0, 86.0), 32.0, 38.0, 88.0),
    _hued("yellow", (72.0, 83.0, 108.0, 120.0), 26.0, 48.0, 101.0),
    _hued("green", (112.0, 125.0, 195.0, 212.0), 14.0, 10.0, 98.0),
    _hued("blue", (212.0, 240.0, 304.0, 312.0), 14.0, 6.0, 92.0),
    _hued("purple", (298.0, 308.0, 338.0, 350.0), 16.0, 6.0, 72.0),
    _hued("pink", (325.0, 338.0, 385.0, 402.0), 18.0, 52.0, 98.0),
    Colour("brown", (30.0, 42.0, 84.0, 96.0), (7.0, 12.0, 45.0, 60.0), (8.0, 15.0, 48.0, 60.0)),
    Colour("beige", (50.0, 62.0, 104.0, 115.0), (4.0, 7.0, 30.0, 42.0), (45.0, 58.0, 94, 99)),
    Colour("teal", (165.0, 180.0, 225.0, 245.0), (8, 14, 998, 999), (15.0, 25.0, 90.0, 99.0)),
    Colour("maroon", (-8.0, 4.0, 48.0, 60.0), (8.0, 16.0, 998.0, 999.0), (5.0, 10.0, 36.0, 46.0)),
    Colour("gold", (66.0, 74.0, 96.0, 106.0), (14.0, 24.0, 998, 999), (32.0, 42.0, 82.0, 92.0)),
    Colour("white", _ALWAYS, (-2.0, -1.0, 13.0, 24.0), (60.0, 76.0, 999.0, 1000.0), rare=False),
    Colour("black", _ALWAYS, (-2.0, -1.0, 16.0, 30.0), (-2.0, -1.0, 18.0, 36.0), rare=False),
    Colour("gray", _ALWAYS, _NEUTRAL, (22.0, 34.0, 72.0, 84.0), rare=False),
    Colour("silver", _ALWAYS, _NEUTRAL, (26.0, 42.0, 84.0, 97.0), rare=False),
    Colour("dark", _ALWAYS, (-2.0, -1.0, 25.0, 40.0), (-2.0, -1.0, 28.0, 46.0), rare=False),
    Colour("light", _ALWAYS, (-2.0, -1.0, 40.0, 60.0), (52.0, 70.0, 999.0, 1000.0), rare=False),
)  # fmt: skip


def _shade(colour: Colour, light: bool) -> Colour:
    """ "light blue", "dark blue": the hue with less chroma, lighter or darker."""
    chroma = (colour.chroma[0] * 0.4, colour.chroma[1] * 0.5, *colour.chroma[2:])
    lightness = (48.0, 60.0, 999.0, 1000.0) if light else (-2.0, -1.0, 38.0, 52.0)
    name = f"{'light' if light else 'dark'} {colour.name}"
    return Colour(name, colour.hue, chroma, lightness, rare=light)


_SHADED = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "teal")
_GREYS = (
    Colour("light gray", _ALWAYS, _NEUTRAL, (48.0, 58.0, 88.0, 96.0), rare=False),
    Colour("dark gray", _ALWAYS, _NEUTRAL, (8.0, 16.0, 44.0, 54.0), rare=False),
)

COLOURS: dict[str, Colour] = {
    colour.name: colour
    for colour in (
        *_PLAIN,
        *(
            _shade(each, light)
            for each in _PLAIN
            if each.name in _SHADED
            for light in (True, False)
        ),
        *_GREYS,
    )
}

# Other words for them. Where a word says several, any of them is meant.
SAME: dict[str, tuple[str, ...]] = {
    "grey": ("gray",), "silvery": ("silver",), "metallic": ("silver",), "chrome": ("silver",),
    "light grey": ("light gray",), "dark grey": ("dark gray",), "grayish": ("gray",),
    "greyish": ("gray",), "charcoal": ("dark gray", "black"), "slate": ("dark gray",),
    "violet": ("purple",), "lavender": ("light purple",), "magenta": ("pink", "purple"),
    "lilac": ("light purple",), "mauve": ("light purple",), "plum": ("dark purple",),
    "rose": ("pink",), "fuchsia": ("pink", "purple"), "salmon": ("pink", "orange"),
    "crimson": ("red",), "scarlet": ("red",), "burgundy": ("maroon",), "reddish": ("red",),
    "wine red": ("maroon",), "pinkish": ("pink",), "purplish": ("purple",),
    "navy": ("dark blue",), "navy blue": ("dark blue",), "bluish": ("blue",), "azure": ("blue",),
    "sky blue": ("light blue",), "turquoise": ("teal",), "cyan": ("teal", "light blue"),
    "aqua": ("teal",), "bluish-green": ("teal",), "blue-green": ("teal",),
    "greenish": ("green",), "lime": ("green",), "olive": ("green", "brown"),
    "lime green": ("green",), "neon green": ("green", "yellow"), "emerald": ("green",),
    "mint": ("light green",), "khaki": ("beige", "brown"), "tan": ("beige", "brown"),
    "cream": ("beige", "white"), "ivory": ("beige", "white"), "off-white": ("white", "beige"),
    "sand": ("beige",), "sandy": ("beige",), "champagne": ("beige", "silver"),
    "beige-colored": ("beige",), "brownish": ("brown",), "bronze": ("brown", "gold"),
    "copper": ("brown", "orange"), "rusty": ("brown", "orange"),
    "reddish-brown": ("brown", "maroon"),
    "yellowish": ("yellow", "beige"), "golden": ("gold", "yellow"), "amber": ("yellow", "orange"),
    "mustard": ("gold", "yellow"), "yellow-orange": ("yellow", "orange"),
    "yellow-green": ("yellow", "green"), "orange-red": ("orange", "red"),
    "red-orange": ("orange", "red"), "orangish": ("orange",), "peach": ("orange", "pink"),
    "whitish": ("white",), "snow-white": ("white",), "pale": ("light",),
    "darker": ("dark",), "lighter": ("light",), "dark-clothed": ("dark",), "shadowy": ("dark",),
    "dimly lit": ("dark",), "blackish": ("black",), "jet black": ("black",),
    "ruby": ("red",), "ruby red": ("red",), "cherry red": ("red",), "tomato red": ("red",),
    "fiery red": ("red",), "vermilion": ("red", "orange"), "tangerine": ("orange",),
    "pumpkin orange": ("orange",), "carrot orange": ("orange",), "orangey": ("orange",),
    "lemon": ("yellow",), "lemon yellow": ("yellow",), "canary yellow": ("yellow",),
    "sunny yellow": ("yellow",), "golden yellow": ("yellow", "gold"),
    "emerald green": ("green",), "grass green": ("green",), "leaf green": ("green",),
    "cobalt": ("blue",), "cobalt blue": ("blue",), "sapphire": ("blue",), "royal blue": ("blue",),
    "ultramarine": ("blue",), "grape": ("purple",), "amethyst": ("purple",),
    "indigo": ("purple", "dark blue"), "rosy": ("pink",), "hot pink": ("pink",),
    "rose pink": ("pink",), "bubblegum pink": ("pink",), "snowy white": ("white",),
    "pure white": ("white",), "chalky": ("white",), "milky": ("white",), "milky white": ("white",),
    "pearly": ("white",), "jet-black": ("black",), "ebony": ("black",), "pitch-black": ("black",),
    "coal-black": ("black",), "inky": ("black",), "raven": ("black",), "onyx": ("black",),
    "darkish": ("dark",),
}  # fmt: skip
_SHADES = {"light": ("pale", "lighter", "pastel", "faded", "soft"), "dark": ("darker", "deep")}
_NO_SHADE = ("bright", "vivid", "neon", "solid", "brightly", "strong", "vibrant", "medium",
             "saturated", "intense", "brilliant", "plain")  # fmt: skip


def colour_words() -> dict[str, tuple[str, ...]]:
    """Every word for a colour, and the names of ``COLOURS`` that it may mean."""
    words = SAME | {name: (name,) for name in COLOURS}
    for colour in _PLAIN:
        if colour.name not in _SHADES:
            words |= {f"{shade} {colour.name}": (colour.name,) for shade in _NO_SHADE}
        for shade, others in _SHADES.items():
            shaded = f"{shade} {colour.name}"
            meant = shaded if shaded in COLOURS else colour.name
            words |= {f"{other} {colour.name}": (meant,) for other in (shade, *others)}
    return words
