"""Whole sentences: what somebody asks, tells or points out, and how a thing is there."""

from __future__ import annotations

STATES: dict[str, float] = {
          "located": 2, "positioned": 4, "situated": 2, "placed": 0.3, "visible": 0.4, "seen": 0.2,
          "found": 0.15, "shown": 0.1, "clearly visible": 0.2,
          "plainly visible": 0.05, "stationed": 0.05, "easily seen": 0.05,
          "clearly seen": 0.05, "set": 0.05, "pictured": 0.03, "depicted": 0.03,
          "distinctly visible": 0.03, "spotted": 0.03, "currently": 0.1, "standing out": 0.03,
          "prominently positioned": 0.04, "prominently visible": 0.03,
          "individually placed": 0.02}  # fmt: skip
STATES_OF: dict[str, dict[str, float]] = {
    "driving": {"driving": 3, "traveling": 3, "travelling": 2, "moving": 2, "heading along": 0.2,
                "running": 0.2, "rolling": 0.15, "cruising": 0.1, "on the move": 0.1,
                "being driven": 0.1, "in motion": 0.3, "going": 0.1},
    "parked": {"parked": 4, "standing": 2, "stopped": 1, "stationary": 0.4, "at rest": 0.1,
               "left standing": 0.05, "motionless": 0.1, "idle": 0.1, "waiting": 0.2,
               "resting": 0.1, "unattended": 0.05},
    "walking": {"walking": 4, "moving": 1, "strolling": 0.3, "stepping": 0.1, "striding": 0.1,
                "going": 0.1, "heading along": 0.1, "wandering": 0.05, "marching": 0.05,
                "walking along": 0.2, "on the move": 0.05, "passing": 0.1},
    "standing": {"standing": 5, "standing still": 0.3, "waiting": 0.4, "standing upright": 0.2,
                 "motionless": 0.05, "lingering": 0.05, "staying": 0.05, "pausing": 0.05},
    "cycling": {"riding": 2, "cycling": 2, "moving": 1, "pedaling": 0.4, "pedalling": 0.2,
                "biking": 0.2, "traveling": 0.3, "riding along": 0.2, "in motion": 0.1},
    "riding": {"riding": 3, "moving": 1, "traveling": 0.5, "riding along": 0.3, "driving": 1},
    "hidden": {"partially obscured": 3, "partially hidden": 1, "partly obscured": 0.5,
               "partly covered": 0.5, "partially covered": 1, "half hidden": 0.2,
               "partially visible": 1, "partially blocked": 0.3, "partly visible": 0.3},
    "mounted": {"mounted": 3, "fixed": 2, "installed": 2, "attached": 0.3, "affixed": 0.1,
                "fastened": 0.1, "erected": 0.05, "displayed": 0.1, "put up": 0.1, "posted": 0.1,
                "secured": 0.05, "held up": 0.05},
    "hanging": {"hanging": 2, "suspended": 2, "mounted": 2, "hung": 0.2, "dangling": 0.05,
                "hanging down": 0.1},
    "set": {"placed": 2, "standing": 2, "set up": 1, "put down": 0.1, "set down": 0.1,
            "deployed": 0.05, "arranged": 0.05, "resting": 0.1, "sitting": 0.15},
}  # fmt: skip

