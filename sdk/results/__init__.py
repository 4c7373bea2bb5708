"""What a search gives back."""

from __future__ import annotations

from sdk.results.grounding import SCHEMA, Candidates, Grounding, Rival, Zoom

__all__ = ["SCHEMA", "Candidates", "Grounding", "Rival", "Zoom"]
