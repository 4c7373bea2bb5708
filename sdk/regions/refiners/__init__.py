"""Refiners: from a place of the frame to a box, by what an image network sees there."""

from __future__ import annotations

from sdk.json_reader import JsonReader
from sdk.regions.refiners.acting import DQN, Actor, read_actor
from sdk.regions.refiners.correction import Correction, read_correction
from sdk.regions.refiners.refiner import Asked, Refined, Refiner
from sdk.regions.refiners.telling import TELLING, Teller, read_teller

__all__ = [
    "METHODS",
    "Actor",
    "Asked",
    "Correction",
    "Refined",
    "Refiner",
    "Teller",
    "read_correction",
    "read_refiner",
]

METHODS = (*TELLING, DQN)


def read_refiner(reader: JsonReader, networks: tuple[str, ...]) -> Refiner:
    """The refiner that a block of a manifest describes.

    Args:
        reader: that part of the block.
        networks: the names of those that the engine has.

    Raises:
        EngineError: a value is missing or makes no sense.
    """
    method = reader.text("method", choices=METHODS)
    if method == DQN:
        return read_actor(reader, networks)
    return read_teller(reader, method, networks)
