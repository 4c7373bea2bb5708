"""Procedural driving scenes with small objects and referring expressions.

>>> from train.data.scenes import expressions, make_scene, render
>>> scene = make_scene(7)
>>> image = render(scene)  # (1080, 1920, 3) uint8 BGR
>>> refs = expressions(scene, seed=7)
"""

from train.data.scenes.expression import Expression
from train.data.scenes.expressions import absent, called, expressions, vocabulary
from train.data.scenes.layout import make_scene
from train.data.scenes.render import render
from train.data.scenes.scene import Scene, SceneObject
from train.data.scenes.writer import Sample, iterate, write

__all__ = [
    "Expression",
    "Sample",
    "Scene",
    "SceneObject",
    "absent",
    "called",
    "expressions",
    "iterate",
    "make_scene",
    "render",
    "vocabulary",
    "write",
]
