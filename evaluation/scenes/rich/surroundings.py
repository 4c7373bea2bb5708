"""What is true of a whole scene and tells nothing apart: tails that a sentence may end in.

A tail names what is drawn (weather, trees, walls, lanes), or says what is not ("with no fence
nearby"), or which colour the thing does not have.
"""

from __future__ import annotations

import random

from evaluation.scenes.relations import gap
from evaluation.scenes.rich.strangers import MASSES, MISSING, NOT_THAT, STRANGERS
from evaluation.scenes.rich.text import Text, choose, fill
from evaluation.scenes.rich.tones import STRANGE_TONES, TONES
from evaluation.scenes.scene import Building, Scene, SceneObject

# At least so many of these categories.
_COMPANY = (
    ("vehicles", ("vehicle",), 3),
    ("people", ("people", "rider"), 3),
    ("signs", ("traffic-sign",), 3),
    ("lights", ("traffic-light",), 2),
    ("cones", ("warning-cone",), 2),
    ("bicycles", ("bicycle",), 2),
)
_CROWD, _CROWD_PX = 4, 130.0  # so many others as near as that
_TREES, _LAMPS = 4, 2  # from how many on they are spoken of
_WET = 0.3  # how much a road reflects
_SHADOW = 0.25  # how dark shadows must be

