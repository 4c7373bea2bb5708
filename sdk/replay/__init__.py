"""Bundles: questions with their frames, their answers and all that it takes to ask them again."""

from __future__ import annotations

from sdk.replay.bundle import Bundle, Options, ask_again, load_bundle, save_bundle

__all__ = ["Bundle", "Options", "ask_again", "load_bundle", "save_bundle"]
