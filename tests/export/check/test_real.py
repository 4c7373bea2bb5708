"""The rules against the builder itself: of planted graphs, and of the node tests that onnx makes.

``python tests/export/check/test_real.py`` asks TensorRT for RTX about all of them, each in a
process of its own (ten minutes), and writes its answers to docs/data/check.json, with the table of
the rules.
"""

from __future__ import annotations

import importlib.util
import json
import runpy
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx.shape_inference import infer_shapes

from evaluation.tables import JsonFile
from export.check.checking import check_model
from export.check.operators import TARGETS
from export.check.real import Answer, ask
from export.check.rules import RULES
from export.check.rules.rule import About
from sdk.errors import InputError

HERE = Path(__file__).resolve().parent
STORE = HERE.parents[2] / "docs" / "data" / "check.json"
PAGE = HERE.parents[2] / "docs" / "tensorrt.md"
TARGET = ("SM89",)  # knows the narrowest types but one
EVERY = 90  # every so many graphs are asked about anew
BUILD_RULES = {rule.name for rule in RULES if rule.about is About.BUILD}
ONNX = onnx.__version__
LONGEST = 160  # letters of what the builder said, in the store

Rules = dict[str, frozenset[str]]  # that find something, by graph


@cache
def graphs() -> dict[str, onnx.ModelProto]:
    """The planted ones and onnx's, by name; onnx takes seconds to make them."""
    from onnx.backend.test.loader import load_model_tests

    parsed = runpy.run_path(str(HERE / "conftest.py"))["parsed"]
    traps = runpy.run_path(str(HERE / "test_traps.py"))["TRAPS"]
    clean = runpy.run_path(str(HERE / "test_clean.py"))["CLEAN"]
    planted = {f"clean, {name}": text for name, text in clean.items()}
    planted |= {f"{rule}, {' '.join(text.split())}": text for rule, _, text in traps}
    with warnings.catch_warnings(action="ignore"):
        cases = load_model_tests(kind="node")
    made = {case.name: case.model for case in cases if case.model is not None}
    whole = {name: infer_shapes(parsed(text), data_prop=True) for name, text in planted.items()}
    return whole | made


def findings() -> Rules:
    """What rules find for TensorRT for RTX; graphs that have no opset are none of ours."""
    found = {}
    for name, model in graphs().items():
        try:
            found[name] = frozenset(
                each.rule for each in check_model(model, name, [TARGETS["rtx"]])
            )
        except InputError:
            continue
    return found


def summary(found: Rules, answers: Mapping[str, str]) -> dict[str, Any]:
    """The table (rule x answer); of graphs without a finding how many build, of those where a rule
    about building fires how many do not; and which are the others."""
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    silent, refused = {}, {}
    for name, rules in found.items():
        builds = answers[name] == Answer.BUILDS.value
        for rule in rules or {"none"}:
            table[rule][answers[name]] += 1
        if not rules:
            silent[name] = builds
        elif rules & BUILD_RULES:
            refused[name] = not builds
    wrong = sorted(name for each in (silent, refused) for name, right in each.items() if not right)
    return {
        "no_finding": {"graphs": len(silent), "build": sum(silent.values())},
        "rule_about_building": {"graphs": len(refused), "do_not_build": sum(refused.values())},
        "rules": {rule: dict(sorted(table[rule].items())) for rule in sorted(table)},
        "exceptions": {name: sorted(found[name]) for name in wrong},
    }


def asked(names: list[str], jobs: int = 2) -> Iterator[tuple[str, Answer, str]]:
    """What the builder answers about graphs, each in a process of its own."""
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(jobs) as pool:

        def one(number: int) -> tuple[Answer, str]:
            source = Path(place, f"{number}.onnx")
            onnx.save(graphs()[names[number]], source)
            return ask(source, TARGET)

        for name, (answer, said) in zip(names, pool.map(one, range(len(names))), strict=True):
            yield name, answer, said


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    return json.loads(STORE.read_text(encoding="utf-8"))


def known(stored: dict[str, Any]) -> tuple[Rules, dict[str, str]]:
    """Findings of today, and stored answers, of graphs that both know: other releases of onnx make
    others."""
    found, answers = findings(), dict(stored["answers"])
    names = [name for name in found if name in answers]
    return {name: found[name] for name in names}, {name: answers[name] for name in names}


def test_the_table_is_that_of_these_rules(stored: dict[str, Any]) -> None:
    if stored["onnx"] != ONNX:
        pytest.skip(f"the table is of the graphs of onnx {stored['onnx']}, here is {ONNX}")
    found, answers = known(stored)
    assert answers == dict(stored["answers"])
    assert summary(found, answers) == {key: stored[key] for key in summary(found, answers)}


def test_rules_say_what_the_builder_says(stored: dict[str, Any]) -> None:
    found = summary(*known(stored))
    silent, refused = found["no_finding"], found["rule_about_building"]
    assert silent["graphs"] > 300
    assert refused["graphs"] > 500
    assert silent["build"] >= 0.97 * silent["graphs"]
    assert refused["do_not_build"] >= 0.98 * refused["graphs"]
    for name, rules in found["exceptions"].items():  # it builds against a rule, or it is said why
        assert rules or stored["said"][name]


def test_the_page_tells_it(stored: dict[str, Any]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"{len(stored['answers']):,} graphs" in page
    assert f"TensorRT for RTX {stored['tensorrt_rtx']}" in page
    for told, part in (("no_finding", "build"), ("rule_about_building", "do_not_build")):
        assert f"{stored[told]['graphs']:,} " in page
        assert f" {stored[told][part]:,} " in page


def test_every_rule_about_building_is_borne_out(stored: dict[str, Any]) -> None:
    found, answers = known(stored)
    for rule in BUILD_RULES:
        about = [answers[name] for name, rules in found.items() if rule in rules]
        assert about, rule
        assert about.count(Answer.BUILDS.value) <= 0.1 * len(about), rule


@pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None, reason="tensorrt-rtx is not installed"
)
def test_some_are_asked_again(stored: dict[str, Any]) -> None:
    _, answers = known(stored)
    sample = sorted(answers)[::EVERY]
    assert len(sample) > 15
    assert {name: answer.value for name, answer, _ in asked(sample)} == {
        name: answers[name] for name in sample
    }


def main() -> None:
    """Asks about all graphs and writes the store."""
    from tqdm import tqdm

    from sdk.runtime.tensorrt import import_tensorrt

    answers, said = {}, {}
    names = list(graphs())
    for name, answer, why in tqdm(asked(names), total=len(names), desc="asking the builder"):
        answers[name] = answer.value
        said[name] = " ".join(why.split())
    found = findings()
    table = summary(found, {name: answers[name] for name in found})
    JsonFile(STORE).write(
        {
            "tensorrt_rtx": import_tensorrt("tensorrt-rtx").__version__,
            "onnx": ONNX,
            "target": TARGET[0],
            **table,
            "said": {name: said[name][:LONGEST] for name in table["exceptions"] if said[name]},
            "answers": [[name, answers[name]] for name in found],  # a line each
        }
    )
    print(f"wrote {STORE}")


if __name__ == "__main__":
    main()
