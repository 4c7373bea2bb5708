"""How relations, places and whole sentences are worded."""

from __future__ import annotations

# {a}, {b}: noun phrases with their articles. What stands after "is" as well as after a noun.
RELATIONS: dict[str, dict[str, float]] = {
    "left of": {
        "to the left of {a}": 4, "left of {a}": 2, "on the left side of {a}": 1,
        "on the left of {a}": 1, "at the left of {a}": 0.2, "on the left-hand side of {a}": 0.3,
        "immediately to the left of {a}": 0.3, "to the left side of {a}": 0.3,
    },
    "right of": {
        "to the right of {a}": 4, "right of {a}": 2, "on the right side of {a}": 1,
        "on the right of {a}": 1, "at the right of {a}": 0.2, "on the right-hand side of {a}": 0.3,
        "immediately to the right of {a}": 0.3, "to the right side of {a}": 0.3,
    },
    "above": {"above {a}": 5, "over {a}": 0.7, "higher up than {a}": 0.4, "up above {a}": 0.2},
    "below": {
        "below {a}": 3, "beneath {a}": 1, "under {a}": 0.8, "underneath {a}": 0.5,
        "lower down than {a}": 0.3,
    },
    "near": {
        "near {a}": 4, "close to {a}": 2, "next to {a}": 2, "adjacent to {a}": 1.5, "by {a}": 0.7,
        "not far from {a}": 0.5, "right next to {a}": 0.3, "in the vicinity of {a}": 0.2,
    },
    "beside": {"beside {a}": 2, "alongside {a}": 0.7, "side by side with {a}": 0.2},
    "in front of": {"in front of {a}": 5, "ahead of {a}": 1, "before {a}": 0.2},
    "behind": {"behind {a}": 5, "in back of {a}": 0.2, "further back than {a}": 0.2},
    "nearer": {
        "closer than {a}": 1, "nearer than {a}": 0.6, "closer to the viewer than {a}": 0.6,
        "closer to us than {a}": 0.3,
    },
    "farther": {
        "farther away than {a}": 1, "further away than {a}": 1, "beyond {a}": 0.5,
        "more distant than {a}": 0.3, "farther from the viewer than {a}": 0.4,
    },
    "closest": {"closest to {a}": 2, "nearest to {a}": 1.5, "nearest {a}": 0.4},
    "between": {
        "between {a} and {b}": 8, "in between {a} and {b}": 0.7, "flanked by {a} and {b}": 0.3,
        "in the middle between {a} and {b}": 0.3, "sandwiched between {a} and {b}": 0.2,
    },
}  # fmt: skip
CLOSELY = ("just", "directly", "right", "immediately", "slightly")  # to what touches nearly
CLOSELY_SAID = ("above {a}", "below {a}", "beneath {a}", "in front of {a}", "behind {a}")
BETWEEN_SIDES = ("between {a} on its left and {b} on its right",
                 "between {a} on the left and {b} on the right",
                 "between {a} to its left and {b} to its right")  # fmt: skip
BETWEEN_TWO = ("between two {s}", "between the two {s}", "in between two {s}", "flanked by two {s}")
# The same from the other side; after a noun only.
ATTENDED: dict[str, tuple[str, ...]] = {
    "left of": ("with {a} to its right", "with {a} on its right", "which has {a} on its right",
                "with {a} to the right of it"),
    "right of": ("with {a} to its left", "with {a} on its left", "which has {a} on its left",
                 "with {a} to the left of it"),
    "above": ("with {a} below it", "with {a} underneath it", "that has {a} beneath it"),
    "below": ("with {a} above it", "that has {a} above it"),
    "near": ("with {a} nearby", "with {a} next to it", "that has {a} close by"),
    "beside": ("with {a} beside it", "with {a} at its side"),
    "in front of": ("with {a} behind it", "which has {a} behind it"),
    "behind": ("with {a} in front of it", "which has {a} in front of it", "with {a} ahead of it"),
}  # fmt: skip

_IMAGE = ("image", "picture", "frame", "photo", "scene")
_SIDE = {side: tuple(f"on the {side}{tail}" for tail in ("", " side", " side of the image",
         " of the image", " side of the picture", " of the picture", " side of the frame",
         "-hand side")) for side in ("left", "right")}  # fmt: skip