TAILS: dict[str, tuple[str, ...]] = {
    "any": ("amidst a busy street scene", "in a busy traffic scene", "in a street scene",
            "in this city scene", "in an urban area", "in an urban environment",
            "in this urban setting", "in the city", "on a city street", "in town",
            "in a bustling street scene", "along the avenue", "in this traffic situation"),
    "crowd": ("surrounded by other objects", "with other objects nearby",
              "with several objects around it", "among a group of objects",
              "in a cluster of objects", "amid numerous other objects",
              "among several other things", "in a crowded spot",
              "with several objects, this one among them"),
    "vehicles": ("with other vehicles nearby", "with several vehicles in the background",
                 "with other vehicles visible in the background", "amidst several vehicles",
                 "with multiple vehicles on the street", "with numerous vehicles around",
                 "among the other vehicles", "with various vehicles in view",
                 "with some traffic on the street", "amid the flow of traffic",
                 "amid vehicles on their way"),
    "people": ("with other people nearby", "with several people in the background",
               "with a group of people in the background", "with pedestrians around",
               "with a crowd of people around", "among other individuals",
               "with some individuals in the background", "with others passing by",
               "with a few people in view"),
    "signs": ("with other traffic signs nearby", "with several signs in the background",
              "with various signs along the street", "with multiple signs in view",
              "among similar signs", "with a series of signs along the road",
              "with additional signs around", "with different signs nearby"),
    "lights": ("with traffic lights along the street", "with other traffic signals in view",
               "with several signal lights nearby"),
    "cones": ("with traffic cones around", "with other cones in view",
              "with striped cones on the ground"),
    "bicycles": ("with bicycles in view", "with several bikes around"),
    "trees": ("with trees in the background", "with green foliage in the background",
              "with some greenery in the background", "with a row of trees in the background",
              "with trees lining the street", "with several trees in the background",
              "with green trees visible in the background", "with a leafy tree in the background",
              "with the branches of trees in the background",
              "with trees and buildings in the background", "with tree trunks in the background",
              "with lush vegetation behind", "with dense foliage in the background",
              "with leaves above", "against a backdrop of trees", "with treetops behind",
              "with bushy trees along the street", "on a tree-lined street",
              "with the canopy of a tree in the background", "with plants in the background",
              "with a cluster of trees behind", "with shady trees alongside",
              "surrounded by greenery", "with branches and leaves in the background",
              "with a tree trunk behind", "where a row of trees stands", "by a wooded area",
              "with trees reaching upwards", "with the sky visible through the branches",
              "with leaves of several colors", "with greenish treetops behind"),
    "buildings": ("with buildings in the background", "with a building in the background",
                  "against a backdrop of buildings", "with tall buildings behind",
                  "with gray buildings in the background", "with several buildings visible",
                  "with the windows of a building visible in the background",
                  "with large structures in the background",
                  "with the walls of buildings in the background",
                  "with the facade of a building in the background",
                  "with a multi-story building in the background", "with flat roofs behind",
                  "with rows of windows in the background", "with the skyline on the horizon",
                  "against a wall with windows", "with houses in the background",
                  "with a structure in the background", "with rectangular windows behind",
                  "with rooftops in the distance", "with several storeys of windows behind",
                  "with the exterior of a building behind", "with blocks of houses behind",
                  "with the edge of a roof visible", "with residential buildings behind",
                  "with a grid of windows in the background", "with city blocks behind",
                  "with the corner of a building in the background",
                  "with high-rise buildings on the horizon", "with apartment buildings behind",
                  "with modern architecture in the background", "with concrete facades behind",
                  "with glass panes in the background",
                  "with a window in the background", "with the surrounding buildings behind",
                  "with sections of wall behind", "with buildings on either side of the street",
                  "with the sides of houses behind", "with a house in the background",
                  "with a pattern of windows behind", "with textured walls behind"),
    "beige walls": ("with a beige building in the background", "against a beige wall",
                    "with a beige facade behind", "with a light-colored building behind",
                    "with sand-colored walls in the background", "with tan walls behind"),
    "gray walls": ("with a gray wall behind", "with grey buildings behind",
                   "against a gray building", "with grayish facades in the background"),
    "brown walls": ("with a brown building in the background", "with brownish walls behind",
                    "with a brown facade in the background"),
    "lamps": ("on a street with lamps", "on a street lined with lampposts",
              "with a row of streetlights along the road", "with street lamps along the curb",
              "with lamp posts in the background", "with gray light poles along the street",
              "with streetlamps overhead", "with a streetlight in the background",
              "with poles along the sidewalk",
              "with lamps aligned along the street"),
    "lanes": ("on a multi-lane road", "on a wide street", "on a busy road",
              "on a road with lane markings", "on a broad avenue", "on a road with several lanes",
              "on a road with dashed lines", "on asphalt with white lines",
              "with painted markings on the ground",
              "with lighter lines on the asphalt"),
    "zebra": ("on a street with a crosswalk", "with a zebra crossing in view",
              "with the stripes of a pedestrian crossing on the road",
              "with a striped crosswalk across the street", "with a crossing for pedestrians",
              "with a striped pattern on the road"),
    "crossing": ("on a street with an intersection", "with a side street crossing the road",
                 "at a crossroads", "near an intersection", "by a junction",
                 "with a cross street in view", "where two streets meet"),
    "grass": ("with a lawn along the street", "with grass behind the sidewalk",
              "with grassy areas beside the street",
              "with patches of grass beside the path", "with green fields at the side"),
    "plaza": ("with paved squares beside the street", "with stone paving along the street",
              "with a wide plaza at the side", "with tiled ground beside the road"),
    "parking": ("with parking bays along the street", "with marked parking spaces at the side",
                "with a parking lot beside the road"),
    "shadows": ("with shadows on the ground", "with dark shadows below", "casting a shadow",
                "with its shadow on the ground"),
    "rain": ("in the rain", "on a rainy day", "in rainy weather", "in wet weather",
             "while it rains",
             "in the drizzle", "with raindrops falling", "in a downpour", "during a shower"),
    "fog": ("in the fog", "on a foggy day", "in the mist", "in misty weather", "in the haze",
            "in hazy air", "with poor visibility", "in dense fog", "in faint light",
            "with blurred silhouettes of buildings behind"),
    "dusk": ("at dusk", "in the evening", "in dim light", "at twilight", "in the dimly lit street",
             "with lit windows behind", "in the evening light", "at nightfall", "after sunset",
             "with lights coming on"),
    "overcast": ("under a cloudy sky", "on a cloudy day", "under a gray sky",
                 "under an overcast sky",
                 "with clouds above", "on a gloomy day", "in dull weather", "in diffuse light"),
    "clear": ("on a clear day", "in daylight", "in the sun", "on a sunny day", "in bright sunlight",
              "in the sunshine", "under a clear sky", "in fine weather", "under a blue sky",
              "in broad daylight", "in fair weather"),
    "low sun": ("in low sun", "in the glare of the sun", "against the light", "in backlight",
                "in the glaring sun", "with the sun low in the sky", "in the early morning",
                "in blinding light", "with long shadows on the road"),
    "wet": ("on a wet road", "with reflections on the wet asphalt", "on shiny wet asphalt",
            "on the wet street", "with lights mirrored by the road"),
    "night": ("at night", "in the dark", "under the night sky", "after dark", "in the darkness",
              "late in the evening", "by night",
              "on an illuminated street", "in the glow of street lamps", "at night time",
              "with lit windows in the background"),
}  # fmt: skip


