"""The small words: articles, verbs, pronouns, and what people begin a request with."""

from __future__ import annotations

from sdk.regions.words.lexicon import words

ARTICLES = words(
    """
    a, an, the, this, that, these, those, its, their, his, her, some, each, any, every, my, our,
    your, both, such
    """
)
ANOTHER = words(
    """
    another, other, others, the other, another similar, similar, same, additional, identical,
    different, second similar, more, remaining, several other, any other, many other
    """
)
# Several; and what a noun with "of" does before another.
NUMBERS = words(
    """
    two, three, four, five, six, seven, eight, nine, ten, several, many, multiple, various,
    numerous, few, a few, a group of, group of, pair of, a pair of, a row of, row of, a line of,
    line of, a number of, a series of, series of, a couple of, a set of, set of, one of, all, a
    crowd of, crowd of, a stack of, stack of, a cluster of, cluster of, lots of, some of, a
    variety of, each of, most of, numbers of, rows of, lines of, groups of, part of, part of a,
    a mix of, a lot of, two of, a large group of, a small group of, a long line of, pieces of,
    piece of, a series, plenty of, a bunch of, bunch of, a backdrop
    of, the backdrop of, a background of, the background of, backdrop of
    """
)
BE = words(
    """
    is, are, was, were, be, been, being, appears, seems, appear, looks like, appears to be,
    seems to be, can be seen, can be, stays, remains, is likely, is seen, is also, be seen,
    looks, appearing, appears as, is possibly
    """
)
WHICH = words("which, that, who, whose, whom, where, what, as well as which")
AND = words("and, or, &, as well as, while, but, plus, and also, and is also, also")
WITH = words(
    """
    with, has, have, having, featuring, features, containing, bearing, carries, consisting of,
    consists of, including, depicting, indicating, indicates, reading, reads, saying, says,
    labeled, marked with, that reads, contains, depicts, made up of, adorned with, decorated
    with, painted with, covered in, along with, bordered by, equipped with, displaying the text,
    composed of
    """
)
WITHOUT = words("without, with no, lacking, not having, has no, that has no")
SHOWING = words(
    """
    showing, displaying, displays, shows, displayed, lit, illuminated in, illuminated with, lit
    in, glowing, emitting, illuminated, lit up, lit up in, signaling, signalling, with an
    illuminated, showing a, display
    """
)
WEARING = words(
    """
    wearing, dressed in, wears, clad in, clothed in, who wears, dressed, is dressed in
    """
)
CARRYING = words(
    """
    holding, carrying, pushing, pulling, using, holds, towing, walking with, carries, dragging,
    transporting, leading
    """
)
NOT = words(
    """
    not, isn't, never, neither, nor, non, except, rather than, aren't, other than
    """
)
# What the picture is called: a place in it is no relation to a thing.
PICTURE = words(
    """
    image, picture, photo, frame, scene, photograph, view, viewer, camera's, screen, shot, us,
    me, you, center of the image, city scene, traffic scene, street scene, viewpoint,
    perspective, driver
    """
)
IT = words("it, them, him, itself, themselves, they, he, she, there, here")
# What stands before a noun phrase and says what is wanted.
ASKING = words(
    """
    there is, there are, there's, find, where is, where's, show me, look at, look for, locate, i
    mean, can you see, do you see, please find, i see, see, this is, it is, it's, watch out for,
    point to, we want, is there, please, that is the, i am looking for, i'm looking for, in
    question, select, detect, track, click on, give me, we see, you can see, where are, show,
    point at, get, identify, search for, ground, which is the, what is, here is, i want, can you
    find, could you find, that's, spot, only, pick, choose, point out, mark, highlight, follow,
    pick out, zoom in on, zoom to, focus on, draw a box around, put a box around, localize, segment,
    i need, we need, we are looking for, help me find, try to find, please locate, please show me,
    could you please point to, would you show me, tell me where to find, let us find, let's look
    at, now find, next, check, inspect, examine, keep an eye on, notice, observe, consider, take a
    look at, have a look at, indicate, hey, ok, just find, simply find, kindly find, return, the
    target is, the target, my target is, what i mean is, you see, you will find, i can see, we can
    see, the referred object is, the described object is, the object of interest is, the thing to
    find is, mind, attention should go to, pay attention to, beware of, the answer is, what we need
    is, look out for, where can i find, where do you see, which one is, where exactly is, could you
    spot, have you seen, where would i find, the image shows, the picture contains, the photo has,
    of all, you can find, one sees
    """
)
# Verbs and adverbs that say how something is there, not what or where.
STATES = words(
    """
    able, ahead, aligned, almost, alone, also, apart, appears, approaching, arranged, attached,
    away, backlit, because, being, bending, bent, blending, blurred, both, brightly, can,
    clearly, closed, closely, coming, contrasting, conversing, could, counting, crossing,
    crossing the, crouching, currently, cycling, diagonally, did, dimly, directly, distinctly,
    do, does, downward, downwards, driven, driving, each other, engaged, entering, exiting,
    extending, extends, facing, facing forward, facing left, facing right, farther, first,
    fixed, forward, forwards, fully, further, going, hanging, hangs, heading, here,
    horizontally, if, immediately, immersed, in color, in colour, in motion, in profile, in
    shape, in sight, in size, in traffic, indicated, installed, its own, jogging, just,
    kneeling, laid, leaning, left-turning, likely, lined, lined up, located, looking, lying,
    making, may, might, mostly, mounted, moving, must, nearly, next, not moving, obscured, of,
    one another, open, oriented, out, painted, parked, partially, partially visible, partly,
    partly visible, passing, perched, placed, pointing, pointing down, pointing left, pointing
    right, pointing straight, pointing to the left, pointing to the right, pointing up,
    positioned, possibly, prominently, quite, resting, ridden, riding, right, running, runs,
    seated, seemingly, seen, set, set up, should, since, sits, sitting, situated, slightly, so,
    somewhat, stand, standing, stands, stationary, stationed, still, stopped, stretching, stuck,
    surrounded, suspended, talking, then, there, to, to be, together, too, traveling,
    travelling, turned, turning, until, upright, upward, upwards, vertically, very, visible,
    visible from, seen from behind, seen from the rear, seen from the back, seen from the front,
    seen from the side, shown from behind, shown from the rear, shown from the back, shown from the
    front, shown from the side, waiting, walking, well, when, will, would
    """
)
# Where something faces is no place.
STATES += words(
    """
    a little, actually, affixed, anywhere, apparently, at rest, being driven, biking, casting a
    shadow, clearly seen, closely, cruising, dangling, deployed, depicted, displayed, easily seen,
    erected, facing away, facing the camera, facing the viewer, facing us, fastened, found, hanging
    down, heading along, held up, hung, idle, in the saddle, indeed, individually, left standing,
    lingering, marching, motionless, obviously, on foot, on the move, on two wheels, oriented
    towards the viewer, pausing, pedaling, pedaling along, pedalling, pictured, plainly, pointing
    away from us, posted, put down, put up, riding along, rolling, secured, seen from head to
    toe, set down, shortly, showing its rear, shown, sideways to us, somewhere, spotted, standing
    out, standing still, standing upright, staying, stepping, striding, strolling, turned sideways,
    unattended, viewed from behind, viewed from the front, viewed from the side, visibly, walking
    along, wandering, with its back to us, with nobody on it
    """
)
# So far away, which no box tells.
STATES += tuple(
    f"{about} {number} {metres} {away}"
    for about in words(
        "about, roughly, around, some, approximately, at a distance of about, at a distance of"
    )
    for number in words(
        """
        ten, fifteen, twenty, thirty, forty, fifty, sixty, seventy, eighty, ninety, a hundred
        """
    )
    for metres in ("meters", "metres")
    for away in ("away", "off", "from the camera", "ahead of us", "ahead", "from us")
)
_TURNED = words("pointing, facing, turned, looking, directed, oriented, bending, curving, heading")
_BY = words(
    "to the, towards the, up and to the, down and to the, diagonally to the, downwards to the"
)
STATES += tuple(
    f"{verb} {by} {side}" for verb in _TURNED for by in _BY for side in ("left", "right")
)
# What describes a noun and is no colour, size or shape: passed over, but understood.
ADJECTIVES = words(
    """
    adjacent, alternating, angled, approaching, arched, arrow-shaped, average, back, bald, bare,
    blurred, blurry, bold, box-like, box-shaped, brick, bright, brightly, broken, bus, busy,
    central, certain, checkered, city, clean, clear, closed, cloudy, cobblestone, colored,
    colorful, coloured, colourful, commercial, concrete, construction, corner, corrugated,
    covered, crossed, crossed-out, crossing, curved, cylindrical, decorative, deep, dense,
    diagonal, digital, dimly, directional, dirty, distant, distinct, distinctive, dome-shaped,
    double, downward, downward-pointing, dry, electric, electrical, elevated, elongated, empty,
    entire, faint, far-off, filled, first-floor, flashing, floral, fluffy, forested, front,
    full, glass, glowing, grassy, grid-like, hanging, hexagonal, high, horizontal, horizontally,
    illuminated, indistinct, inner, l-shaped, leafless, leafy, left-pointing, left-turn,
    leftward, lit, long-haired, long-sleeved, low, lush, main, metal, metallic, middle,
    moderate, modern, mountainous, mounted, moving, multi-lane, multi-story, narrow, nearby,
    new, no, no-entry, no-parking, old, oncoming, one-way, only, opaque, open, opposing,
    opposite, ornate, outdoor, outer, oval, overcast, overhead, own, painted, parked, parking,
    partially, partially obscured, partially visible, particular, patterned, paved, pedestrian,
    pentagonal, plaid, plastic, pointed, power, predominantly, private, prohibition, prominent,
    public, railroad, rainy, rear, reflective, regular, residential, right-pointing, right-turn,
    rightward, road, rocky, safety, school, seated, second-floor, security, shaded,
    shield-shaped, shiny, short-haired, short-sleeved, side, similar, similar-looking,
    similarly, single, single-story, slanted, sleeveless, slightly, sloped, small-scale,
    snow-covered, snowy, solid, specific, speed limit, standing, stationary, steep, stone, stop,
    straight, street, striped, sunny, surrounding, t-shaped, telephone, textured, thick, thin,
    tiled, tilted, tinted, traffic, train, transparent, tree-lined, two-story, two-way, typical,
    u-turn, unlit, unpaved, upward, upward-pointing, urban, utility, vertical, vertically,
    visible, vivid, walking, warning, weathered, wet, white-framed, whole, wide, wooded, wooden,
    written, yield
    """
)
