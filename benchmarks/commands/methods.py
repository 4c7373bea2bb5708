"""``python -m benchmarks methods``: the paper's experiment in small, one base and eight methods.

The base learns what things look like and are called from close-ups, first from phrases, then from
sentences. Each method then adapts it to whole frames, in which the objects are a fifth of that
size and far more of them are alike. Everything is done by this project's own commands, each in a
process of its own; what an interrupted run has finished is kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.budget import add_budget, budget_of, claim, said
from benchmarks.own_process import run_logged
from benchmarks.plots.style import BLUE, LINE, MUTED, RED, blank, check_plot, dress, save
from benchmarks.report.section import Figures, Part, Picture, Section, Table, percent, printed
from evaluation.environment import describe
from evaluation.seeds import METHODS as TEST
from evaluation.seeds import METHODS_TRAINING
from evaluation.tables import JsonFile
from sdk.cores import usable_cores
from sdk.errors import InputError
from sdk.options import not_negative, positive, positive_float

PART = Part(
    quick=(
        *("--base-steps", "1", "--scenes", "2", "--refs-per-scene", "2", "--epochs", "1"),
        *("--batch", "2", "--test-scenes", "2", "--method", "zero-shot", "piza-coop"),
    ),
    engine=False,
    asked_for=True,
)
_SCENES_A_SEED = 1000
_SEEDS = len(TEST) // _SCENES_A_SEED


@dataclass(frozen=True)
class Budget:
    """How much is trained and tested; what each field means is in its metadata."""

    base_steps: int = said(2000, "batches of 18 close-ups that the base is trained on")
    scenes: int = said(400, "scenes that base and methods are trained on")
    refs_per_scene: int = said(6, "sentences about each that the methods see")
    epochs: int = said(4, "how often they see them")
    batch: int = said(12, "samples in a step of a method")
    lr: float = said(1e-3, "learning rate of the methods", positive_float)
    test_scenes: int = said(200, "scenes that are asked about, one sentence each")
    seed: int = said(0, f"of scenes and training, below {_SEEDS}", not_negative)

    def __post_init__(self) -> None:
        if self.seed >= _SEEDS:  # the scenes of others begin there
            raise InputError(f"expected a seed below {_SEEDS}, got {self.seed}")


@dataclass(frozen=True)
class Row:
    """A method, its trainable parameters, its accuracy."""

    method: str
    params: int
    acc50: float
    acc75: float
    macc: float
    first_window: float
    steps: float
    n: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    from train.models.piza.methods import METHODS

    parser.add_argument("--out", type=Path, default=Path("build/methods"), help="run again: resume")
    parser.add_argument("--method", choices=METHODS, nargs="+", default=list(METHODS))
    add_budget(parser, Budget)
    parser.add_argument("--processes", type=positive, default=usable_cores())
    parser.add_argument("--bfloat16", action="store_true", help="mixed precision")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them here (.png, .svg)")


def run(args: argparse.Namespace) -> int:
    """Train, measure, print a table, write the rows."""
    file = JsonFile(args.json)
    budget = budget_of(args, Budget)
    if args.plot is not None:
        check_plot(args.plot)  # not only after an hour of training
    environment = describe()
    experiment = Experiment(args.out, budget, args.processes, args.bfloat16)
    rows = experiment.run(list(dict.fromkeys(args.method)), lambda line: print(line, flush=True))
    figures = {
        "rows": [asdict(row) for row in rows],
        "budget": asdict(budget),
        "environment": environment,
    }
    print(f"\n{printed(section(figures))}")
    file.write(figures)
    if args.plot is not None:
        methods_plot(rows, args.plot)
    return 0


class Experiment:
    """Files of one run below ``folder``; ``processes`` trainings run side by side."""

    def __init__(self, folder: Path, budget: Budget, processes: int, bfloat16: bool) -> None:
        self.folder, self.budget, self.processes = folder, budget, processes
        self.precision = ["--bfloat16"] if bfloat16 else []

    def run(self, methods: Sequence[str], say: Callable[[str], None]) -> list[Row]:
        """All of it; raises BenchmarkError when one of the commands fails."""
        claim(self.folder, asdict(self.budget), "a run with other settings")
        for name, seed, scenes, refs in (
            ("train", METHODS_TRAINING, self.budget.scenes, self.budget.refs_per_scene),
            ("test", TEST.first, self.budget.test_scenes, 1),
        ):
            say(f"scenes to {name} on: {scenes}")
            self._scenes(name, seed + self.budget.seed * _SCENES_A_SEED, scenes, refs)
        say(f"the base: {self.budget.base_steps} steps")
        self._run(self._base_command(), "base")
        with ThreadPoolExecutor(self.processes) as pool:
            return list(pool.map(lambda method: self._method(method, say), methods))

    def _scenes(self, name: str, seed: int, count: int, refs: int) -> None:
        """Scenes in SOREC's layout, and ``NAME.json``: ``refs`` of the expressions of each."""
        folder, chosen = self.folder / name, self.folder / f"{name}.json"
        command = ["train", "scenes", "--out", str(folder), "--count", str(count)]
        if not (folder / "annotations.json").is_file():
            self._run([*command, "--seed", str(seed)], name)
        by_image: dict[str, list[dict[str, Any]]] = {}
        for entry in json.loads((folder / "annotations.json").read_text()):
            by_image.setdefault(entry["image"], []).append(entry)
        # evenly over the objects, which are listed one after the other
        picked = [
            entries[(2 * k + 1) * len(entries) // (2 * refs)]
            for entries in by_image.values()
            for k in range(min(refs, len(entries)))
        ]
        chosen.write_text(json.dumps(picked) + "\n")

    def _base_command(self) -> list[str]:
        import torch

        steps = str(self.budget.base_steps)
        most = min(self.processes, torch.cuda.device_count() or self.processes)
        processes = max(n for n in (1, 2, 3, 6) if n <= most)  # of six scenes a batch
        command = ["torch.distributed.run", "--nproc-per-node", str(processes), "--standalone"]
        command += ["-m"]
        command += ["train", "piza", "--method", "zero-shot", "--close-up"]
        phrases = str(self.budget.base_steps // 2)
        command += ["--steps", steps, "--phrase-steps", phrases, "--phrase-share", "0.2"]
        command += ["--checks", "0", "--threads", "1"]
        command += ["--scenes", str(self.budget.scenes)]
        command += ["--scenes-dir", str(self.folder / "close-ups"), *self.precision]
        command += ["--seed", str(self.budget.seed), "--out", str(self.folder / "base")]
        return command

    def _method(self, method: str, say: Callable[[str], None]) -> Row:
        from train.models.piza.methods import METHODS

        checkpoint, scores = self.folder / method, self.folder / f"{method}.json"
        if METHODS[method].family == "zero-shot":
            checkpoint = self.folder / "base"
        else:
            self._run(self._tune_command(method), method)  # resumes, or finds that all is done
            checkpoint = checkpoint / "last"
        command = ["train", "evaluate", str(checkpoint), "--json", str(scores), "--threads", "1"]
        command += ["--absent", "0"]
        command += ["--annotations", str(self.folder / "test.json")]
        if not scores.is_file():
            self._run(
                [*command, "--images", str(self.folder / "test" / "images")], f"{method}-test"
            )
        row = _row(method, checkpoint, json.loads(scores.read_text())["zoom"])
        say(f"{method}: mAcc {row.macc:.3f}")
        return row

    def _tune_command(self, method: str) -> list[str]:
        command = ["train", "tune", method, "--base", str(self.folder / "base")]
        command += ["--annotations", str(self.folder / "train.json")]
        command += ["--images", str(self.folder / "train" / "images")]
        command += ["--epochs", str(self.budget.epochs), "--lr", str(self.budget.lr)]
        command += ["--batch", str(self.budget.batch), "--clip", "1", "--workers", "0"]
        command += ["--seed", str(self.budget.seed), "--threads", "1", *self.precision]
        return [*command, "-o", str(self.folder / method)]

    def _run(self, command: list[str], name: str) -> None:
        run_logged(command, self.folder / f"{name}.log")


def _row(method: str, checkpoint: Path, scores: dict[str, Any]) -> Row:
    from train.checkpoint import load_checkpoint
    from train.models.piza.methods import trainable

    model, _ = load_checkpoint(checkpoint)
    params = sum(p.numel() for p in trainable(model))
    names = ("acc50", "acc75", "macc", "first_window", "steps", "n")
    return Row(method, params, **{name: scores[name] for name in names})


def section(figures: Figures) -> Section:
    """Each method, and the plot of accuracy over trained parameters."""
    rows = [Row(**row) for row in figures["rows"]]
    head = ("method", "trained / M", "Acc50", "Acc75", "mAcc", "1st window", "steps")
    cells = tuple(
        (
            row.method,
            f"{row.params / 1e6:.3f}",
            *(percent(value) for value in (row.acc50, row.acc75, row.macc, row.first_window)),
            f"{row.steps:.2f}",
        )
        for row in rows
    )
    return Section(
        "The eight methods",
        (
            "One base, adapted by each method on the same rendered scenes for as many steps;"
            f" {rows[0].n} sentences about scenes that nothing was trained on.",
        ),
        (Table(head, cells),),
        (Picture("methods", "The eight methods", partial(methods_plot, rows)),),
    )


def methods_plot(rows: Sequence[Row], path: Path) -> None:
    """mAcc over trainable parameters, each plain method joined to its zooming twin."""
    figure = blank(7.2, 4.2)
    axes = figure.subplots()
    by_name = {row.method: row for row in rows}
    least = min((row.params for row in rows if row.params), default=1)
    place = {row.method: (max(row.params, least / 2) / 1e6, 100 * row.macc) for row in rows}
    for name, (x, y) in place.items():
        twin = f"piza-{name}"
        if twin in by_name:
            axes.annotate(
                "",
                place[twin],
                (x, y),
                arrowprops={"arrowstyle": "-|>", "color": LINE, "lw": 1.5, "shrinkB": 5},
            )
    for name, (x, y) in place.items():
        zooming = name.startswith("piza-")
        paired = zooming or f"piza-{name}" in by_name
        color = RED if zooming else MUTED if paired else BLUE
        axes.scatter(x, y, s=46, color=color, zorder=3)
        right = zooming or not paired  # a plain method and the next one's label would meet
        axes.annotate(
            name,
            (x, y),
            xytext=(7 if right else -7, 5),
            textcoords="offset points",
            ha="left" if right else "right",
            fontsize=9,
            color=color,
        )
    axes.set_xscale("log")
    axes.set_xlabel("trainable parameters in millions (zero-shot: none)")
    axes.set_ylabel("mAcc in %")
    axes.set_ylim(bottom=-1.5)
    axes.margins(x=0.12, y=0.12)
    dress(axes, grid="y")
    save(figure, path)
