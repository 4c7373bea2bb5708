"""Settings that all tests share."""

from __future__ import annotations

import os

# Two test processes share two cores; a library that starts a thread a core would slow both down.
# Set before numpy, torch or onnxruntime is imported.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from hypothesis import settings  # noqa: E402

# Deterministic, so that a failure in one place is a failure everywhere; no deadline, since the
# first call of a test may compile or load something.
settings.register_profile("project", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("project")
