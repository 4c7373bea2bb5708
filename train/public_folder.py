"""A model in transformers' format: a folder of its files or an id of the hub; errors in a line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdk.engine.folder import file_sha256
from sdk.errors import CheckpointError, EngineError, InputError, first_line
from sdk.hub import fetch
from train.models.grounding_dino.pretrained import quiet

CONFIG, PROCESSOR = "config.json", "preprocessor_config.json"
WEIGHTS = "*.safetensors"
_FILES = (CONFIG, PROCESSOR, WEIGHTS, "*.safetensors.index.json")

Triple = tuple[float, float, float]
Statistics = tuple[Triple, Triple]  # mean and deviation of each channel, RGB, in units of 0..255


@dataclass(frozen=True)
class PublicFolder:
    """Where a model lies.

    Attributes:
        path: the folder.
        source: as it was named, a folder or an id of the hub.
        what: it is, in a word, for messages.
    """

    path: Path
    source: str
    what: str

    def model_type(self, known: Sequence[str], otherwise: str) -> str:
        """What transformers calls it.

        Args:
            known: what it may be.
            otherwise: what to do about another one, as the rest of a sentence.

        Raises:
            CheckpointError: it does not say.
            InputError: it is another one.
        """
        try:
            found = self.said(CONFIG)["model_type"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"cannot load the {self.what} {self.path}: expected a {CONFIG} with a model_type"
                f" ({error!r:.100})"
            ) from error
        if found not in known:
            raise InputError(
                f"expected a {self.what} ({', '.join(known)}) in {self.path}, found {found!r};"
                f" {otherwise}"
            )
        return str(found)

    def said(self, name: str) -> Any:
        """What a JSON file of the folder holds; raises OSError and ValueError."""
        return json.loads((self.path / name).read_text(encoding="utf-8"))

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Within it transformers is quiet, and its complaints are CheckpointErrors of one line."""
        try:
            with quiet():
                yield
        except Exception as error:  # transformers' checks share no base of their own
            reason = first_line(error)
            raise CheckpointError(f"cannot load the {self.what} {self.path}: {reason}") from error

    def check_whole(self, found: Mapping[str, Any]) -> None:
        """Looks into transformers' report of what it loaded.

        Raises:
            CheckpointError: learned tensors are missing, or of another shape.
        """
        misshapen = [name for name, *_ in found["mismatched_keys"]]
        missing = sorted({*found["missing_keys"], *misshapen})
        learned = [name for name in missing if not name.endswith("num_batches_tracked")]
        if learned:
            more = f" and {len(learned) - 5} more" if len(learned) > 5 else ""
            raise CheckpointError(
                f"the {self.what} {self.path} is incomplete: {len(learned)} tensors are missing or"
                f" of another shape: {', '.join(learned[:5])}{more}"
            )

    def processing(self, usual: Statistics) -> tuple[Statistics, tuple[int, int] | None]:
        """How the model's own processor makes pixels, and the size that it makes them of.

        Args:
            usual: where it says nothing.

        Raises:
            CheckpointError: its configuration cannot be read.
        """
        if not (self.path / PROCESSOR).is_file():
            return usual, None
        try:
            said = self.said(PROCESSOR)
            rescaled = said.get("do_rescale", True)
            scale = 1 / float(said.get("rescale_factor", 1 / 255)) if rescaled else 1
            mean: tuple[float, ...] = (0.0, 0.0, 0.0)
            std: tuple[float, ...] = (1.0, 1.0, 1.0)
            if said.get("do_normalize", True):
                mean, std = (tuple(map(float, said[key])) for key in ("image_mean", "image_std"))
            if not len(mean) == len(std) == 3:
                raise ValueError("expected three values for three channels")
            size = said.get("size") or {}
            hw = (int(size["height"]), int(size["width"])) if "height" in size else None
        except (
            OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError,
        ) as error:  # fmt: skip
            raise CheckpointError(f"cannot read {self.path / PROCESSOR}: {error!r:.100}") from error
        first, second = (tuple(each * scale for each in values) for values in (mean, std))
        return (first, second), hw  # type: ignore[return-value]

    def provenance(self, also: Sequence[str] = ()) -> dict[str, str]:
        """Where it came from, and one hash over its configuration, weights and ``also``."""
        files = [
            self.path / CONFIG,
            *sorted(self.path.glob(WEIGHTS)),
            *map(self.path.joinpath, also),
        ]
        together = "".join(file_sha256(path) for path in files)
        where = {"file": self.path.name} if Path(self.source).is_dir() else {"id": self.source}
        return where | {"sha256": hashlib.sha256(together.encode()).hexdigest()}


def public_folder(
    source: str, what: str, also: Sequence[str] = (), otherwise: str = ""
) -> PublicFolder:
    """Finds or fetches a model.

    Args:
        source: a folder, or an id of the hub.
        what: it is, in a word.
        also: files besides its configuration, its processor's and its weights.
        otherwise: what could have been named instead, for messages: "an ONNX file, ".

    Raises:
        CheckpointError: there is none.
    """
    folder = Path(source)
    if not folder.is_dir():
        try:
            folder = fetch(source, (*_FILES, *also))
        except EngineError as error:
            raise CheckpointError(
                f"cannot load the {what} {source}: expected {otherwise}a folder in transformers'"
                f" format or a hub id; there is no such file or folder, and {error}"
            ) from error
    return PublicFolder(folder, source, what)
