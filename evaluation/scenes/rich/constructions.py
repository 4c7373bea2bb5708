"""How relations, places and ranks are worded."""

from __future__ import annotations

# {a}, {b}: noun phrases with their articles. What stands after "is" as well as after a noun.
RELATIONS: dict[str, dict[str, float]] = {
    **{
        f"{side} of": {
            f"to the {side} of {{a}}": 4, f"{side} of {{a}}": 2, f"on the {side} side of {{a}}": 1,
            f"on the {side} of {{a}}": 1, f"at the {side} of {{a}}": 0.2,
            f"on the {side}-hand side of {{a}}": 0.3, f"to the {side} side of {{a}}": 0.3,
            f"immediately to the {side} of {{a}}": 0.3, f"to the {side}-hand side of {{a}}": 0.1,
            f"{side}ward of {{a}}": 0.05, f"{side}wards of {{a}}": 0.05,
            f"at the {side} side of {{a}}": 0.1, f"over to the {side} of {{a}}": 0.05,
            f"off to the {side} of {{a}}": 0.08, f"somewhere to the {side} of {{a}}": 0.05,
            f"a bit to the {side} of {{a}}": 0.05,
        }
        for side in ("left", "right")
    },
    "above": {
        "above {a}": 5, "over {a}": 0.7, "higher up than {a}": 0.4, "up above {a}": 0.2,
        "higher than {a}": 0.2,
    },
    "below": {
        "below {a}": 3, "beneath {a}": 1, "under {a}": 0.8, "underneath {a}": 0.5,
        "lower down than {a}": 0.3, "lower than {a}": 0.2, "down below {a}": 0.1,
    },
    "near": {
        "near {a}": 4, "close to {a}": 2, "next to {a}": 2, "adjacent to {a}": 1.5, "by {a}": 0.7,
        "not far from {a}": 0.5, "right next to {a}": 0.3, "in the vicinity of {a}": 0.2,
        "close by {a}": 0.15, "in close proximity to {a}": 0.15, "in proximity to {a}": 0.05,
        "a short distance from {a}": 0.15, "near to {a}": 0.1,
        "in the neighborhood of {a}": 0.05, "neighboring {a}": 0.05, "within reach of {a}": 0.05,
        "a few steps from {a}": 0.05, "accompanied by {a}": 0.15, "together with {a}": 0.05,
        "in the company of {a}": 0.05, "around {a}": 0.05,
    },
    "beside": {
        "beside {a}": 2, "alongside {a}": 0.7, "side by side with {a}": 0.2, "abreast of {a}": 0.05,
        "to the side of {a}": 0.15, "at the side of {a}": 0.1, "level with {a}": 0.05,
    },
    "in front of": {
        "in front of {a}": 5, "ahead of {a}": 1, "before {a}": 0.2,
    },
    "behind": {
        "behind {a}": 5, "in back of {a}": 0.2, "further back than {a}": 0.2,
        "farther back than {a}": 0.1, "at the back of {a}": 0.1, "to the rear of {a}": 0.1,
    },
    "nearer": {
        "closer than {a}": 1, "nearer than {a}": 0.6, "closer to the viewer than {a}": 0.6,
        "closer to us than {a}": 0.3, "closer to the camera than {a}": 0.3,
        "nearer to the viewer than {a}": 0.15, "nearer to the camera than {a}": 0.1,
        "less distant than {a}": 0.1, "not as far away as {a}": 0.1,
    },
    "farther": {
        "farther away than {a}": 1, "further away than {a}": 1, "beyond {a}": 0.5,
        "more distant than {a}": 0.3, "farther from the viewer than {a}": 0.4,
        "farther from the camera than {a}": 0.2, "further from the camera than {a}": 0.1,
        "further from the viewer than {a}": 0.1, "past {a}": 0.15, "farther off than {a}": 0.05,
        "deeper in the scene than {a}": 0.05, "more remote than {a}": 0.05,
    },
    "closest": {
        "closest to {a}": 2, "nearest to {a}": 1.5, "nearest {a}": 0.4,
        "at the shortest distance from {a}": 0.1, "least distant from {a}": 0.05,
    },
    "between": {
        "between {a} and {b}": 8, "in between {a} and {b}": 0.7, "flanked by {a} and {b}": 0.3,
        "in the middle between {a} and {b}": 0.3, "sandwiched between {a} and {b}": 0.2,
        "wedged between {a} and {b}": 0.1, "in the space between {a} and {b}": 0.1,
        "in the gap between {a} and {b}": 0.08, "somewhere between {a} and {b}": 0.1,
        "surrounded by {a} and {b}": 0.05, "framed by {a} and {b}": 0.05,
        "nestled between {a} and {b}": 0.05, "enclosed by {a} and {b}": 0.05,
        "squeezed between {a} and {b}": 0.05,
    },
}  # fmt: skip
# To what touches nearly.
CLOSELY = ("just", "directly", "right", "immediately", "slightly", "closely", "shortly", "a little")
CLOSELY_SAID = ("above {a}", "below {a}", "beneath {a}", "in front of {a}", "behind {a}")
# Where the one really covers a part of the other.
HIDING = {
    "behind": ("partially obscured by {a}", "partly hidden by {a}", "partially hidden behind {a}",
               "partially covered by {a}", "partly obscured by {a}", "partially blocked by {a}"),
    "in front of": ("partially obscuring {a}", "partly covering {a}", "partially blocking {a}"),
}  # fmt: skip
BETWEEN_SIDES = ("between {a} on its left and {b} on its right",
                 "between {a} on the left and {b} on the right",
                 "between {a} to its left and {b} to its right",
                 "between {a} to the left and {b} to the right",
                 "flanked by {a} on the left and {b} on the right",
                 "between {a} on its left side and {b} on its right side")  # fmt: skip
