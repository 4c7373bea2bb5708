"""Phrases that relate one thing to another, place it in the picture, rank it among its like."""

from __future__ import annotations

from itertools import product

from sdk.regions.words.lexicon import Words, words

# Followed by a noun phrase: "to the left of the bus". What is "somewhere" is not judged.
RELATIONS: dict[str, Words] = {
    "left of": words(
        """
        to the left of, left of, on the left of, at the left of, on the left side of, at the
        left side of, to the left side of, on the left hand side of, leftwards of, on the
        left-hand side of, to the left-hand side of, left to, to the left from, leftward of, off to
        the left of, over to the left of, somewhere to the left of, a bit to the left of
        """
    ),
    "right of": words(
        """
        to the right of, right of, on the right of, at the right of, to the right from, on the
        right side of, at the right side of, to the right side of, rightwards of, on the right
        hand side of, on the right-hand side of, to the right-hand side of, rightward of, off to
        the right of, over to the right of, somewhere to the right of, a bit to the right of
        """
    ),
    "above": words(
        """
        above, over, higher than, higher up than, up above, atop, overhead of
        """
    ),
    "below": words("below, beneath, under, underneath, lower than, lower down than"),
    "near": words(
        """
        near, near to, close to, close by, next to, right next to, adjacent to, by, not far
        from, in the vicinity of, in proximity to, in close proximity to, around, surrounded by,
        among, amongst, amid, amidst, accompanied by, attached to, closer to, nearby to,
        alongside of, touching, joined by, in the midst of, together with, in the
        company of, in the neighborhood of, neighboring, within reach of, a few steps from, a short
        distance from
        """
    ),
    "beside": words(
        """
        beside, alongside, side by side with, parallel to, to the side of, flanking, on the side
        of, at the side of, abreast of, level with
        """
    ),
    "in front of": words(
        """
        in front of, against, against a backdrop of, against the backdrop of, set against, set
        against a backdrop of, set against the backdrop of, before, in the front of, obscuring,
        partially obscuring, blocking, partially blocking, covering, partially covering,
        partly covering
        """
    ),
    "ahead of": words("ahead of, followed by, leading, further ahead of"),
    "behind": words(
        """
        behind, in back of, further back than, at the back of, to the rear of, following,
        obscured by, partially obscured by, partly obscured by, blocked by, partially blocked
        by, hidden by, partially hidden by, covered by, partially covered by, in the back of,
        from behind, visible through, seen through, partly covered by, partially visible
        through, obstructed by, partially obstructed by, farther back than, partly hidden by,
        partially hidden behind
        """
    ),
    "nearer": words(
        """
        closer than, nearer than, closer to the viewer than, closer to us than, closer to the
        camera than, nearer to the viewer than, nearer to us than, nearer to the camera than,
        less distant than, not as far away as
        """
    ),
    "farther": words(
        """
        farther away than, further away than, beyond, more distant than, farther than, farther
        from the viewer than, further from the viewer than, further than, past, farther from the
        camera than, further from the camera than, farther off than,
        deeper in the scene than, more remote than
        """
    ),
    "closest": words(
        """
        closest to, nearest to, nearest, closest, at the shortest distance from, least distant from
        """
    ),
    "between": words(
        """
        between, in between, flanked by, in the middle between, sandwiched between, wedged
        between, flanked on both sides by, flanked on either side by, squeezed between,
        nestled between, in the space between, in the gap between, somewhere between, framed by,
        enclosed by
        """
    ),
    "on": words(
        """
        on, on top of, inside, within, onto, upon, riding, hanging from, aboard
        """
    ),
    "somewhere": words(
        """
        in, into, from, across, along, towards, toward, off, down, up, as, per, for, about,
        during, outside, outside of, at the end of, on the end of, at, facing, on the surface
        of, through, opposite, across from
        """
    ),
}

