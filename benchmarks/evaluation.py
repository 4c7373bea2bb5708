"""Questions about procedural scenes: true sentences, other scenes' sentences, absent objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchmarks.cases import Case, shuffled
from train.evaluation.scoring import Locator, Row, judged


def evaluate(
    locator: Locator,
    cases: Sequence[Case],
    seed: int,
    progress: Callable[[Sequence[Case]], Iterable[Case]] = iter,
) -> list[Row]:
    """Ask three questions about each case. Each frame is drawn once and dropped again.

    Args:
        locator: who answers.
        cases: what is asked.
        seed: of the permutation of the expressions.
        progress: wraps the cases, to show how far it got.
    """
    others = shuffled([case.ref for case in cases], seed)
    rows = []
    for case, other in zip(progress(cases), others, strict=True):
        answers = locator.locate(case.frame(), [case.ref, other, case.absent_ref])
        rows.append(judged(case.ref, case.target_xyxy, case.needs_relation, *answers))
    return rows