BETWEEN_TWO = ("between two {s}", "between the two {s}", "in between two {s}", "flanked by two {s}",
               "between a pair of {s}", "between both {s}",
               "in the middle between two {s}")  # fmt: skip
BETWEEN_MANY = ("between two {s}", "between two of the {s}", "in between two {s}")
# The same from the other side; after a noun only.
ATTENDED: dict[str, tuple[str, ...]] = {
    "left of": ("with {a} to its right", "with {a} on its right", "which has {a} on its right",
                "with {a} to the right of it", "with {a} on the right side of it",
                "having {a} on its right", "that has {a} to its right"),
    "right of": ("with {a} to its left", "with {a} on its left", "which has {a} on its left",
                 "with {a} to the left of it", "with {a} on the left side of it",
                 "having {a} on its left", "that has {a} to its left"),
    "above": ("with {a} below it", "with {a} underneath it", "that has {a} beneath it",
              "with {a} directly below it", "having {a} under it"),
    "below": ("with {a} above it", "that has {a} above it", "with {a} over it",
              "which has {a} over it"),
    "near": ("with {a} nearby", "with {a} next to it", "that has {a} close by",
             "with {a} in the vicinity", "with {a} close to it", "with {a} near it",
             "having {a} nearby", "with {a} adjacent to it"),
    "beside": ("with {a} beside it", "with {a} at its side", "with {a} by its side",
               "with {a} alongside it", "which has {a} beside it"),
    "in front of": ("with {a} behind it", "which has {a} behind it", "with {a} at its back",
                    "that has {a} right behind it"),
    "behind": ("with {a} in front of it", "which has {a} in front of it", "with {a} ahead of it",
               "that has {a} in front of it"),
}  # fmt: skip

_IMAGE = ("image", "picture", "frame", "photo", "scene", "photograph", "view")
_PICTURE = (
    "",
    " of the image",
    " of the picture",
    " of the frame",
    " of the photo",
    " of the view",
)


def _within(part: str) -> tuple[str, ...]:
    return tuple(f"{part}{tail}" for tail in _PICTURE)


_SIDE = {
    side: (
        *_within(f"on the {side}"), *_within(f"on the {side} side"), f"on the {side}-hand side",
        f"in the {side} part of the image", f"in the {side} half of the image",
        f"off to the {side}",
        f"in the {side} portion of the picture", f"in the {side} section of the photo",
        f"towards the {side}", f"over on the {side}", f"in the {side} third of the image",
        f"to the {side}", f"in the {side}-hand part",
    )
    for side in ("left", "right")
}  # fmt: skip
_EDGE = {
    side: (
        f"at the {side} edge of the frame", f"on the far {side}", f"near the {side} border",
        f"at the {side} margin", f"close to the {side} edge", f"at the very {side}",
        f"near the {side} edge of the image", f"at the {side} border of the picture",
        f"at the extreme {side}",
    )
    for side in ("left", "right")
}  # fmt: skip