# After a noun phrase, how the subject stands to it: "with a bus behind it".
_AFTER: dict[str, Words] = {
    "left of": words(
        """
        to the right of {it}, on {its} right, to {its} right, at {its} right, on {its} right
        side, to {its} right side, on the right side of {it}, on the right of {it}, further to
        {its} right
        """
    ),
    "right of": words(
        """
        to the left of {it}, on {its} left, to {its} left, at {its} left, on {its} left side, to
        {its} left side, on the left side of {it}, on the left of {it}, further to {its} left
        """
    ),
    "above": words(
        """
        below {it}, beneath {it}, underneath {it}, under {it}, directly below {it}, just below
        {it}, to {its} bottom
        """
    ),
    "below": words(
        """
        above {it}, over {it}, directly above {it}, just above {it}, on top of {it}, to {its}
        top
        """
    ),
    "near": words(
        """
        nearby, near {it}, next to {it}, close by, close to {it}, around {it}, by {it}, adjacent
        to {it}, in the vicinity, surrounding {it}, in close proximity, in proximity, nearby it
        """
    ),
    "beside": words(
        """
        beside {it}, at {its} side, by {its} side, alongside {it}, alongside, on {its} side, to
        {its} side, on either side, on both sides, on each side, to either side
        """
    ),
    "in front of": words(
        """
        behind {it}, directly behind {it}, at {its} back, close behind {it}, further behind
        {it}, in back of {it}, slightly behind {it}, behind
        """
    ),
    "behind": words("in front of {it}, directly in front of {it}, at {its} front"),
    "ahead of": words(
        """
        ahead of {it}, ahead, following {it}, further ahead, following behind, further ahead of
        {it}
        """
    ),
}
_PRONOUNS = (("it", "its"), ("them", "their"), ("him", "his"), ("her", "her"))
ATTENDED: dict[str, Words] = {
    name: tuple(
        dict.fromkeys(each.format(it=it, its=its) for each, (it, its) in product(table, _PRONOUNS))
    )
    for name, table in _AFTER.items()
}

# Where in the picture; what follows with "of" says whether it is of the picture.
_SIDES: dict[str, Words] = {
    "left": words(
        """
        left, left side, left part, left half, left-hand side, left hand side, left portion,
        left section, left end, left hand, left third, left-hand part
        """
    ),
    "right": words(
        """
        right, right side, right part, right half, right-hand side, right end, right hand side,
        right portion, right section, right hand, right third, right-hand part
        """
    ),
    "left edge": words(
        "left edge, very left, extreme left, left border, left margin, leftmost edge"
    ),
    "right edge": words(
        "right edge, very right, extreme right, right border, right margin, rightmost edge"
    ),
    "top": words(
        """
        top, upper part, upper half, top part, top edge, upper side, top side, upper section,
        upper portion, top half, upper third
        """
    ),
    "bottom": words(
        """
        bottom, lower part, lower half, bottom part, bottom edge, lower side, lower section,
        lower portion, bottom half, bottom side, lower third
        """
    ),
    "middle": words(
        """
        middle, center, centre, central part, middle part, central area, center part, middle
        section, very center, central portion
        """
    ),
    "edge": words("edge, border, margin, very edge, side edge"),
    "corner": words("corner"),
    "foreground": words("foreground, front, immediate foreground, near foreground"),
    "background": words(
        """
        background, distance, far distance, back, distant background, far background, far end,
        farther background, blurred background
        """
    ),
}
_ROWS = {"top": ("top", "upper"), "bottom": ("bottom", "lower")}
_ENDS = (
    "",
    " corner",
    " part",
    " side",
    " section",
    " area",
    " portion",
    " quarter",
    " quadrant",
    "-hand corner",
)
_CORNERS: dict[str, Words] = {
    f"{row} {column}": tuple(f"{first} {column}{end}" for first, end in product(_ROWS[row], _ENDS))
    for row, column in product(_ROWS, ("left", "right"))
}
_BEFORE = words(
    """
    on the, at the, in the, to the, near the, towards the, toward the, from the, along the,
    close to the, by the, off to the, over on the, around the
    """
)
_ELSEWHERE: dict[str, Words] = {
    "foreground": words(
        """
        close to the viewer, close to us, near the viewer, in front, near us, close to the
        camera, near the camera, up close, in front of us, nearest to the foreground, in front
        of the camera, ahead of us, at close range, not far from us
        """
    ),
    "background": words(
        """
        far away, farther away, further away, further back, farther back, far from the viewer,
        further down the street, further down the road, at a distance, far off, far from the
        camera, far from us, far back, in a distance, from a distance, far in the background,
        further in the background, far ahead, a long way off, way back, far down the road,
        farther down the road, at the far end of the street
        """
    ),
    "left": words("left-side"),
    "right": words("right-side"),
    "top": words("high up in the image, high in the picture"),
    "bottom": words("low down in the image, low in the picture"),
    "middle": words("in the middle, in the center, in the centre, centrally"),
}
PLACES: dict[str, Words] = {
    name: (
        *(f"{before} {side}" for before, side in product(_BEFORE, sides)),
        *_ELSEWHERE.get(name, ()),
    )
    for name, sides in (_SIDES | _CORNERS).items()
}