PLACES: dict[str, tuple[str, ...]] = {
    "at left": (*_SIDE["left"], "in the left part of the image", "at the left edge of the frame",
                "on the far left", "in the left half of the image"),
    "at right": (*_SIDE["right"], "in the right part of the image",
                 "at the right edge of the frame", "on the far right",
                 "in the right half of the image"),
    "in middle": ("in the middle", "in the center", "in the centre", "near the center",
                  *(f"in the middle of the {i}" for i in _IMAGE),
                  *(f"in the center of the {i}" for i in _IMAGE)),
    "at top": ("at the top", *(f"at the top of the {i}" for i in _IMAGE),
               "in the upper part of the image", "in the upper half of the picture"),
    "at bottom": ("at the bottom", *(f"at the bottom of the {i}" for i in _IMAGE),
                  "in the lower part of the image", "in the lower half of the picture"),
    "top left": ("at the top left", "in the top left of the image", "in the upper left",
                 "in the top left corner", "in the upper left part of the image"),
    "top right": ("at the top right", "in the top right of the image", "in the upper right",
                  "in the top right corner", "in the upper right part of the image"),
    "bottom left": ("at the bottom left", "in the bottom left of the image", "in the lower left",
                    "in the bottom left corner", "in the lower left part of the image"),
    "bottom right": ("at the bottom right", "in the bottom right of the image",
                     "in the lower right", "in the bottom right corner",
                     "in the lower right part of the image"),
    "in foreground": ("in the foreground", "in the foreground of the image", "close to the viewer",
                      "close to us", "near the viewer", "in front"),
    "in background": ("in the background", "in the background of the image", "in the distance",
                      "far away", "farther away", "further back", "far from the viewer",
                      "in the back", "further down the street", "at a distance"),
    "on road": ("on the road", "on the street", "on the roadway", "in the roadway",
                "in the street", "on the asphalt", "on the road surface"),
    "on pavement": ("on the sidewalk", "on the pavement", "by the roadside", "on the footpath",
                    "by the side of the road", "at the edge of the road", "along the sidewalk",
                    "at the roadside"),
    "on grass": ("on the grass", "on the lawn", "in the grassy area", "on the green area"),
    "on plaza": ("on the plaza", "on the square", "on the paved area"),
    "on parking": ("in the parking lot", "in the car park", "in the parking area"),
    "over road": ("above the road", "over the road", "above the street", "over the street",
                  "hanging over the road", "hanging above the street",
                  "suspended above the road", "on an arm above the road",
                  "mounted on a horizontal pole", "on a horizontal pole"),
    "on pole": ("on a pole", "mounted on a pole", "on a metallic pole", "on a vertical pole",
                "attached to a pole",
                "mounted on a gray pole", "on top of a pole", "fixed to a grey post",
                "on a post", "mounted on a vertical pole", "attached to a metal pole"),
}  # fmt: skip

# {np}: the noun phrase, {s}: its plural. How one stands among its like; always definite.
RANKS: dict[str, tuple[str, ...]] = {
    "leftmost": ("leftmost {np}", "left-most {np}", "{np} furthest to the left",
                 "{np} farthest to the left", "first {np} from the left", "{np} on the far left"),
    "rightmost": ("rightmost {np}", "right-most {np}", "{np} furthest to the right",
                  "{np} farthest to the right", "first {np} from the right",
                  "{np} on the far right"),
    "topmost": ("topmost {np}", "highest {np}", "uppermost {np}", "upper {np}"),
    "lowest": ("lowest {np}", "bottommost {np}", "lower {np}"),
    "nearest": ("nearest {np}", "closest {np}", "{np} closest to the viewer",
                "{np} nearest to us", "{np} nearest to the viewer"),
    "farthest": ("farthest {np}", "furthest {np}", "most distant {np}",
                 "{np} farthest from the viewer", "{np} furthest away", "{np} farthest away"),
    "smallest": ("smallest {np}",),
}  # fmt: skip
ORDINALS = {2: "second", 3: "third", 4: "fourth"}
ORDERED = ("{nth} {np} from the {side}", "{nth} {np} counting from the {side}")
OF_TWO = {"leftmost": ("left one of the two {s}", "left of the two {s}"),
          "rightmost": ("right one of the two {s}", "right of the two {s}"),
          "nearest": ("closer of the two {s}", "nearer one of the two {s}"),
          "farthest": ("farther of the two {s}", "more distant one of the two {s}")}  # fmt: skip
OF_MANY = {
    "leftmost": ("leftmost of the {n} {s}",),
    "rightmost": ("rightmost of the {n} {s}",),
    "nearest": ("closest of the {n} {s}",),
    "farthest": ("farthest of the {n} {s}",),
}
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}

STATES = {"located": 2, "positioned": 4, "situated": 2, "placed": 0.3, "visible": 0.4, "seen": 0.2}
STATES_OF: dict[str, tuple[str, ...]] = {
    "driving": ("driving", "traveling", "travelling", "moving"),
    "parked": ("parked", "parked", "standing", "stopped"),
    "walking": ("walking", "walking", "moving"),
    "standing": ("standing",),
    "riding": ("riding", "cycling", "moving"),
    "mounted": ("mounted", "fixed", "installed"),
    "hanging": ("hanging", "suspended", "mounted"),
    "set": ("placed", "standing", "set up"),
}

