"""The measurements, one module each: ``add_arguments(parser)`` and ``run(args)``.

What each does stands here, in a line, so that a list of them imports none; ``sdk.cli`` runs them. A
module that also has ``PART`` and ``section(figures)`` is part of the report
(``benchmarks.report.parts``), which has them in this order. A new benchmark is its module and its
line here.
"""

ABOUT = "Measure an engine, print a table, write the figures as JSON."
COMMANDS = {
    "latency": "latency of a search on 1920x1080 frames: percentiles, stages, cold start, memory",
    "accuracy": "accuracy on procedural scenes, with sentences shuffled, with absent objects",
    "peers": "other ways to find the object, on the same questions: how fast, how exact",
    "engines": "the same questions to several engines in turn: precisions, models, input sizes",
    "scaling": "cost of a search as expressions, frame size, threads, batch and zoom steps grow",
    "refs": "several expressions on one frame in one call, against a call for each",
    "deadline": "searches under a deadline: how many keep it, how good their answers are",
    "calibration": "do scores say how often answers are right, does the stated risk hold",
    "video": "warm against cold searches on rendered clips: cuts, occlusion, leaving and entering",
    "batch": "many files by one engine or several: frames a second, kills, damaged files",
    "scale": "what a day of a fleet's logs costs, computed from figures that were measured",
    "language": "how far sentences are understood; which true box of a scene they choose",
    "proposals": "where a detector looks: the frame, tiles, where the sentence points",
    "zoo": "train every pipeline in small, ask all the same questions: the table of all of them",
    "fewshot": "a detector taught four kinds by K labels each: what BNRL and CLIP add",
    "serve": "many clients at once against piza serve: times, refusals, errors, memory",
    "kernel": "the crop-and-resize kernel against OpenCV, Pillow, torch, kornia-rs and a copy",
    "threads": "one thread, all, or what is chosen: idle, and beside busy processes",
    "methods": "train a base, adapt it with each of the eight methods, compare them",
    "beam": "accuracy and time of beams: several candidates of the first step followed",
    "plans": "build plans of TensorRT for RTX without a GPU: seconds, bytes, memory, types",
    "gpu": "check and measure the CUDA kernel on this machine's GPU, write the report",
    "all": "run all benchmarks, each in a process of its own, and write the report of them",
    "report": "write the report of a folder of figures: docs/benchmarks.md, plots, README's table",
    "compare": "compare two measurements; exit 1 when the new one is slower, or misses more",
}