# Ranks: before the noun, after it, or of several: "the left one of the two cars".
RANKS: dict[str, Words] = {
    "leftmost": words("leftmost, left-most, left most, far left, left, left-hand"),
    "rightmost": words("rightmost, right-most, right most, far right, right, right-hand"),
    "topmost": words("topmost, highest, uppermost, upper, top-most, top most"),
    "lowest": words("lowest, bottommost, lower, bottom-most, lowermost, bottom most"),
    "nearest": words("nearest, closest, nearer, closer, frontmost, foremost, front"),
    "farthest": words(
        """
        farthest, furthest, most distant, farther, further, rearmost, more distant, rear, remotest
        """
    ),
    "largest": words("largest, biggest, tallest, widest, longest"),
    "smallest": words("smallest, tiniest, shortest, littlest, narrowest"),
}
AFTER_RANKED: dict[str, Words] = {
    "leftmost": words(
        """
        furthest to the left, farthest to the left, on the far left, from the left, to the far
        left, most to the left, furthest left, farthest left
        """
    ),
    "rightmost": words(
        """
        furthest to the right, farthest to the right, on the far right, from the right, to the
        far right, most to the right, furthest right, farthest right
        """
    ),
    "nearest": words(
        """
        closest to the viewer, nearest to us, nearest to the viewer, closest to us, closest to
        the camera, nearest to the camera, nearest the camera, nearest us, closest to the
        foreground
        """
    ),
    "farthest": words(
        """
        farthest from the viewer, furthest from the viewer, furthest away, farthest away,
        farthest from us, furthest from us, furthest back, farthest from the camera, furthest
        from the camera, farthest back
        """
    ),
}
_ONE_OF: dict[str, Words] = {
    "leftmost": words("left, leftmost"),
    "rightmost": words("right, rightmost"),
    "nearest": words("closer, nearer, closest, nearest"),
    "farthest": words("farther, more distant, farthest, further, furthest, most distant"),
    "topmost": words("upper, highest, higher, topmost, top"),
    "lowest": words("lower, lowest, bottom, bottommost"),
    "largest": words("larger, largest, bigger, biggest, taller, tallest"),
    "smallest": words("smaller, smallest, shorter, shortest"),
}
_OF = words("of the, one of the, of, one of")
_SEVERAL = words("two, three, four, five, six, pair of, several")
OF_SEVERAL: dict[str, Words] = {
    name: tuple(" ".join(each) for each in product(table, _OF, _SEVERAL))
    for name, table in _ONE_OF.items()
}
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6}

SIZES: dict[str, Words] = {
    "small": words(
        """
        small, little, tiny, smaller, short, mini, miniature, compact, small-sized, shorter
        """
    ),
    "large": words(
        """
        large, big, huge, larger, bigger, tall, taller, giant, long, large-sized, oversized,
        longer, massive
        """
    ),
}

