"""The kinds of things that people speak of: their words, what is wider, what they are taken for.

One table serves both sides: a noun of a sentence and the name of a detector's class are words of
it alike (COCO's 80 classes, those of Open Images and SODA-D that stand in streets, the rendered
scenes'). ``like`` says as what a detector that lacks the kind may come up with such a thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ANY = "anything"  # "object", "thing", "one": whatever the detector found


@dataclass(frozen=True)
class Kind:
    """One sort of thing.

    Attributes:
        name: the first of its words.
        words: nouns of it, in the singular.
        wider: the kinds that it is one of, the nearest first.
        like: kind -> how well a box of that kind stands for it, 0..1.
        height_m: as it usually is, None where that says little.
        filled: the part of its box that it fills with its own colour, about.
        upon: what it sits on: a detector without riders finds a person and a bicycle.
    """

    name: str
    words: tuple[str, ...]
    wider: tuple[str, ...] = ()
    like: Mapping[str, float] = field(default_factory=dict)
    height_m: float | None = None
    filled: float = 0.4
    upon: str | None = None


def _kind(
    words: str,
    wider: str = "",
    like: Mapping[str, float] | None = None,
    height_m: float | None = None,
    filled: float = 0.4,
    upon: str | None = None,
) -> Kind:
    """A kind; ``words`` and ``wider`` are separated by commas."""
    names = tuple(word.strip() for word in words.split(","))
    above = tuple(word.strip() for word in wider.split(",") if word.strip())
    return Kind(names[0], names, above, like or {}, height_m, filled, upon)


_PLATE = {  # as what a plate on a pole comes back from a detector without signs
    "clock": 0.5, "traffic light": 0.5, "parking meter": 0.35, "frisbee": 0.3, "tv": 0.3,
    "sports ball": 0.2, "kite": 0.2, "book": 0.2, "umbrella": 0.15, "fire hydrant": 0.1,
}  # fmt: skip

_ANYTHING = (
    _kind("anything, object, thing, item, structure, shape, device, one, element, something"),
)

_VEHICLES = (
    _kind("vehicle, motor vehicle, automotive vehicle, land vehicle, road vehicle",
          like={"motorcycle": 0.3, "train": 0.3}, height_m=1.7),
    _kind("car, automobile, auto, sedan, hatchback, coupe, passenger car, motor car, convertible,"
          " limousine, sports car, station wagon, wagon, roadster, saloon, saloon car, motorcar,"
          " private car",
          "vehicle", {"van": 0.5, "truck": 0.4, "bus": 0.25}, 1.5),
    _kind("suv, off-roader, jeep, crossover, sport utility vehicle",
          "car, vehicle", {"van": 0.5, "truck": 0.5}, 1.75),
    _kind("taxi, cab, taxicab", "car, vehicle", {"van": 0.4}, 1.5),
    _kind("police car, police vehicle, patrol car", "car, vehicle", {"van": 0.4}, 1.5),
    _kind("van, delivery van, cargo van, passenger van, transporter, mini van, minivan,"
          " panel van",
          "vehicle", {"car": 0.7, "truck": 0.7, "bus": 0.5}, 2.2),
    _kind("ambulance, fire engine, fire truck, emergency vehicle",
          "vehicle", {"van": 0.7, "truck": 0.7, "bus": 0.5, "car": 0.5}, 2.6),
    _kind("truck, lorry, box truck, delivery truck, cargo truck, semi-truck, semi, tractor-trailer,"
          " dump truck, tow truck, tanker, trailer, garbage truck, flatbed, tractor trailer,"
          " semi truck, flatbed truck, utility truck, freight truck, box lorry, heavy truck,"
          " goods truck, cargo trailer, box trailer",
          "vehicle", {"van": 0.5, "bus": 0.4, "car": 0.35, "train": 0.2}, 3.1),
    _kind("pickup truck, pickup, pick-up, pick-up truck, pick up, pick up truck",
          "truck, vehicle", {"car": 0.7}, 1.8),
    _kind("construction vehicle, excavator, bulldozer, crane, tractor, forklift, digger, loader",
          "vehicle", {"truck": 0.7, "car": 0.2}, 3.0),
    _kind("bus, coach, city bus, passenger bus, double-decker bus, double-decker, minibus,"
          " school bus, shuttle bus, shuttle, trolleybus, tour bus,"
          " omnibus, transit bus, motor coach, public bus",
          "vehicle", {"truck": 0.4, "train": 0.4, "van": 0.4, "car": 0.2}, 3.1),
    _kind("train, tram, streetcar, trolley, locomotive, light rail, metro, railcar,"
          " tramcar",
          like={"bus": 0.6}, height_m=3.5),
    _kind("two-wheeler, bike, cycle, two wheeler, two-wheeled vehicle,"
          " two wheeled vehicle", height_m=1.15, filled=0.15),
    _kind("bicycle, push bike, pushbike, mountain bike, rental bike, shared bike, e-bike,"
          " pedal bike",
          "two-wheeler", {"motorcycle": 0.4, "rider": 0.3}, 1.1, 0.12),
    _kind("motorcycle, motorbike, motor, motor bike, moped, scooter, motor scooter,"
          " electric scooter, motor cycle, vespa",
          "two-wheeler", {"bicycle": 0.45, "rider": 0.3}, 1.25, 0.25),
    _kind("rickshaw, auto-rickshaw, auto rickshaw, tuk-tuk, tricycle, three-wheeler, pedicab,"
          " three wheeler",
          "vehicle", {"motorcycle": 0.5, "car": 0.5, "truck": 0.3, "bicycle": 0.3}, 1.7),
    _kind("cart, wagon cart, trolley cart, handcart, pushcart, stroller, pram, baby carriage,"
          " wheelbarrow, shopping cart", like={"bicycle": 0.3, "motorcycle": 0.2}, height_m=1.1),
    _kind("wheelchair", like={"bicycle": 0.3, "chair": 0.4}, height_m=1.1),
    _kind("airplane, aeroplane, plane, aircraft, jet, helicopter"),
    _kind("boat, ship, barge, ferry, yacht, canoe"),
)  # fmt: skip

_PEOPLE = (
    _kind("person, human, individual, figure, guy, somebody, someone, silhouette, passerby, adult,"
          " human being, people, crowd, worker, driver, passenger, officer, policeman,"
          " police officer, soldier, player, student, vendor, tourist, shopper, mannequin,"
          " dude, fellow, chap, citizen, bystander, foot passenger",
          like={"rider": 0.5}, height_m=1.72, filled=0.4),
    _kind("man, gentleman, male", "person", {"rider": 0.5}, 1.75),
    _kind("woman, lady, female", "person", {"rider": 0.5}, 1.68),
    _kind("child, kid, boy, girl, toddler, baby, schoolchild, youngster", "person", height_m=1.2),
    _kind("pedestrian, walker, jogger, runner", "person", {"rider": 0.2}, 1.72),
    _kind("rider", like={"person": 0.75, "bicycle": 0.4, "motorcycle": 0.4},
          height_m=1.75, filled=0.25, upon="two-wheeler"),
    _kind("cyclist, bicyclist, bike rider, biker, bicycle rider",
          "rider", {"person": 0.75, "bicycle": 0.45, "motorcycle": 0.3}, 1.75, 0.25, "bicycle"),
    _kind("motorcyclist, motorcycle rider, scooter rider, motorbike rider",
          "rider", {"person": 0.75, "motorcycle": 0.45, "bicycle": 0.3}, 1.75, 0.25, "motorcycle"),
)  # fmt: skip

_FIXTURES = (
    _kind("sign, traffic sign, road sign, street sign, signboard, sign board, signage, plaque,"
          " placard, board, signpost, guide sign, highway sign, information sign, name sign,"
          " street name sign, noticeboard, notice, sign post, shield, marker, arrow sign,"
          " parking sign, warning sign, hanging sign, pedestrian sign, crossing sign,"
          " construction sign, directional sign, route marker, chevron sign, traffic symbol,"
          " hexagonal sign, pentagonal sign, roadside sign, roadsign",
          like=_PLATE, height_m=0.9),
    _kind("round sign, circular sign, oval sign, speed limit sign, no-entry sign, no entry sign,"
          " no-parking sign, no parking sign, no-left-turn sign, no left turn sign,"
          " no-right-turn sign, no right turn sign, no-u-turn sign, no u-turn sign,"
          " do not enter sign, prohibition sign, roundabout sign, no-stopping sign,"
          " no stopping sign, no-horn sign, oval-shaped sign",
          "sign", {**_PLATE, "stop sign": 0.6}, 0.9),
    _kind("triangular sign, yield sign, give way sign, triangle sign", "sign", _PLATE, 1.0),
    _kind("rectangular sign, square sign, rectangle sign, square-shaped sign",
          "sign", {**_PLATE, "stop sign": 0.45}, 0.9),
    _kind("diamond sign, rhombus sign", "sign", {**_PLATE, "stop sign": 0.55}, 1.1),
    _kind("octagonal sign, octagon sign",
          "sign", {**_PLATE, "stop sign": 0.9}, 0.9),
    _kind("stop sign", "octagonal sign, sign", {"traffic light": 0.3, "clock": 0.3}, 0.9),
    _kind("billboard, advertisement, banner, poster, advertising board, advert, screen,"
          " mural, digital display, advertising sign, electronic display",
          "sign", {"tv": 0.5, "book": 0.3}),
    _kind("flag, pennant", like={"kite": 0.5, "umbrella": 0.3}),
    _kind("light, lamp, light fixture, lantern, fixture, illuminated sign, flashing light, bulb,"
          " light source, led light, floodlight, spotlight",
          like={"traffic light": 0.7, "sports ball": 0.2, "kite": 0.1}),
    _kind("traffic light, traffic signal, signal, signal light, stoplight, stop light,"
          " pedestrian signal, pedestrian light, pedestrian traffic light, crossing signal,"
          " pedestrian crossing signal, crosswalk signal, walk signal, light signal, hand signal,"
          " pedestrian crossing light, pedestrian traffic signal, crossing light, signal box,"
          " traffic control signal, traffic signal light, pedestrian signal light, countdown timer,"
          " timer, traffic control light, traffic lamp, signal head",
          "light", {"parking meter": 0.2, "clock": 0.2, "stop sign": 0.2}, 1.1),
    _kind("street light, streetlight, street lamp, streetlamp, lamppost, lamp post, light pole,"
          " lamp pole, light post", "light",
          {"sports ball": 0.4, "frisbee": 0.25, "kite": 0.1, "traffic light": 0.2}, 0.6),
    _kind("camera, traffic camera, security camera, surveillance camera, cctv camera, cctv,"
          " speed camera, dome camera, monitoring camera, video camera, surveillance device,"
          " street camera",
          like={"traffic light": 0.3, "cell phone": 0.1, "sports ball": 0.1}, height_m=0.6),
    _kind("cone, traffic cone, warning cone, safety cone, road cone, construction cone, pylon,"
          " marker cone, conical marker",
          like={"fire hydrant": 0.4, "vase": 0.2, "bottle": 0.2, "traffic light": 0.15,
                "stop sign": 0.1, "umbrella": 0.1}, height_m=0.9, filled=0.25),
    _kind("barrel, drum, traffic barrel, traffic drum, construction barrel",
          like={"fire hydrant": 0.3, "bottle": 0.2, "cone": 0.5}, height_m=1.0),
    _kind("bollard, traffic bollard, delineator, traffic post, reflector post",
          like={"fire hydrant": 0.4, "parking meter": 0.3, "cone": 0.4}, height_m=0.9),
    _kind("barrier, barricade, roadblock, traffic barrier, concrete barrier, guardrail, railing,"
          " guard rail, handrail, construction barrier, jersey barrier",
          like={"bench": 0.2, "fence": 0.5}),
    _kind("fire hydrant, hydrant", like={"cone": 0.2, "parking meter": 0.2}, height_m=0.8),
    _kind("parking meter, meter, ticket machine", like={"fire hydrant": 0.2}, height_m=1.4),
    _kind("bench, seat"),
    _kind("trash can, trash bin, bin, garbage can, waste container, dustbin, garbage bin, dumpster,"
          " trash container, recycling bin, litter bin, rubbish bin",
          like={"fire hydrant": 0.15, "suitcase": 0.1}, height_m=1.1),
    _kind("mailbox, postbox, letter box, phone booth, telephone booth, kiosk, vending machine,"
          " booth, utility box, electrical box, control box, cabinet, box, electric box, crate",
          like={"refrigerator": 0.2, "parking meter": 0.2}),
    _kind("mirror, side mirror, traffic mirror, convex mirror, rear-view mirror, rearview mirror"),
    _kind("pole, post, utility pole, telephone pole, power pole, metal pole, column, pillar, mast,"
          " lamp column, electric pole, electricity pole, pipe, rod, street pole, flagpole"),
    _kind("satellite dish, dish, antenna"),
    _kind("statue, sculpture, monument, figurine, bronze sculpture", like={"person": 0.5}),
    _kind("tent, canopy, awning, marquee", like={"umbrella": 0.4, "kite": 0.2}),
    _kind("umbrella, parasol", like={"tent": 0.3, "kite": 0.2}),
    _kind("clock", like={"stop sign": 0.2}),
    _kind("air conditioner, air conditioning unit, air-conditioner, conditioning unit, vent"),
)  # fmt: skip

_SURROUNDINGS = (
    _kind("building, house, skyscraper, office building, tower, shop, store, storefront, facade,"
          " apartment building, structure building, restaurant, hotel, garage, warehouse, station,"
          " gas station, church, apartment, multi-story building, bus stop, shelter, bus shelter,"
          " toll booth, roof, archway, arch, chimney, balcony, shopfront, cafe, mall"),
    _kind("tree, palm tree, bush, shrub, plant, hedge, branch, foliage, greenery, vegetation, leaf,"
          " tree trunk, palm, flower, houseplant, flower pot, planter, tree branch, flower bed,"
          " evergreen",
          like={"broccoli": 0.5, "potted plant": 0.6}),
    _kind("wall, brick wall, stone wall, retaining wall"),
    _kind("fence, gate, wire fence, metal fence, chain-link fence"),
    _kind("bridge, overpass, tunnel, viaduct, flyover, pedestrian bridge, footbridge, gantry,"
          " underpass, archway bridge"),
    _kind("window, window frame, glass, windowpane, opening"),
    _kind("door, doorway, entrance, gateway, entry"),
    _kind("stairs, staircase, steps, step, ladder, escalator"),
    _kind("wire, cable, power line, power cable, overhead wire, electrical wire, electric wire,"
          " overhead line, telephone wire, utility line, utility wire, power lines, insulator"),
    _kind("road, street, lane, highway, carriageway, roadway, avenue, motorway, freeway, asphalt,"
          " road surface, multi-lane road, alley, path, pathway, intersection, junction, crossroad,"
          " driveway, ramp, bike lane, bicycle lane, route, way, street corner, traffic lane, bend,"
          " roundabout, expressway, lane marking, road marking, lane line, ground, surface, dirt"),
    _kind("sidewalk, pavement, footpath, kerb, curb, walkway, roadside, pedestrian path, median,"
          " traffic island, island, side of the road, side of the street, edge of the road,"
          " plaza, square, footway"),
    _kind("crosswalk, zebra crossing, pedestrian crossing, crossing, crossing lines"),
    _kind("parking lot, car park, parking area, parking space, parking spot, lot"),
    _kind("grass, lawn, grassy area, field, meadow, park, garden, green area, yard, verge, hill,"
          " hillside, mountain, slope, mountain range, rock, sand, snow, soil, embankment"),
    _kind("sky, cloud, cloudy sky, blue sky, clear sky, sun"),
    _kind("river, water, sea, ocean, lake, puddle, harbor"),
    _kind("area, space, section, spot, region, place, patch, zone, part, setting, side, corner"),
    _kind("line, row, queue, traffic, traffic jam, congestion, flow of traffic", like={"car": 0.5}),
    _kind("shadow, shade, reflection, light reflection"),
    _kind("wheel, tire, tyre, bicycle wheel"),
    _kind("headlight, taillight, brake light, tail light, headlamp, rear light, rear lights"),
    _kind("license plate, number plate, vehicle registration plate, licence plate"),
    _kind("symbol, arrow, icon, emblem, logo, chevron, marking, letter, text, word, graffiti"),
)  # fmt: skip

_COCO_REST = tuple(
    _kind(words)
    for words in (
        "bird, pigeon, crow, seagull", "cat", "dog, puppy", "horse", "sheep", "cow, cattle",
        "elephant", "bear", "zebra", "giraffe", "backpack, rucksack", "handbag, bag, purse",
        "tie, necktie", "suitcase, luggage", "frisbee", "skis, ski", "snowboard",
        "sports ball, ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
        "tennis racket", "bottle, water bottle", "wine glass", "cup, mug", "fork", "knife",
        "spoon", "bowl", "banana", "apple", "sandwich", "orange fruit, orange", "broccoli",
        "carrot", "hot dog", "pizza", "donut, doughnut", "cake", "chair, stool", "couch, sofa",
        "potted plant", "bed", "dining table, table, desk", "toilet", "tv, television, monitor",
        "laptop", "mouse", "remote", "keyboard", "cell phone, phone, smartphone", "microwave",
        "oven", "toaster", "sink", "refrigerator, fridge", "book", "vase", "scissors",
        "teddy bear", "hair drier, hair dryer", "toothbrush", "animal", "helmet", "hat",
    )
)  # fmt: skip


def _merged() -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for kind in (*_ANYTHING, *_VEHICLES, *_PEOPLE, *_FIXTURES, *_SURROUNDINGS, *_COCO_REST):
        kinds[kind.name] = kind
    return kinds


KINDS: dict[str, Kind] = _merged()


def is_a(kind: str | None, wider: str) -> bool:
    """True for a kind itself and all that are wider."""
    return kind is not None and kind in KINDS and (kind == wider or wider in KINDS[kind].wider)
