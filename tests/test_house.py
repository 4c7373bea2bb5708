"""The rules of the house: who may import whom, what an import costs, how small a file may be, what
a function tells those who call it from another package."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("benchmarks", "cpp_ext", "evaluation", "export", "sdk", "train")
TRAINING_STACK = ("torch", "transformers")

# A folder and the packages of ours that it may import, besides itself.
MAY_IMPORT = {
    "cpp_ext": set(),
    "sdk": {"cpp_ext"},
    "evaluation": {"sdk"},
    "train": {"evaluation", "sdk"},
    "export": {"evaluation", "sdk", "train"},
    "benchmarks": {"cpp_ext", "evaluation", "export", "sdk", "train"},
}
WITHOUT_TRAINING_STACK = ("cpp_ext", "evaluation", "sdk")

# A module that one other module alone imports is an idea of its own: it has so many lines, or it
# stands below with the reason.
LEAST_LINES = 60
SMALL = {
    "benchmarks.baselines.engines": "one baseline, as every other has its module",
    "benchmarks.fewshot.agreement": "whether engines are their checkpoints, not how good they are",
    "benchmarks.fewshot.recognition": "what CLIP knows, apart from what it corrects",
    "benchmarks.fewshot.table": "figures over seeds, apart from how they are made",
    "benchmarks.kernel.check": "a baseline that is wrong must not be timed: kept from the timing",
    "benchmarks.zoo.pictures": "pictures need matplotlib, questions do not",
    "evaluation.scenes.rich.words": "all words of the grammar, which its tokenizer is made from",
    "evaluation.scenes.slips": "typing slips know nothing of grammars",
    "export.check.rules.numbers": "one rule a module",
    "sdk.damage": "what damage is, apart from how files are read",
    "sdk.engine.format1": "what earlier versions wrote, apart from what is written now",
    "sdk.regions.subject": "the words of a sentence, apart from what is made of them",
    "sdk.replay.recorder": "writes bundles, which the reader of bundles does not",
    "sdk.runtime.fusions.convolution": "one kind of fusion a module",
    "sdk.video.sources.arrays": "one kind of source a module",
    "train.data.left_out": "what a resumed run must not forget",
    "train.data.sorec": "one layout of annotations a module",
    "train.evaluation.category": "a CLIP judges what is in a box, boxes need none",
    "train.evaluation.photo_questions": "questions about photographs, as evaluation.questions",
    "train.evaluation.quick_scores": "figures to look at while a model trains",
    "train.losses.contrastive": "one loss a module",
    "train.models.backbones.levels": "one backbone a module",
    "train.models.few_shot.decoupling": "a published layer, checked against its source",
    "train.models.few_shot.roi_align": "a published operation, checked against its definition",
    "train.models.grounding_dino.sine": "a published encoding, checked against its source",
    "train.models.piza.prompts": "one method a module",
    "train.trainer.few_shot_task": "one thing that is trained a module",
    "train.trainer.gradients": "what a run did not move",
}


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported_modules(path: Path) -> Iterator[str]:
    """Absolute names of everything that a file imports, anywhere in it."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield ".".join([*base, *([node.module] if node.module else [])])


@pytest.mark.parametrize("package", PACKAGES)
def test_arrows_run_one_way(package: str) -> None:
    forbidden = set(PACKAGES) - MAY_IMPORT[package] - {package}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(package)
        for name in imported_modules(path)
        if name.split(".")[0] in forbidden | {"tests"}
    ]
    assert sources(package)
    assert not wrong


@pytest.mark.parametrize("folder", WITHOUT_TRAINING_STACK)
def test_no_training_stack(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(folder)
        for name in imported_modules(path)
        if name.split(".")[0] in TRAINING_STACK
    ]
    assert sources(folder)
    assert not wrong


def test_scenes_stand_alone() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources("evaluation/scenes")
        for name in imported_modules(path)
        if name.split(".")[0] in PACKAGES
        and not name.startswith(("evaluation.scenes", "evaluation.seeds"))
    ]
    assert sources("evaluation/scenes")
    assert not wrong