# Shapes of signs, as the kinds call them ("round sign"); of other things they say nothing here.
SHAPES: dict[str, Words] = {
    "round": words(
        """
        round, circular, oval, circle, oval-shaped, circle-shaped, disc-shaped, circular-shaped,
        round-shaped, disk-shaped, spherical, rounded
        """
    ),
    "triangular": words(
        """
        triangular, triangle-shaped, triangular-shaped, triangle, inverted triangular,
        upside-down triangular, three-sided, three-cornered
        """
    ),
    "rectangular": words(
        """
        rectangular, rectangle-shaped, square, square-shaped, rectangle, rectangular-shaped,
        four-sided, four-cornered, oblong, right-angled
        """
    ),
    "diamond": words("diamond, diamond-shaped, rhombus-shaped, rhombus, rhombic"),
    "octagonal": words("octagonal, octagon-shaped, octagon, eight-sided, eight-cornered"),
}

# Clothes, and where on a person they are.
GARMENTS: dict[str, Words] = {
    "upper": words(
        """
        shirt, jacket, top, coat, sweater, hoodie, pullover, vest, t-shirt, tee, blouse, tank
        top, polo, polo shirt, sweatshirt, blazer, cardigan, jersey, tee shirt, parka, scarf,
        windbreaker, long-sleeved shirt, short-sleeved shirt, button-up shirt, safety vest,
        upper garment, jumper, fleece, anorak, long-sleeved top, sleeve, rain jacket
        """
    ),
    "lower": words(
        """
        pants, trousers, shorts, jeans, skirt, leggings, pant, bottoms, bottom, sweatpants,
        lower garment, stockings, slacks
        """
    ),
    "whole": words(
        """
        outfit, clothes, clothing, dress, suit, garment, attire, uniform, raincoat, robe,
        costume, garb, gown, overalls, jumpsuit, poncho
        """
    ),
    "head": words(
        """
        hat, cap, helmet, hair, hood, headscarf, turban, beanie, bonnet, hard hat, headwear
        """
    ),
    "part": words(
        """
        backpack, bag, shoes, boots, shoe, gloves, mask, handbag, belt, glasses, sunglasses,
        sandals, sneakers, socks, apron, tie
        """
    ),
}

# What belongs to a thing and has a colour of its own: "with a red border and a white arrow".
PARTS = words(
    """
    accent, advertisement, area, arm, arrangement, arrow, back, background, backing, band, bar,
    base, basket, beam, beard, bicycle symbol, body, border, bottom, brake light, bumper, cargo,
    casing, center, centre, character, chevron, circle, color, color combination, color pattern,
    color scheme, colour, combination, content, cover, covering, cross, decal, design, detail,
    digit, direction, door, dot, edge, element, emblem, exclamation mark, eye, face, figure,
    frame, front, front light, graphic, grille, hair, half, hand, handle, handlebars, head,
    headlight, hood, housing, hue, icon, image, information, inscription, interior, leg, lens,
    letter, lettering, letters, license, license plate, license plates, light cover, line, logo,
    luggage rack, mark, marking, mouth, number, numbers, outline, p, pane, panel, part, pattern,
    pedestrian symbol, plate, portion, rack, rear, rear end, rear light, restriction, rim, roof,
    roof rack, scheme, seat, section, shade, shape, side, silhouette, skin, slash, spare tire,
    square, stand, sticker, strip, stripe, stripes, surface, symbol, tail lamp, tail light,
    taillight, text, tint, tip, tire, tone, top, triangle, trim, trunk, turn, visor, walking
    figure, wheel, window, windshield, word, writing, x, saddle, tank, fuel tank,
    mudguard, bracket, engine, windscreen, bulb, satchel, strap, pictogram, inscription, tyre, ring,
    foot, leg shield, floor, current collector
    """
)
# Those that shine, or that a light shows.
LAMP_PARTS = words(
    """
    signal, light, lamp, phase, glow, walk signal, walking signal, lens, hand, figure, arrow,
    walking figure, countdown, lights
    """
)
