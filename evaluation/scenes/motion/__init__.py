"""Procedural scenes that move: short films with the truth about one sentence.

>>> from evaluation.scenes.motion import make_clip
>>> clip = make_clip(3, "occlusion")
>>> for k, frame in enumerate(clip.frames()):  # (1080, 1920, 3) uint8 BGR
...     clip.time_s(k), clip.truth[k]
"""

from evaluation.scenes.motion.clip import CLIP_KINDS, Clip, make_clip
from evaluation.scenes.motion.truth import Truth

__all__ = ["CLIP_KINDS", "Clip", "Truth", "make_clip"]
