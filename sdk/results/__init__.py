"""What a search gives back."""

from __future__ import annotations

from sdk.results.grounding import SCHEMA, Candidates, Considered, Grounding, Rival, Zoom

__all__ = ["SCHEMA", "Candidates", "Considered", "Grounding", "Rival", "Zoom"]
