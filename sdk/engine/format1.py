"""Engines of format 1, as they would be in format 2: there was one family, and three networks."""

from __future__ import annotations

from typing import Any

from sdk.json_reader import JsonReader

_SUFFIXES = {"onnxruntime": ".onnx", "onnxruntime-cuda": ".onnx", "tensorrt": ".plan"}


def upgraded(reader: JsonReader) -> dict[str, Any]:
    """What a manifest of format 1 says, in the words of format 2.

    Args:
        reader: over the parsed ``engine.json``.

    Returns:
        JSON values, of which only what had to be understood is checked.

    Raises:
        EngineError: a value that is needed here is missing or makes no sense.
    """
    reader.text("family", choices=("piza",))
    suffix = _SUFFIXES[reader.text("backend", choices=tuple(_SUFFIXES))]
    length = int(reader.number("max_tokens", low=4, high=4096, whole=True))
    height, width = (int(side) for side in reader.numbers("input_hw", 2, 1, 8192))
    prompt = {name: [[1, length], "int32"] for name in ("segment_ids", "position_ids")}
    features = {name: [None, "float32"] for name in ("image_features", "text_features")}
    pixels = {"pixels": [[1, 3, height, width], "float32"]}
    progress = {"progress": [[1], "float32"]}
    answers = {name: [None, "float32"] for name in ("boxes", "scores")}

    def network(name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
        return {"file": f"{name}{suffix}", "inputs": inputs, "outputs": outputs}

    said = reader.mapping("preprocess")
    kept = "name", "family", "backend", "precision", "calibration", "certificate", "checkpoint"
    new = {
        "format": 2,
        "networks": {
            "text": network(
                "text",
                {"input_ids": [[1, length], "int32"], **prompt},
                {"text_features": features["text_features"]},
            ),
            "image": network("image", pixels, {"image_features": features["image_features"]}),
            "ground": network("ground", {**features, **prompt, **progress}, answers),
        },
        "inputs": {"pixels": {**said, "size": reader.raw("input_hw"), "order": "rgb"}},
        "text": {"max_tokens": length},
        "piza": {**reader.mapping("zoom"), "history": "history.npz"},
    }
    optional = {key: reader.mapping(key, optional=True) for key in ("precision_facts", "target")}
    return {key: reader.raw(key) for key in (*kept, "versions", "files")} | optional | new
