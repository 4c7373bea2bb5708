"""Procedural driving scenes with small objects and referring expressions.

>>> from evaluation.scenes import expressions, make_scene, render
>>> scene = make_scene(7)
>>> image = render(scene)  # (1080, 1920, 3) uint8 BGR
>>> refs = expressions(scene, seed=7)
"""

from evaluation.scenes.expression import Expression
from evaluation.scenes.expressions import absent, called, expressions, vocabulary
from evaluation.scenes.layout import make_scene
from evaluation.scenes.render import render
from evaluation.scenes.scene import Scene, SceneObject
from evaluation.scenes.writer import Sample, iterate, write

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
