"""Scenes closer to the road: many frame sizes, lenses, night, rain, low sun, motion, hidden parts.

A seed decides all of it (``conditions``), places the objects as a pinhole camera would see them
(``composition``), and bends their boxes by the lens; the picture (``render``) is drawn before the
lens, then blurred and bent. Boxes are those of whole objects, as if nothing stood before them.
"""

from evaluation.scenes.road.render import render

__all__ = ["render"]