# {np} with its article as written here; {where}: relations and places.
AFTER_NOUN: dict[str, float] = {
    "the {np} {where}": 8, "a {np} {where}": 2, "{np} {where}": 3, "there is a {np} {where}": 1,
    "the object is a {np} {where}": 1.5, "it is the {np} {where}": 0.3,
    "find the {np} {where}": 1,
    "where is the {np} {where}?": 0.6, "show me the {np} {where}": 0.5,
    "look for the {np} {where}": 0.3, "locate the {np} {where}": 0.3,
    "i mean the {np} {where}": 0.3, "look at the {np} {where}": 0.3,
    "can you see the {np} {where}?": 0.3,
    "do you see the {np} {where}?": 0.2, "please find the {np} {where}": 0.2,
    "i see a {np} {where}": 0.3, "this is the {np} {where}": 0.2, "that {np} {where}": 0.3,
    "watch out for the {np} {where}": 0.2, "point to the {np} {where}": 0.2,
    "the {np}, {where}": 0.5, "there's a {np} {where}": 0.2,
    "the object in question is a {np} {where}": 0.1, "we want the {np} {where}": 0.1,
}  # fmt: skip
AFTER_IS: dict[str, float] = {
    "the {np} is {where}": 4, "the {np} is {state} {where}": 10, "the {np} that is {where}": 1.5,
    "the {np} that is {state} {where}": 1.5, "the {np}, which is {state} {where}": 1.5,
    "the {np} which is {where}": 0.8, "the {np} {state} {where}": 3,
    "the {np} can be seen {where}": 1,
    "a {np} {state} {where}": 1.5, "a {np} is {state} {where}": 1, "{np} {state} {where}": 1,
    "there is a {np} {state} {where}": 1, "the object is a {np} {state} {where}": 1.5,
    "the object is a {np}, {state} {where}": 0.5, "{where} there is a {np}": 0.8,
    "{where} is a {np}": 0.6, "find the {np} that is {where}": 0.4,
    "where is the {np} that is {where}?": 0.2, "the {np} appears {where}": 0.2,
    "{where}, a {np} can be seen": 0.2, "the object is a {np} that is {state} {where}": 0.4,
    "a {np} that is {where}": 0.5,
}  # fmt: skip
ALONE: dict[str, float] = {
    "the {np}": 4, "{np}": 3, "a {np}": 0.6, "find the {np}": 1, "where is the {np}?": 1,
    "show me the {np}": 0.6, "the object is the {np}": 0.5, "look at the {np}": 0.3,
    "the {np} in the image": 0.5, "the {np} in the picture": 0.3, "the {np} in this scene": 0.2,
    "the only {np}": 0.3, "i mean the {np}": 0.3, "is there a {np}?": 0.3, "locate the {np}": 0.3,
    "the {np} that you can see": 0.1, "this {np}": 0.1,
}  # fmt: skip
ALONE_RANKED: dict[str, float] = {
    "the {np}": 6, "{np}": 2, "find the {np}": 1, "where is the {np}?": 1, "show me the {np}": 0.6,
    "the object is the {np}": 1, "look at the {np}": 0.3, "the {np} in the image": 0.5,
    "it is the {np}": 0.4, "i mean the {np}": 0.3, "locate the {np}": 0.3,
}  # fmt: skip
JOINTS = ("{a} and {b}", "{a} and {b}", "{a}, {b}", "{a}, and {b}")
JOINTS_AFTER_IS = ("{a} and is {b}", "{a} and is {state} {b}", "{a}, and it is {b}",
                   "{a} and is also {b}")  # fmt: skip
# True of a whole scene; by what must be so.
TAILS: dict[str, tuple[str, ...]] = {
    "any": ("amidst a busy street scene", "in a busy traffic scene", "in a street scene",
            "in this city scene", "in an urban area"),
    "crowd": ("surrounded by other objects", "with other objects nearby",
              "with several objects around it", "among a group of objects"),
    "vehicles": ("with other vehicles nearby", "with several vehicles in the background",
                 "with other vehicles visible in the background", "amidst several vehicles",
                 "with multiple vehicles on the street"),
    "people": ("with other people nearby", "with several people in the background",
               "with a group of people in the background", "with pedestrians around"),
    "signs": ("with other traffic signs nearby", "with several signs in the background",
              "with various signs along the street"),
    "trees": ("with trees in the background", "with green foliage in the background",
              "with some greenery in the background", "with a row of trees in the background",
              "with trees lining the street", "with several trees in the background",
              "with green trees visible in the background", "with a leafy tree in the background",
              "with the branches of trees in the background",
              "with trees and buildings in the background"),
    "buildings": ("with buildings in the background", "with a building in the background",
                  "against a backdrop of buildings", "with tall buildings behind",
                  "with gray buildings in the background", "with several buildings visible",
                  "with the windows of a building visible in the background",
                  "with large structures in the background",
                  "with the walls of buildings in the background"),
    "lamps": ("on a street with lamps", "on a street lined with lampposts",
              "with a row of streetlights along the road"),
    "lanes": ("on a multi-lane road", "on a wide street", "on a busy road",
              "on a road with lane markings"),
    "rain": ("in the rain", "on a rainy day", "in rainy weather"),
    "fog": ("in the fog", "on a foggy day", "in the mist"),
    "dusk": ("at dusk", "in the evening", "in dim light"),
    "overcast": ("under a cloudy sky", "on a cloudy day", "under a gray sky"),
    "clear": ("on a clear day", "in daylight", "in the sun"),
}  # fmt: skip
