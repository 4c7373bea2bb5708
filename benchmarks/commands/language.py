"""``python -m benchmarks language``: how far sentences are understood without a model of language.

Sentences of annotation files: whether the scorer ``words`` finds what they are about. Sentences
about rendered scenes: whether it chooses the right one of the true boxes, all of which it is given.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import options
from evaluation.questions import Case, make_cases
from evaluation.scenes.catalogue import KINDS
from evaluation.seeds import LANGUAGE
from evaluation.tables import JsonFile, share, table
from sdk.errors import InputError
from sdk.options import GRAMMARS, not_negative
from sdk.regions.proposals import Proposals
from sdk.regions.words import Sentence, judge, parse

NOT_JUDGED = "somewhere"  # the relation that says no more than that there is one


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument(
        "annotations", nargs="*", type=Path, metavar="ANNOTATIONS", help="files with sentences"
    )
    parser.add_argument(
        "--sample", type=not_negative, default=0, metavar="N", help="print N and what they mean"
    )
    parser.add_argument(
        "--scenes", type=not_negative, default=0, help="how many rendered scenes (default: none)"
    )
    parser.add_argument(
        "--grammar", choices=GRAMMARS, default="plain", help="of their sentences (default: plain)"
    )
    options.add_seed(parser, LANGUAGE)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Read, judge, print tables, write the JSON."""
    from tqdm import tqdm

    from train.data.annotations import read_annotations

    if not args.annotations and not args.scenes:
        raise InputError("expected a file of annotations, or --scenes N: nothing to measure")
    file = JsonFile(args.json)
    figures: dict[str, Any] = {}
    if args.annotations:
        refs = [each.ref for path in args.annotations for each in read_annotations(path).items]
        if not refs:
            raise InputError(f"expected sentences in {', '.join(map(str, args.annotations))}")
        sentences = [parse(ref) for ref in tqdm(refs, unit="sentence", desc="language")]
        figures |= understood(sentences)
        print("\n".join([*_sampled(sentences, args.sample, args.seed), _understood(figures)]))
    if args.scenes:
        cases = make_cases(args.scenes, args.seed, args.grammar)
        chosen = choose(cases, lambda it: tqdm(it, unit="scene", desc="language"))
        figures["scenes"] = chosen | {"seed": args.seed, "grammar": args.grammar}
        print(_chosen(figures["scenes"]))
    file.write(figures)
    return 0


def understood(sentences: Sequence[Sentence]) -> dict[str, float]:
    """How many sentences there are, and the fractions of them that are understood.

    ``head_noun``: a noun was found that the sentence is about. ``known_kind``: the lexicon has its
    kind, or it is a mere object. ``colour``: a colour of the subject. ``relation``: one to another
    thing that can be judged.
    """
    count = len(sentences)
    found = {
        "head_noun": sum(bool(each.head.noun) for each in sentences),
        "known_kind": sum(each.head.kind is not None for each in sentences),
        "colour": sum(bool(each.head.tones) for each in sentences),
        "relation": sum(_relates(each) for each in sentences),
    }
    return {"count": count} | {name: number / count for name, number in found.items()}


def _relates(sentence: Sentence) -> bool:
    return any(relation.name != NOT_JUDGED for relation in sentence.head.relations)


def choose(
    cases: Sequence[Case], progress: Callable[[Sequence[Case]], Iterable[Case]] = iter
) -> dict[str, Any]:
    """True boxes with their true kinds, judged by a true sentence and by one true of nothing.

    Returns:
        ``count`` of scenes, ``right`` and ``right_relation``: fractions of sentences that choose
        the right box, all and those whose noun phrase alone fits several; ``score`` and
        ``absent_score``: medians of the best box's; ``ranked``: how often a true sentence scores
        higher than one that is true of nothing (area under the ROC curve).
    """
    right, score, absent_score = [], [], []
    for case in progress(cases):
        frame, proposals = case.frame(), true_proposals(case)
        judged = judge(frame, "bgr", proposals, parse(case.ref))
        best = proposals.xyxy[judged.best or 0]
        right.append(bool(np.array_equal(best, np.float32(case.target_xyxy))))
        score.append(judged.scores.max())
        absent_score.append(judge(frame, "bgr", proposals, parse(case.absent_ref)).scores.max())
    needs = [ok for case, ok in zip(cases, right, strict=True) if case.needs_relation]
    higher = np.subtract.outer(score, absent_score)
    return {
        "count": len(cases),
        "right": float(np.mean(right)),
        "right_relation": float(np.mean(needs)) if needs else None,
        "score": float(np.median(score)),
        "absent_score": float(np.median(absent_score)),
        "ranked": float(np.mean(np.where(higher == 0, 0.5, higher > 0))),
    }


def true_proposals(case: Case) -> Proposals:
    """Every object of the scene, as a detector would propose it that makes no mistake."""
    objects, names = case.scene.objects, tuple(KINDS)
    return Proposals(
        np.array([each.xyxy for each in objects], np.float32),
        np.ones(len(objects), np.float32),
        np.array([names.index(each.kind) for each in objects]),
        names,
    )


def _sampled(sentences: Sequence[Sentence], count: int, seed: int) -> list[str]:
    """Sentences chosen by chance with what they were understood to say, to be read by people."""
    lines = []
    chosen = random.Random(seed).sample(sentences, min(count, len(sentences)))
    for number, sentence in enumerate(chosen, 1):
        unknown = ", ".join(sentence.not_understood)
        lines += [f"{number:4} {sentence.ref}", f"     = {sentence.head}"]
        lines += [f"     ? {unknown}"] if unknown else []
    return lines


def _understood(figures: dict[str, Any]) -> str:
    titles = {
        "head_noun": "head noun found",
        "known_kind": "of a known kind",
        "colour": "with a colour of it",
        "relation": "with a relation",
    }
    rows = [[title, share(figures[name])] for name, title in titles.items()]
    return table(("sentences", str(figures["count"])), rows)


def _chosen(figures: dict[str, Any]) -> str:
    titles = {
        "right": "right box of all true ones",
        "right_relation": "  where the relation decides",
        "score": "score of the best box (median)",
        "absent_score": "  of sentences true of nothing",
        "ranked": "true ones score higher (AUROC)",
    }
    rows = [[title, share(figures[name])] for name, title in titles.items()]
    return table((f"{figures['grammar']} sentences", str(figures["count"])), rows)
