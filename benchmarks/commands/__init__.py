"""The measurements, one module each: ``add_arguments(parser)`` and ``run(args)``.

What each does stands here, in a line, so that a list of them imports none.
``sdk.cli`` runs them.
"""

ABOUT = "Measure an engine, print a table, write the figures as JSON."
COMMANDS = {
    "accuracy": "accuracy on procedural scenes, with sentences shuffled, with absent objects",
    "all": "run all benchmarks, each in a process of its own, and write the report of them",
    "beam": "accuracy and time of beams: several candidates of the first step followed",
    "calibration": "do scores say how often answers are right, does the stated risk hold",
    "compare": "compare two measurements; exit 1 when the new one is slower, or misses more",
    "deadline": "searches under a deadline: how many keep it, how good their answers are",
    "engines": "the same questions to several engines in turn: precisions, models, input sizes",
    "gpu": "check and measure the CUDA kernel on this machine's GPU, write the report",
    "kernel": "the crop-and-resize kernel against OpenCV, Pillow, torch and a plain copy",
    "latency": "latency of a search on 1920x1080 frames: percentiles, stages, cold start, memory",
    "methods": "train a base, adapt it with each of the eight methods, compare them",
    "peers": "other ways to find the object, on the same questions: how fast, how exact",
    "refs": "several expressions on one frame in one call, against a call for each",
    "report": "write report.html and benchmarks.md of a folder of figures; docs and README's table",
    "scaling": "cost of a search as expressions, frame size, threads, batch and zoom steps grow",
    "video": "warm against cold searches on rendered clips: cuts, occlusion, leaving and entering",
}
