"""From a checkpoint to an engine, one module each: ``add_arguments(parser)`` and ``run(args)``.

What each does stands here, in a line, so that a list of them imports none.
``sdk.cli`` runs them.
"""

ABOUT = "From a checkpoint to a proven engine."
COMMANDS = {
    "onnx": "export a checkpoint to three static-shape ONNX networks (text, image, ground)",
    "build-engine": "build an engine from a checkpoint or a portable folder and prove it equal",
    "check": "judge networks for TensorRT: operators, types, shapes and known traps",
    "verify": "compare an engine with its checkpoint again and write the certificate",
    "inspect": "show what an engine is: networks, sizes, operators, certificate",
    "push": "put an engine or a checkpoint on the Hugging Face hub, with a model card",
    "triton": "write an engine as a model repository of NVIDIA's Triton server",
    "prove": "build, compare and time engines on this machine, and write the report",
}