def tail(rng: random.Random, scene: Scene, item: SceneObject | None, colour: str | None) -> Text:
    """Something more that is true, with the comma or the space before it.

    Args:
        rng: chooses.
        scene: what it is true of.
        item: what the sentence is about; None when it is about nothing.
        colour: that the thing has, or would have; None leaves colours alone.
    """
    draw = rng.random()
    if draw < 0.14:
        words = _missing(rng)
    elif draw < 0.22 and colour is not None:
        return Text(f", {_not_that(rng, colour)}")
    else:
        words = rng.choice(TAILS[choose(rng, _true_of(scene, item))])
    return Text(f"{rng.choice((' ', ', '))}{words}")


def _missing(rng: random.Random) -> str:
    """ "with no fence nearby": of any scene."""
    template = choose(rng, MISSING)
    if "{a_it}" in template or rng.random() < 0.7:
        it = rng.choice(STRANGERS).text
        return fill(template.replace("{a_it}", "a {it}"), it=it).words
    return fill(template, it=rng.choice(MASSES)).words


def _not_that(rng: random.Random, colour: str) -> str:
    """ "not the blue one": of something red."""
    words = STRANGE_TONES if rng.random() < 0.6 else TONES
    others = [word for word in words if colour not in word.reading.perhaps]
    tone = rng.choices(others, weights=[word.weight for word in others])[0].text
    return fill(choose(rng, NOT_THAT).replace("{a_tone}", "a {tone}"), tone=tone).words


def _true_of(scene: Scene, item: SceneObject | None) -> dict[str, float]:
    """Names of ``TAILS`` that are true of the scene and the object, with weights."""
    walls = set().union(*map(_walls, scene.buildings))
    weights: dict[str, float] = {"any": 1}
    weights |= dict.fromkeys(sorted(walls), 1)
    weights["trees"] = 4 * (len(scene.trees) >= _TREES)
    weights["buildings"] = 4 * bool(scene.buildings)
    weights["lamps"] = len(scene.lamps) >= _LAMPS
    weights["zebra"] = scene.road.zebra_z_m is not None
    weights["crossing"] = scene.road.cross_z_m is not None
    weights[scene.road.verge] = 0.7
    weights[scene.weather.name] = 1.3
    weights["wet"] = scene.conditions is not None and scene.conditions.wet > _WET
    for name, categories, count in _COMPANY:
        weights[name] = 1.2 * (sum(o.category in categories for o in scene.objects) > count)
    if item is not None:
        weights["crowd"] = 2 * (sum(gap(item, o) < _CROWD_PX for o in scene.objects) > _CROWD)
        weights["lanes"] = 2 * (item.zone == "road" and scene.road.lanes >= 3)
        weights["shadows"] = item.on_ground and scene.weather.shadow > _SHADOW
    return {name: weight for name, weight in weights.items() if weight and name in TAILS}


def _walls(block: Building) -> set[str]:
    """What the colour of a wall may surely be called."""
    blue, _, red = block.wall_bgr
    if red - blue < 12:
        return {"gray walls"}
    return {"beige walls"} if red > 165 else {"brown walls"} if red - blue > 28 else set()