def fresh_import(statement: str) -> tuple[float, set[str]]:
    """Seconds that a statement takes of a processor, which others may want too, in a fresh
    interpreter, and the packages it leaves loaded."""
    code = (
        "import sys, time\n"
        "start = time.process_time()\n"
        f"{statement}\n"
        "print(time.process_time() - start)\n"
        "print(*{name.split('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, names = done.stdout.splitlines()
    return float(seconds), set(names.split())


def test_import_sdk_is_quick_and_light() -> None:
    seconds, loaded = zip(*(fresh_import("import sdk") for _ in range(2)), strict=True)
    assert not loaded[0] & set(TRAINING_STACK)
    assert min(seconds) < 0.2  # the first one may have to compile


@pytest.mark.parametrize(
    "statement",
    [
        "import cpp_ext",
        "import evaluation.scenes",
        "from sdk import Grounder",
        "import sdk.__main__, sdk.commands.locate, sdk.runtime.onnxruntime",
        "import sdk.visual.search_picture",
        "import sdk.commands.video, sdk.commands.replay, sdk.commands.budget, sdk.video.stream",
        "import export.commands.check, export.check.checking",
        "import benchmarks.commands.accuracy, evaluation.scoring, benchmarks.demo",
        # What the vehicle computer needs to build its own engines.
        "import export.build, export.prove, export.commands.build_engine",
    ],
)
def test_imports_without_the_training_stack(statement: str) -> None:
    _, loaded = fresh_import(statement)
    assert not loaded & set(TRAINING_STACK)


def module_name(path: Path) -> str:
    """Absolute name of the module in a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def importers() -> dict[str, set[str]]:
    """For every module of ours the modules that import it, or something from it."""
    found: dict[str, set[str]] = {
        module_name(path): set() for package in PACKAGES for path in sources(package)
    }
    for package in PACKAGES:
        for path in sources(package):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
                    names.append(node.module)
                for name in names:
                    if name in found and name != module_name(path):
                        found[name].add(module_name(path))
    return found


def test_a_module_with_one_importer_is_an_idea() -> None:
    scraps = {}
    for name, by in importers().items():
        path = ROOT.joinpath(*name.split(".")).with_suffix(".py")
        found = ".commands." in name or ".families." in name  # by their names
        if len(by) == 1 and path.is_file() and not found:
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines < LEAST_LINES:
                scraps[name] = lines
    assert sorted(scraps) == sorted(SMALL), scraps


# Without an Args section so far.
UNTOLD = {
    "sdk.regions.heads.head.cells_of",
    "sdk.runtime.diagnosis.gpu_findings",
    "sdk.runtime.target.describe_target",
}

Trees = dict[str, ast.Module]  # by the names of the modules


def definition(trees: Trees, module: str, name: str) -> tuple[str, ast.FunctionDef] | None:
    """Full name and source of a function that a module has, be it by importing it."""
    for node in trees[module].body if module in trees else ():
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return f"{module}.{name}", node
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return definition(trees, node.module, alias.name)
    return None


def used_of_others(module: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What a module takes from other packages: their module and the name there."""
    others = set(PACKAGES) - {module.split(".")[0]}
    nodes = list(ast.walk(tree))
    names = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in others:
            yield from ((node.module, alias.name) for alias in node.names)
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    for node in nodes:
        match node:
            case ast.Attribute(value=ast.Name(id=of), attr=name) if of in names:  # of a module?
                yield names[of], name


def told(function: ast.FunctionDef) -> list[str]:
    """The names in the Args section of a docstring."""
    section = re.search(r"^Args:\n((?: {4}.*\n?|\n)*)", ast.get_docstring(function) or "", re.M)
    return re.findall(r"^ {4}(\w+):", section[1], re.M) if section else []


def test_functions_that_other_packages_call_tell_their_arguments() -> None:
    trees = {
        module_name(path): ast.parse(path.read_text(encoding="utf-8"))
        for package in PACKAGES
        for path in sources(package)
    }
    found = {definition(trees, *use) for name in trees for use in used_of_others(name, trees[name])}
    wrong = {}
    for name, function in filter(None, found):
        given = function.args
        names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        if len(names) > 1 and told(function) != names:
            wrong[name] = f"takes {names}, tells of {told(function)}"
    assert len(found) > 100
    assert not [f"{name} {how}" for name, how in sorted(wrong.items()) if name not in UNTOLD]
