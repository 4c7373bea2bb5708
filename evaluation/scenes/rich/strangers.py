"""What a street may hold and no rendered scene does.

Said to be missing ("with no fence nearby") they are true of every scene; said to be there they
make a sentence that is true of nothing. What the lexicon has a noun for is no stranger.
"""

from __future__ import annotations

from evaluation.scenes.rich.lexicon import NOUNS, Reading, Word, plural_of

# What people take for them: kinds of the catalogue.
_TAKEN: dict[str, tuple[str, ...]] = {
    "car, van, pickup, tricycle": ("suv", "taxi", "jeep", "police car", "convertible",
                                   "station wagon", "cab"),
    "truck, van, car, pickup, trailer, tricycle": (
        "tow truck", "ambulance", "fire engine", "excavator", "tractor", "forklift", "bulldozer",
    ),
    "bus, tram, van": ("train", "double-decker bus", "minibus", "locomotive"),
    "motorcycle, bicycle, cyclist, scooter, motorcyclist": ("quad bike", "e-bike", "segway"),
    "person, child": ("police officer", "statue", "mannequin", "construction worker", "soldier",
                      "sculpture"),
    "bicycle": ("stroller", "wheelchair", "shopping cart", "cart", "wheelbarrow"),
    "cone": ("bollard", "barrel", "barricade", "fire hydrant", "barrier", "parking meter",
             "flower pot"),
    "rectangular sign, diamond sign": ("billboard", "poster", "banner", "advertisement", "mural",
                                       "noticeboard"),
    "round sign, stop sign": ("oval sign", "hexagonal sign", "pentagonal sign"),
    "": (
        "bench", "fence", "railing", "guardrail", "trash can", "garbage bin", "dumpster",
        "mailbox", "phone booth", "fountain", "flag", "tent", "umbrella", "parasol", "awning",
        "bridge", "overpass", "tunnel", "gate", "ladder", "staircase", "crane", "scaffolding",
        "palm tree", "hedge", "flower bed", "dog", "cat", "horse", "bird", "airplane", "boat",
        "wooden fence", "wooden bench", "leafless tree", "bare tree", "doorway", "entrance",
        "curved wall", "pillar", "river", "mountain", "hill", "rock", "chair", "table", "crate",
        "cardboard box", "kiosk",
        "church", "gas station", "bus stop", "power line", "utility pole", "clock", "mirror",
        "satellite dish", "air conditioner", "swing", "ball", "kite", "suitcase", "tire",
        "brick wall", "stone wall", "archway", "tower", "warehouse", "toll booth", "bicycle rack",
        "shelter", "vending machine", "shopping bag", "container", "pipe", "beach",
    ),
}  # fmt: skip
_KNOWN = {word.text for word in NOUNS}
STRANGERS: tuple[Word, ...] = tuple(
    Word(noun, Reading(frozenset(), frozenset(taken.split(", "))), 1.0, plural_of(noun))
    for taken, named in _TAKEN.items()
    for noun in named
    if noun not in _KNOWN
)
# Without a plural or an article of their own.
MASSES = ("snow", "graffiti", "construction equipment", "overhead wires",
          "power lines", "shops", "storefronts", "railroad tracks", "market stalls", "flowers",
          "animals",
          "puddles", "stairs", "columns", "balconies",
          "railings", "fences", "cables", "barriers", "benches", "bollards")  # fmt: skip
MISSING = {
    "with no {it} nearby": 3, "with no {it} in sight": 2, "with no {it} around": 1,
    "without any {it} nearby": 1, "without {a_it} nearby": 1, "with no {it} anywhere": 0.5,
    "and there is no {it}": 0.3, "without {a_it} in view": 0.4,
}  # fmt: skip
NOT_THAT = {"not the {tone} one": 3, "rather than the {tone} one": 0.6,
            "and not a {tone} one": 1, "not {a_tone} one": 1}  # fmt: skip
