"""RefCOCO's layout: a pickle of refs, ``refs(unc).p``, beside the COCO file ``instances.json``.

A pickle is a program: the standard reader runs whatever it names. The one here builds numbers,
texts, lists, tuples and dicts, and refuses everything else before it exists.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sdk.errors import InputError
from train.data import coco
from train.data.entries import (
    Annotation,
    AnnotationSet,
    Check,
    MalformedError,
    collect,
    expression,
    fields,
    identity,
    short,
)


class _PlainUnpickler(pickle.Unpickler):
    """Every object that is not a plain container, number or text needs one of these two."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, _: Any) -> Any:
        raise pickle.UnpicklingError("it refers to objects outside of it")


def load_plain_pickle(path: Path) -> Any:
    """Numbers, texts, lists, tuples and dicts from a pickle; also of Python 2, read as UTF-8.

    Raises InputError for a pickle of anything else, a damaged one, or a file that is none.
    """
    data = path.read_bytes()
    try:
        return _PlainUnpickler(io.BytesIO(data), encoding="utf-8", errors="replace").load()
    except Exception as error:  # damaged pickles raise nearly anything, MemoryError included
        raise InputError(
            f"expected a pickle of plain lists, dicts, numbers and texts in {path}: {error}"
        ) from error


def load_refs(path: Path, split: str | None) -> Sequence[Any]:
    """All refs of a pickle.

    Raises InputError when it cannot be used, or none of them is of the split.
    """
    refs = load_plain_pickle(path)
    if not isinstance(refs, list | tuple):
        raise InputError(f"expected a list of refs in {path}, got {short(refs)}")
    splits = sorted({str(ref.get("split")) for ref in refs if isinstance(ref, dict)})
    if split is not None and split not in splits:
        raise InputError(f"expected one of the splits {', '.join(splits)} of {path}, got {split!r}")
    return refs


def read(path: Path, document: Any, check: Check, split: str | None = None) -> AnnotationSet:
    """One annotation for each sentence of each ref; a problem's entry is an index into the refs.

    Args:
        path: the pickle.
        document: the parsed ``instances.json``.
        check: holds an annotation against its image.
        split: only refs of this split ("train", "val", "testA", ...); all by default.

    Raises InputError when the pickle cannot be used or has no such split.
    """
    refs = load_refs(path, split)
    records = coco.objects(document)

    def parse(ref: Any) -> list[Annotation]:
        if split is not None and isinstance(ref, dict) and ref.get("split") != split:
            return []
        ann_id, sentences = fields(ref, "ann_id", "sentences")
        entry = records.annotations.get(identity(ann_id))
        if entry is None:
            raise MalformedError(f"instances.json has no annotation with the id {short(ann_id)}")
        if ann_id in records.doubtful_annotations:
            raise MalformedError(f"several annotations of instances.json have the id {ann_id}")
        if not isinstance(sentences, list | tuple) or not sentences:
            raise MalformedError(f"expected a list of sentences, got {short(sentences)}")
        spoken = [fields(sentence, "sent_id", "sent") for sentence in sentences]
        return [coco.place(entry, records, expression(text), key) for key, text in spoken]

    return collect(refs, parse, check)
