"""The search of an engine, as a model of Triton's Python backend.

``piza triton`` copies this file; the server runs it, with piza-edge installed in its Python and the
engine in the folder ``engine`` beside it. One request is one picture and one sentence or several:

- ``image``: the bytes of a JPEG, PNG, ... file, or ``frame``: ``(h, w, 3)`` uint8, BGR;
- ``ref``: ``(n,)`` sentences;
- gives ``xyxy`` ``(n, 4)`` float32 pixels of the picture, NaN where there is no box, ``score``
  ``(n,)``, ``found`` ``(n,)`` and ``reason`` ``(n,)``, empty where the object was found.

What cannot be used is answered with an error, and the model goes on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from sdk import Grounder, Grounding, PizaError
from sdk.errors import InputError
from sdk.frame import decode_image

_NOWHERE = np.full(4, np.nan, np.float32)


class TritonPythonModel:
    """What the server asks for by this name."""

    def initialize(self, args: dict[str, str]) -> None:
        """Opens the engine. Raises what ``Grounder`` raises, so that the server does not start."""
        said = json.loads(args["model_config"]).get("parameters", {})
        parameters = {key: value["string_value"] for key, value in said.items()}
        threads = parameters.get("threads")
        self.grounder = Grounder(
            Path(args["model_repository"]) / args["model_version"] / "engine",
            allow_unproven=parameters.get("allow_unproven") == "true",
            threads=None if threads is None else int(threads),
        )

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """A response for each request, in their order."""
        return [self._respond(request) for request in requests]

    def finalize(self) -> None:
        """Frees the networks."""
        self.grounder.close()

    def _respond(self, request: Any) -> Any:
        try:
            refs = [_text(each) for each in _tensor(request, "ref").reshape(-1)]
            answers = self.grounder.locate(_frame(request), refs)
        except PizaError as error:
            return pb_utils.InferenceResponse([], pb_utils.TritonError(str(error)))
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor(name, values) for name, values in _columns(answers).items()]
        )


def _columns(answers: Sequence[Grounding]) -> dict[str, Any]:
    """The answers as arrays, a row an answer."""
    boxes = [_NOWHERE if each.xyxy is None else each.xyxy for each in answers]
    return {
        "xyxy": np.array(boxes, np.float32).reshape(-1, 4),
        "score": np.array([each.score for each in answers], np.float32),
        "found": np.array([each.found for each in answers], np.bool_),
        "reason": np.array([(each.reason or "").encode() for each in answers], np.object_),
    }


def _frame(request: Any) -> Any:
    """The picture, whichever of the two inputs has it."""
    image, frame = (_tensor(request, name) for name in ("image", "frame"))
    if (image is None) == (frame is None):
        raise InputError("expected one of the inputs image and frame, got both or neither")
    return frame if image is None else decode_image(image.tobytes(), "the request")


def _tensor(request: Any, name: str) -> Any:
    """An input of a request as an array; None where it was left out."""
    found = pb_utils.get_input_tensor_by_name(request, name)
    return None if found is None else found.as_numpy()


def _text(value: Any) -> str:
    """The server gives texts as bytes."""
    try:
        return value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError as error:
        raise InputError(f"expected a sentence in UTF-8, got {value!r}") from error
