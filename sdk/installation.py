"""What is installed, and whether it works: each package is imported and called, never only listed.

To be imported itself, this needs none of them.
"""

from __future__ import annotations

import importlib
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata, util
from typing import Any

from sdk.errors import PizaError
from sdk.extras import EXTRAS

_OURS = "piza-edge"
_OPTIONAL = ("mcap", "supervision", "onnx", "torch", "transformers", "matplotlib")


@dataclass(frozen=True)
class Finding:
    """One line of a report. ``ok`` is None for what may be absent, or is only worth a look."""

    subject: str
    ok: bool | None
    detail: str


def probe(subject: str, ask: Callable[[], str], advice: str) -> Finding:
    """What ``ask`` says, or what error it ends with, of whatever kind, and what to do about it.

    ``advice`` is for errors that bring none of their own.
    """
    try:
        return Finding(subject, True, ask())
    except KeyboardInterrupt:
        raise
    except PizaError as error:
        return Finding(subject, False, " ".join(str(error).split()))
    except BaseException as error:  # a panic of Rust code is no Exception
        said = textwrap.shorten(str(error), 300, placeholder=" ...")
        if not isinstance(error, ImportError):
            said = f"{type(error).__name__} {said}"
        return Finding(subject, False, f"{said}: {advice}")


def package_findings() -> list[Finding]:
    """The packages that the vehicle side needs, numpy first, then those of the extras."""
    needed: list[Finding] = []
    for each in _NEEDED:
        if needed and not needed[0].ok and each.on_numpy:  # it would print tracebacks of its own
            needed.append(Finding(each.module, False, "not tried: it needs numpy"))
            continue
        again = f"pip install --force-reinstall {each.distributions[0]}"
        needed.append(probe(each.module, each.version, again))
    twice = [_overwritten(each) for each in _NEEDED if len(_installed(each.distributions)) > 1]
    return [*needed, *twice, *map(_optional, _OPTIONAL)]


@dataclass(frozen=True)
class _Needed:
    """A module, the distributions that install it, ours first, and a call that must succeed.

    ``on_numpy``: its compiled part imports numpy.
    """

    module: str
    distributions: tuple[str, ...]
    call: Callable[[Any], bool]
    on_numpy: bool = True

    def version(self) -> str:
        """The version that is really loaded; raises whatever is wrong with it."""
        module = importlib.import_module(self.module)
        if not self.call(module):
            raise ImportError(f"{self.module} can be imported and does not work")
        version = getattr(module, "__version__", None) or metadata.version(self.distributions[0])
        least = _lower_bound(self.distributions[0])
        if _numbers(version) < _numbers(least):
            raise ImportError(f"{self.module} is of version {version}, expected at least {least}")
        return str(version)


def _call_numpy(numpy: Any) -> bool:
    return bool((numpy.eye(3, dtype=numpy.float32) @ numpy.ones(3, numpy.float32)).sum() == 3)


def _call_cv2(cv2: Any) -> bool:
    import numpy as np

    picture = np.full((16, 16, 3), 114, np.uint8)
    files = (cv2.imencode(kind, picture)[1] for kind in (".png", ".jpg"))
    return all(cv2.imdecode(data, cv2.IMREAD_COLOR).shape == picture.shape for data in files)


def _call_tokenizers(tokenizers: Any) -> bool:
    words = importlib.import_module("tokenizers.models").WordLevel({"van": 0}, unk_token="van")
    return bool(tokenizers.Tokenizer(words).encode("van").ids == [0])


def _call_onnxruntime(onnxruntime: Any) -> bool:
    onnxruntime.SessionOptions()
    return "CPUExecutionProvider" in onnxruntime.get_available_providers()


def _call_tqdm(tqdm: Any) -> bool:
    return list(tqdm.tqdm([0], disable=True)) == [0]


def _call_kernel(cpp_ext: Any) -> bool:
    import numpy as np

    frame, window = np.zeros((8, 8, 3), np.uint8), np.array([[0.0, 0.0, 8.0, 8.0]])
    crops = cpp_ext.crop_resize(frame, window, (4, 4), (0.0,) * 3, (1.0,) * 3)
    return bool(crops.shape == (1, 3, 4, 4) and not crops.any())


_NEEDED = (
    _Needed("numpy", ("numpy",), _call_numpy, on_numpy=False),
    _Needed(
        "cv2",
        (
            "opencv-python-headless",
            "opencv-python",
            "opencv-contrib-python",
            "opencv-contrib-python-headless",
        ),
        _call_cv2,
    ),
    _Needed("tokenizers", ("tokenizers",), _call_tokenizers, on_numpy=False),
    _Needed("onnxruntime", ("onnxruntime", "onnxruntime-gpu"), _call_onnxruntime),
    _Needed("tqdm", ("tqdm",), _call_tqdm, on_numpy=False),
    _Needed("cpp_ext", (_OURS,), _call_kernel),
)


def _overwritten(needed: _Needed) -> Finding:
    """A line for distributions that lie in one folder, whichever of them is loaded."""
    them = [f"{name} {metadata.version(name)}" for name in _installed(needed.distributions)]
    names = " ".join(_installed(needed.distributions))
    return Finding(
        needed.module,
        None,
        f"{' and '.join(them)} overwrite each other, and removing one breaks the other: keep one"
        f" (pip uninstall {names}, then pip install the one)",
    )


def _optional(module: str) -> Finding:
    advice = f"pip install 'piza-edge[{EXTRAS[module][0]}]'"
    if not _installed((module,)):
        return Finding(module, None, f"not installed, not needed here: {advice}")
    spec = util.find_spec(module)
    if spec is None or spec.origin is None:  # gone, or a folder without code
        again = f"pip install --force-reinstall {module}"
        return Finding(module, None, f"damaged, not needed here: {again}")
    return Finding(module, None, metadata.version(module))


def _installed(distributions: tuple[str, ...]) -> list[str]:
    return [name for name in distributions if any(metadata.Distribution.discover(name=name))]


def _lower_bound(distribution: str) -> str:
    """What this version of ours asks for at least."""
    wanted = metadata.requires(_OURS) or []
    bounds = (re.match(rf"{distribution}\s*>=\s*([\d.]+)", each) for each in wanted)
    return next((bound[1] for bound in bounds if bound), "0")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