# What somebody asks for, before "the red car".
ASKED: dict[str, float] = {
    "find": 1, "show me": 0.5, "locate": 0.5, "look for": 0.3, "look at": 0.3, "i mean": 0.3,
    "please find": 0.2, "watch out for": 0.2, "point to": 0.2, "we want": 0.1, "search for": 0.2,
    "spot": 0.15, "identify": 0.2, "detect": 0.2, "select": 0.15, "pick": 0.1, "choose": 0.1,
    "point out": 0.15, "mark": 0.1, "highlight": 0.1, "track": 0.15, "follow": 0.1, "pick out": 0.1,
    "zoom in on": 0.15, "zoom to": 0.1, "focus on": 0.15, "click on": 0.1, "point at": 0.15,
    "draw a box around": 0.15, "put a box around": 0.05, "localize": 0.1, "segment": 0.05,
    "get": 0.05, "give me": 0.15, "i want": 0.1, "i need": 0.1, "i am looking for": 0.15,
    "i'm looking for": 0.1, "we are looking for": 0.1, "help me find": 0.1, "try to find": 0.1,
    "please locate": 0.1, "please show me": 0.1, "can you find": 0.15, "could you find": 0.1,
    "could you please point to": 0.05, "would you show me": 0.05, "tell me where to find": 0.05,
    "let us find": 0.05, "let's look at": 0.05, "now find": 0.1, "next, find": 0.05,
    "check": 0.05, "inspect": 0.04, "examine": 0.03, "keep an eye on": 0.05, "notice": 0.1,
    "observe": 0.05, "consider": 0.05, "take a look at": 0.1, "have a look at": 0.05,
    "see": 0.1, "indicate": 0.05, "ground": 0.05, "hey, find": 0.04, "ok, find": 0.04,
    "just find": 0.05, "simply find": 0.02, "kindly find": 0.02, "return": 0.03,
    "the target is": 0.1, "the object is": 0.3, "it is": 0.3, "this is": 0.2, "here is": 0.15,
    "that is": 0.1, "that's": 0.05, "it's": 0.1, "my target is": 0.05, "what i mean is": 0.08,
    "we see": 0.1, "you can see": 0.1, "you see": 0.05, "you will find": 0.05,
    "i can see": 0.1, "the referred object is": 0.05, "the described object is": 0.05,
    "the object of interest is": 0.05, "the thing to find is": 0.04, "mind": 0.03,
    "attention should go to": 0.02, "pay attention to": 0.08, "beware of": 0.03,
    "the answer is": 0.03, "what we need is": 0.03, "look out for": 0.08,
}  # fmt: skip
# Behind "where is the red car that" they become questions.
QUESTIONS: dict[str, float] = {
    "where is": 0.6, "can you see": 0.3, "do you see": 0.2, "where's": 0.1, "where can i find": 0.1,
    "where do you see": 0.05, "which one is": 0.05, "where exactly is": 0.05,
    "could you spot": 0.04,
    "have you seen": 0.03, "where would i find": 0.03,
}  # fmt: skip


def _asked(said: str, share: float) -> dict[str, float]:
    """Every way to ask for what is ``said``, their weights ``share`` in all."""
    total = sum(ASKED.values()) + sum(QUESTIONS.values())
    asked = {f"{ask} {said}": w * share / total for ask, w in ASKED.items()}
    return asked | {f"{ask} {said}?": w * share / total for ask, w in QUESTIONS.items()}


