"""The commands of training, one module each: ``add_arguments(parser)`` and ``run(args)``.

What each does stands here, in a line, so that a list of them imports none.
``sdk.cli`` runs them.
"""

ABOUT = "Read data or render it, train, import, evaluate, calibrate."
COMMANDS = {
    "init": "write a checkpoint with random weights, to try out a size that is not trained yet",
    "scenes": "write procedural driving scenes with referring expressions",
    "piza": "train piza-tiny from scratch on rendered scenes; run again to resume",
    "near-misses": "what an engine gets wrong, or nearly, on training scenes: to train on again",
    "tune": "fine-tune a base model on annotated photographs; run again to resume",
    "detector": "a small detector (ssd, yolo, detr) from scratch on boxes; run again to resume",
    "clip": "train CLIP, SigLIP or a small CLIP on crops and their sentences; run again to resume",
    "box": "boxes over CLIP's features: a projection, a Q network, a diffusion; resumes",
    "mdetr": "train MDETR on annotated photographs, small from scratch; run again to resume",
    "transvg": "train TransVG on annotated photographs, likewise",
    "risf": "a two-stage detector of base classes, then taught new ones by a few shots each",
    "import": "weights of others (Grounding DINO and PIZA, MDETR, TransVG) as a checkpoint",
    "calibrate": "calibrate the scores of a checkpoint on fresh questions, into its config",
    "calibrate-detector": "the same of a few-shot detector, on labelled images",
    "data": "look at annotations: statistics, entries that cannot be used, a contact sheet",
    "pseudo": "sentences about what a detector finds, in RefCOCO's layout, to train without labels",
    "evaluate": "accuracy of a checkpoint or an engine on annotated photographs",
    "trajectories": "draw sampled zoom trajectories on rendered scenes",
}
