"""The commands of the vehicle side, one module each: ``add_arguments(parser)`` and ``run(args)``.

What each does stands here, in a line, so that a list of them imports none.
``sdk.cli`` runs them.
"""

ABOUT = "Find what a sentence describes; check the installation."
COMMANDS = {
    "locate": "find the object that an expression names in an image",
    "detect": "find everything that a detector was taught in an image",
    "teach": "let CLIP correct a detector's scores of one class more",
    "video": "find what expressions name in a video, a camera, a bag or a folder of images",
    "batch": "find what expressions name in every frame of many files, into Parquet",
    "serve": "answer questions over HTTP, with a page to try them",
    "replay": "ask the question of a bundle again and compare the answers",
    "budget": "tell how far away an object of a size can be for the engine's measured accuracy",
    "doctor": "tell what is installed, what is missing and what to do",
}
