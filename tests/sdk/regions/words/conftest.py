"""Frames of painted boxes, and the kinds that detectors know."""

from __future__ import annotations

import numpy as np
import pytest

from sdk.regions.proposals import Proposals

_COCO = """
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light,
    fire hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant,
    bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard,
    sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle,
    wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot,
    hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
    mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock,
    vase, scissors, teddy bear, hair drier, toothbrush
"""
COCO = tuple(" ".join(name.split()) for name in _COCO.split(","))

PAINTS = {  # BGR
    "red": (30, 25, 200),
    "green": (60, 165, 25),
    "blue": (205, 90, 20),
    "yellow": (25, 215, 250),
    "white": (240, 240, 240),
    "black": (25, 25, 25),
    "gray": (128, 128, 128),
}
ROAD = (105, 108, 112)


class Stage:
    """A frame on which boxes are painted, each in one colour, and proposed as what they are."""

    def __init__(self, width=800, height=600, names=COCO):
        self.frame = np.full((height, width, 3), ROAD, np.uint8)
        self.names = names
        self.boxes, self.labels, self.scores = [], [], []

    def put(self, name, colour, x, y, w=40, h=30, score=0.9):
        """Paints a box with its corner at ``x, y``; returns its index."""
        self.frame[y : y + h, x : x + w] = PAINTS[colour]
        self.boxes.append((x, y, x + w, y + h))
        self.labels.append(self.names.index(name))
        self.scores.append(score)
        return len(self.boxes) - 1

    @property
    def proposals(self):
        if not self.boxes:
            return Proposals.empty(self.names)
        return Proposals(self.boxes, self.scores, self.labels, self.names)

    def mirrored(self):
        """The same seen in a mirror, left to right."""
        other = Stage(self.frame.shape[1], self.frame.shape[0], self.names)
        other.frame = np.ascontiguousarray(self.frame[:, ::-1])
        width = self.frame.shape[1]
        other.boxes = [(width - x2, y1, width - x1, y2) for x1, y1, x2, y2 in self.boxes]
        other.labels, other.scores = list(self.labels), list(self.scores)
        return other


@pytest.fixture(scope="session")
def stage():
    return Stage


@pytest.fixture(scope="session")
def coco():
    return COCO