# {np} with its article as written here; {where}: relations and places.
AFTER_NOUN: dict[str, float] = {
    "the {np} {where}": 8, "a {np} {where}": 2, "{np} {where}": 3, "there is a {np} {where}": 1,
    "the object is a {np} {where}": 1.5, "i see a {np} {where}": 0.3,
    "the {np}, {where}": 0.5, "there's a {np} {where}": 0.2,
    "the object in question is a {np} {where}": 0.2, "we can see a {np} {where}": 0.1,
    "the image shows a {np} {where}": 0.15, "the picture contains a {np} {where}": 0.05,
    "the photo has a {np} {where}": 0.05, "the target: {np} {where}": 0.05,
    **_asked("the {np} {where}", 5.0),
}  # fmt: skip
AFTER_IS: dict[str, float] = {
    "the {np} is {where}": 4, "the {np} is {state} {where}": 10, "the {np} that is {where}": 1.5,
    "the {np} that is {state} {where}": 1.5, "the {np}, which is {state} {where}": 1.5,
    "the {np} which is {where}": 0.8, "the {np} {state} {where}": 3,
    "the {np} can be seen {where}": 1,
    "a {np} {state} {where}": 1.5, "a {np} is {state} {where}": 1, "{np} {state} {where}": 1,
    "there is a {np} {state} {where}": 1, "the object is a {np} {state} {where}": 1.5,
    "the object is a {np}, {state} {where}": 0.5, "{where} there is a {np}": 0.8,
    "{where} is a {np}": 0.6, "the {np} appears {where}": 0.2,
    "{where}, a {np} can be seen": 0.2, "the object is a {np} that is {state} {where}": 0.4,
    "a {np} that is {where}": 0.5, "{where} you can see a {np}": 0.15,
    "{where}, there is a {np}": 0.3, "{where}, you can find a {np}": 0.05,
    "there is a {np} that is {where}": 0.3, "the {np} is the one {where}": 0.2,
    "the {np}, the one {where}": 0.2, "the {np} can be found {where}": 0.15,
    "the {np} is clearly {where}": 0.1, "the {np} is visibly {where}": 0.03,
    "the {np} is currently {where}": 0.2, "the {np} seems to be {where}": 0.1,
    "the {np} appears to be {where}": 0.1, "the {np} stays {where}": 0.05,
    "the {np} remains {where}": 0.05, "the {np} was {where}": 0.05,
    "the {np} has its place {where}": 0.04, "of all, the {np} {where}": 0.04,
    "the {np}, located {where}": 0.2, "a {np}, which is {where}": 0.2,
    "{where} we see a {np}": 0.05, "the {np} can be spotted {where}": 0.05,
    "the {np} may be seen {where}": 0.03, "the {np} is also {where}": 0.03,
    "the {np}, currently {where}": 0.05, "the {np} looks to be {where}": 0.02,
    "the {np} is obviously {where}": 0.02, "the {np} is apparently {where}": 0.02,
    "the {np} must be {where}": 0.02, "the {np} should be {where}": 0.03,
    "the {np} is actually {where}": 0.02, "the {np} is indeed {where}": 0.02,
    "the {np} in question is {where}": 0.05, "the {np} one sees {where}": 0.02,
    **_asked("the {np} that is {where}", 1.0),
    **_asked("the {np} {state} {where}", 1.0),
}  # fmt: skip
ALONE: dict[str, float] = {
    "the {np}": 4, "{np}": 3, "a {np}": 0.6, "the object is the {np}": 0.3,
    "the {np} in the image": 0.5, "the {np} in the picture": 0.3, "the {np} in this scene": 0.2,
    "the only {np}": 0.3, "is there a {np}?": 0.3, "the {np} that you can see": 0.1,
    "this {np}": 0.1, "the single {np}": 0.1, "the sole {np}": 0.03, "the lone {np}": 0.05,
    "a solitary {np}": 0.02, "there is exactly one {np}": 0.05, "there is only one {np}": 0.05,
    "the unique {np}": 0.02, "the {np} shown in the photo": 0.05, "that one {np}": 0.03,
    "there is a {np} somewhere": 0.05, "there is one {np} here": 0.05, "any {np}": 0.03,
    "that {np}": 0.1, "the particular {np}": 0.04, "the specific {np}": 0.04,
    "a certain {np}": 0.03, "the {np} within the frame": 0.03, "the {np} captured here": 0.02,
    "just the {np}": 0.03,
    **_asked("the {np}", 5.0),
}  # fmt: skip
ALONE_RANKED: dict[str, float] = {
    "the {np}": 8,
    "{np}": 2,
    "the {np} in the image": 0.5,
    "that is the {np}": 0.1,
    **_asked("the {np}", 4.5),
}
JOINTS = ("{a} and {b}", "{a} and {b}", "{a}, {b}", "{a}, and {b}", "{a}, also {b}",
          "{a} as well as {b}", "{a} but also {b}")  # fmt: skip
JOINTS_AFTER_IS = ("{a} and is {b}", "{a} and is {state} {b}", "{a}, and it is {b}",
                   "{a} and is also {b}", "{a} while it is {b}")  # fmt: skip
