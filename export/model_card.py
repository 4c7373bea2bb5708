"""The model card of an engine or a checkpoint: what its files say of it, for people.

Nothing in a card is measured for it. What nobody has noted is left out, and what only an author can
know (which pictures it was trained on, on whose it is right) is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from export.certificate.report import certificate_lines, precision_lines
from sdk.engine.manifest import Manifest, TensorInfo
from sdk.families import family
from sdk.json_reader import JsonReader
from sdk.runtime.target import target_lines

_DETECTS = "few-shot"  # the family that is not asked sentences
_MOST_SIZES = 1000  # rows of accuracy by size
_PROMISES = {  # by what the threshold guards against
    "absent": "of the expressions that are true of nothing are found",
    "wrong": "of the questions get a wrong answer that counts as found",
}
_ASK = (
    "What it was trained on, and on which pictures it is right, these files do not say: its author"
    " adds it here."
)


def engine_card(manifest: Manifest, folder: Path, repo: str, licence: str | None) -> str:
    """The card of an engine, from its manifest.

    Args:
        manifest: what the engine says.
        folder: the engine, whose files are weighed.
        repo: its id on the hub, for the commands that use it.
        licence: the hub's identifier of a licence; without one the card names none.
    """
    detects = manifest.family == _DETECTS
    facts = {
        "family": f"{manifest.family}: {'; '.join(family(manifest).describe(manifest))}",
        "runs on": f"{manifest.backend} {manifest.precision}",
        "input": ", ".join(
            f"`{name}` {each.hw[1]}x{each.hw[0]} ({each.fit}, {each.order}; mean"
            f" {_numbers(each.mean)}, std {_numbers(each.std)})"
            for name, each in manifest.inputs.items()
        ),
        "sentences": f"up to {manifest.max_tokens} tokens" if manifest.text else "words, no tokens",
        "made from": _pairs(manifest.checkpoint),
        "made with": _pairs(manifest.versions),
        "fingerprint": f"`{manifest.fingerprint}`",
    }
    networks = [
        (
            name,
            f"`{each.file}`",
            f"{(folder / each.file).stat().st_size / 1e6:.1f} MB",
            _tensors(each.inputs),
            _tensors(each.outputs),
        )
        for name, each in manifest.networks.items()
    ]
    about = "finds the classes that it was taught" if detects else "finds what a sentence describes"
    proof = [*precision_lines(manifest), *certificate_lines(manifest)]
    return _page(
        _front_matter(manifest.family, licence, detects),
        f"# {manifest.name}",
        f"An engine of piza-edge: it {about}, in one camera frame. This card was written by `piza"
        f" push` from `engine.json`. {_ASK}",
        "## To use it",
        "With piza-edge and its extra `hub`:",
        _fenced("python", _detecting(repo) if detects else _asking(repo)),
        "Or as a folder:",
        _fenced("sh", _by_hand(repo, manifest.name, detects)),
        "`Grounder` and `Detector` open it only if its certificate passed and every file has the"
        " SHA-256 that `engine.json` names.",
        "## What it is",
        _table(("", ""), [(key, value) for key, value in facts.items() if value]),
        _fenced("", "\n".join(target_lines(manifest.target))) if manifest.target else "",
        "## Networks",
        _table(("network", "file", "size", "inputs", "outputs"), networks),
        "## What its scores mean",
        *_calibration(JsonReader({"calibration": manifest.calibration}, str(folder))),
        "## Certificate",
        "That the engine answers as what it was made from:",
        _fenced("", "\n".join(proof)),
    )


def checkpoint_card(config: dict[str, Any], parameters: int, repo: str, licence: str | None) -> str:
    """The card of a checkpoint, from its configuration.

    Args:
        config: its ``config.json``.
        parameters: how many numbers its weights are.
        repo: its id on the hub, for the commands that use it.
        licence: the hub's identifier of a licence; without one the card names none.
    """
    plain = str | int | float | bool
    facts = {
        "parameters": f"{parameters / 1e6:.1f} million",
        **{key: str(value) for key, value in config.items() if isinstance(value, plain)},
    }
    name = str(config["name"])
    if "input_hw" in config:
        facts["input_hw"] = " x ".join(map(str, config["input_hw"]))
    return _page(
        _front_matter(str(config.get("family", config.get("method", "piza"))), licence, False),
        f"# {name}",
        f"A checkpoint of piza-edge: PyTorch weights, from which engines are made. This card was"
        f" written by `piza push` from `config.json`. {_ASK}",
        "## To use it",
        "With piza-edge and its extras `export` and `hub`:",
        _fenced(
            "sh",
            f"hf download {repo} --local-dir {name}\n"
            f"piza build-engine {name} -o {name}.engine\n"
            f'piza locate frame.jpg "the white van left of the bus" --engine {name}.engine',
        ),
        "## What it is",
        _table(("", ""), list(facts.items())),
        *(
            ["## What its scores mean", *_calibration(JsonReader(config, name))]
            if config.get("calibration")
            else []
        ),
    )


def _front_matter(kind: str, licence: str | None, detects: bool) -> str:
    """What the hub sorts models by."""
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        license=licence,
        library_name="piza-edge",
        pipeline_tag="object-detection" if detects else "zero-shot-object-detection",
        tags=["piza-edge", "referring-expressions", kind],
    )
    return f"---\n{data.to_yaml()}\n---"


def _asking(repo: str) -> str:
    return (
        "from sdk import Grounder\n\n"
        f'with Grounder.from_hub("{repo}") as grounder:  # revision="a commit" to stay\n'
        '    g = grounder.locate(frame, "the white van left of the bus")  # HxWx3 uint8, BGR\n'
        "    print(g.found, g.score, g.xyxy, g.reason)"
    )


def _detecting(repo: str) -> str:
    return (
        "from sdk import Detector\n\n"
        f'with Detector.from_hub("{repo}") as detector:  # revision="a commit" to stay\n'
        "    found = detector.detect(frame)  # HxWx3 uint8, BGR\n"
        "    print(found.xyxy, found.scores)"
    )


def _by_hand(repo: str, name: str, detects: bool) -> str:
    ask = "detect frame.jpg" if detects else 'locate frame.jpg "the white van left of the bus"'
    return (
        f"hf download {repo} --local-dir {name}.engine\n"
        f"piza inspect {name}.engine\n"
        f"piza {ask} --engine {name}.engine --save answer.jpg"
    )


def _calibration(said: JsonReader) -> list[str]:
    """The threshold, the risk it was chosen for, and how often answers are right by size.

    Raises EngineError where one of them makes no sense.
    """
    known = said.mapping("calibration")
    told = [
        f"An object counts as found from a score of"
        f" {said.number('calibration.threshold', 0.0, 1.0):g} on."
    ]
    if known.get("risk"):
        risk = said.part("calibration").part("risk")
        told.append(
            f"It was chosen on {risk.number('n', 0, whole=True):g} questions: with a confidence of"
            f" {risk.number('confidence', 0.0, 1.0):.0%} at most"
            f" {risk.number('stated', 0.0, 1.0):.0%}"
            f" {_PROMISES[risk.text('guard', choices=tuple(_PROMISES))]}, as long as questions are"
            " like those."
        )
    if known.get("source"):
        told.append(f"Questions: {said.text('calibration.source')}.")
    sizes = said.part("calibration").items("by_size", _MOST_SIZES) if known.get("by_size") else []
    rows = [
        (
            f"{each.number('from_px', 0.0):g} to {each.number('to_px', 0.0):g}",
            f"{each.number('n', 0, whole=True):g}",
            f"{each.number('acc50', 0.0, 1.0):.1%}",
        )
        for each in sizes
    ]
    table = [_table(("size of the object, px", "n", "right (IoU >= 0.5)"), rows)] if rows else []
    return [" ".join(told), *table]


def _tensors(tensors: Mapping[str, TensorInfo]) -> str:
    return ", ".join(
        f"`{name}` {each.type} {'open' if each.shape is None else 'x'.join(map(str, each.shape))}"
        for name, each in tensors.items()
    )


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def _numbers(values: Sequence[float]) -> str:
    return "/".join(f"{value:g}" for value in values)


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(_cell(each) for each in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _page(*paragraphs: str) -> str:
    return "\n\n".join(each for each in paragraphs if each) + "\n"