def _corner(row: str, upper: str, column: str) -> tuple[str, ...]:
    return (
        f"at the {row} {column}", *(f"in the {row} {column} of the {i}" for i in _IMAGE[:4]),
        f"in the {upper} {column}", f"in the {row} {column} corner",
        f"in the {upper} {column} corner",
        f"in the {upper} {column} part of the image", f"in the {upper} {column} area",
        f"in the {upper} {column} section of the picture", f"near the {row} {column} corner",
        f"in the {upper} {column} quarter of the photo", f"at the {upper} {column}",
        f"in the {upper} {column} quadrant",
    )  # fmt: skip


def _away(number: str) -> tuple[str, ...]:
    """A distance, as far as anybody can tell one."""
    return (
        f"about {number} meters away", f"roughly {number} metres away",
        f"around {number} meters from the camera", f"some {number} meters ahead of us",
        f"at a distance of about {number} metres", f"approximately {number} meters off",
    )  # fmt: skip


DISTANCES = {"ten": 10, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
             "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "a hundred": 100}  # fmt: skip
PLACES: dict[str, tuple[str, ...]] = {
    "at left": _SIDE["left"],
    "at right": _SIDE["right"],
    "at left edge": _EDGE["left"],
    "at right edge": _EDGE["right"],
    "in middle": ("in the middle", "in the center", "in the centre", "near the center",
                  *(f"in the middle of the {i}" for i in _IMAGE),
                  *(f"in the center of the {i}" for i in _IMAGE), "in the central part",
                  "in the middle section of the image", "in the central area of the picture",
                  "close to the centre", "centrally", "around the center of the image"),
    "at top": ("at the top", *(f"at the top of the {i}" for i in _IMAGE),
               "in the upper part of the image", "in the upper half of the picture",
               "high up in the image", "in the top part", "near the top edge",
               "towards the top of the image", "in the upper third of the photo",
               "in the upper portion of the frame", "high in the picture"),
    "at bottom": ("at the bottom", *(f"at the bottom of the {i}" for i in _IMAGE),
                  "in the lower part of the image", "in the lower half of the picture",
                  "low down in the image", "in the bottom part", "near the bottom edge",
                  "towards the bottom of the image", "in the lower third of the photo",
                  "in the lower portion of the frame", "low in the picture"),
    "top left": _corner("top", "upper", "left"),
    "top right": _corner("top", "upper", "right"),
    "bottom left": _corner("bottom", "lower", "left"),
    "bottom right": _corner("bottom", "lower", "right"),
    "in foreground": ("in the foreground", "in the foreground of the image", "close to the viewer",
                      "close to us", "near the viewer", "in front", "close to the camera",
                      "in the immediate foreground", "near the camera", "up close",
                      "in front of the camera", "near us", "in the near foreground",
                      "at close range", "not far from us"),
    "in background": ("in the background", "in the background of the image", "in the distance",
                      "far away", "farther away", "further back", "far from the viewer",
                      "in the back", "further down the street", "at a distance",
                      "far down the road", "in the far distance", "in the distant background",
                      "far off", "far from the camera", "way back", "at the far end of the street",
                      "a long way off", "far ahead", "farther down the road"),
    **{f"{metres} m": _away(number) for number, metres in DISTANCES.items()},
    "on road": ("on the road", "on the street", "on the roadway", "in the roadway",
                "in the street", "on the asphalt", "on the road surface", "on the carriageway",
                "on the tarmac", "in the lane", "on the driveway",
                "in traffic", "on the highway", "out on the road", "on the paved road"),
    "on pavement": ("on the sidewalk", "on the pavement", "by the roadside", "on the footpath",
                    "by the side of the road", "at the edge of the road", "along the sidewalk",
                    "at the roadside", "on the walkway", "by the curb", "at the kerb",
                    "along the edge of the street", "on the side of the street", "at the curbside",
                    "on the pathway", "on the path", "beside the road", "along the roadside",
                    "on the footway",
                    "near the curb", "next to the road", "alongside the road"),
    "on grass": ("on the grass", "on the lawn", "in the grassy area", "on the green area",
                 "on the grassy verge", "in the green", "on the turf", "on grassy ground",
                 "in the meadow", "on the grassland"),
    "on plaza": ("on the plaza", "on the square", "on the paved area", "on the paved square",
                 "on the tiled ground", "in the pedestrian area", "on the paved ground",
                 "on the stone slabs"),
    "on parking": ("in the parking lot", "in the car park", "in the parking area",
                   "in the parking space", "on the parking lot", "in a parking bay",
                   "in a parking spot", "among the parking spaces"),
    "over road": ("above the road", "over the road", "above the street", "over the street",
                  "hanging over the road", "hanging above the street",
                  "suspended above the road", "on an arm above the road",
                  "mounted on a horizontal pole", "on a horizontal pole", "overhead",
                  "on a beam over the road", "on a horizontal bar", "high above the roadway",
                  "hung above the lanes", "on an overhead arm", "attached to a horizontal beam",
                  "extending over the road", "mounted on an overhead pole"),
    "on pole": ("on a pole", "mounted on a pole", "on a metallic pole", "on a vertical pole",
                "attached to a pole", "mounted on a gray pole", "on top of a pole",
                "fixed to a grey post", "on a post", "mounted on a vertical pole",
                "attached to a metal pole", "on a thin pole", "on a slender pole",
                "on a cylindrical pole", "on a mast",
                "on a signpost", "on a tall pole", "affixed to a pole", "on a metal post",
                "fastened to a post", "on a steel pole", "on a gray column", "supported by a pole",
                "on a straight pole", "held by a pole", "atop a pole", "installed on a pole",
                "at the end of a pole", "at the upper end of a post"),
}  # fmt: skip

# {np}: the noun phrase, {s}: its plural. How one stands among its like; always definite.
RANKS: dict[str, tuple[str, ...]] = {
    **{
        f"{side}most": (
            f"{side}most {{np}}", f"{side}-most {{np}}", f"{{np}} furthest to the {side}",
            f"{{np}} farthest to the {side}", f"first {{np}} from the {side}",
            f"{{np}} on the far {side}", f"far {side} {{np}}", f"{{np}} most to the {side}",
            f"{{np}} furthest {side}", f"{{np}} farthest {side}",
        )
        for side in ("left", "right")
    },
    "topmost": ("topmost {np}", "highest {np}", "uppermost {np}", "upper {np}", "top-most {np}"),
    "lowest": ("lowest {np}", "bottommost {np}", "lower {np}", "lowermost {np}",
               "bottom-most {np}"),
    "nearest": ("nearest {np}", "closest {np}", "{np} closest to the viewer",
                "{np} nearest to us", "{np} nearest to the viewer", "{np} closest to the camera",
                "{np} nearest to the camera", "foremost {np}", "frontmost {np}",
                "{np} closest to us"),
    "farthest": ("farthest {np}", "furthest {np}", "most distant {np}",
                 "{np} farthest from the viewer", "{np} furthest away", "{np} farthest away",
                 "rearmost {np}", "{np} farthest from the camera", "{np} furthest back",
                 "{np} farthest from us", "{np} furthest from the viewer", "remotest {np}"),
    "smallest": ("smallest {np}", "tiniest {np}"),
    "largest": ("largest {np}", "biggest {np}"),
}  # fmt: skip
ORDINALS = {2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth"}
ORDERED = ("{nth} {np} from the {side}", "{nth} {np} counting from the {side}",
           "{nth} {np} when counted from the {side}", "{nth} {np} starting from the {side}",
           "{nth} {np} if you count from the {side}")  # fmt: skip
MIDDLE = (
    "middle one of the three {s}",
    "{np} in the middle of the three",
    "middle of the three {s}",
)
OF_TWO = {"leftmost": ("left one of the two {s}", "left of the two {s}", "left {np}",
                       "left-hand {np}"),
          "rightmost": ("right one of the two {s}", "right of the two {s}", "right {np}",
                        "right-hand {np}"),
          "nearest": ("closer of the two {s}", "nearer one of the two {s}"),
          "farthest": ("farther of the two {s}", "more distant one of the two {s}"),
          "topmost": ("upper one of the two {s}", "higher of the two {s}"),
          "lowest": ("lower one of the two {s}", "lower of the two {s}"),
          "smallest": ("smaller of the two {s}", "smaller one of the two {s}"),
          "largest": ("larger of the two {s}", "bigger one of the two {s}")}  # fmt: skip
OF_MANY = {
    "leftmost": ("leftmost of the {n} {s}", "leftmost one of the {n} {s}"),
    "rightmost": ("rightmost of the {n} {s}", "rightmost one of the {n} {s}"),
    "nearest": ("closest of the {n} {s}", "nearest of the {n} {s}"),
    "farthest": ("farthest of the {n} {s}", "most distant of the {n} {s}"),
    "topmost": ("highest of the {n} {s}",),
    "lowest": ("lowest of the {n} {s}",),
}
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}
