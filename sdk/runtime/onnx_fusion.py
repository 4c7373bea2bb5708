"""Many small operators as one: what the library of operators in ``cpp_ext`` computes at once.

The files of an engine stay plain ONNX. When a network is loaded, the nodes that make up a
multi-scale deformable sampling, an attention of few, the attention between image and text in both
directions, an adapter, or a layer normalisation with the sum in front of it, are found by their
patterns, as export draws them (``gather_sampler``, ``attend`` and ``fuse`` of
train.models.grounding_dino), with every constant compared; one operator takes their place. So does
another that takes a quarter of the products in the place of a convolution of 3x3. What does not
look exactly so stays as it is, and so does everything where the library was not built.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sdk.kernel import import_kernel
from sdk.runtime.fusions.attention import attentions, two_way_attentions
from sdk.runtime.fusions.convolution import convolutions
from sdk.runtime.fusions.normalisation import adapters, norms
from sdk.runtime.fusions.sampling import samplings
from sdk.runtime.onnx_graph import Graph

DOMAIN = "piza"
# Adapters before the normalisations that they end in.
_KINDS = (samplings, two_way_attentions, attentions, adapters, norms, convolutions)


@cache
def library() -> Path | None:
    """The library of operators; None where it was not built."""
    import_kernel()
    folder = Path(str(import_kernel("cpp_ext._core").__file__)).parent
    return next(iter(sorted(folder.glob("_operators.*"))), None)


def fused(model: bytes) -> bytes | None:
    """A model that needs ``library``.

    Args:
        model: an ``onnx.ModelProto``.

    Returns:
        The model with fewer nodes and the same values; None where there is nothing to fuse.
    """
    if not any(each in model for each in (b"Floor", b"LayerNormalization", b"Relu")):
        return None
    graph = Graph.parse(model)
    found = False
    for find in _KINDS:
        for nodes, operator, inputs in list(find(graph)):
            graph.replace(nodes, DOMAIN, operator, inputs)
            found = True
    return graph.model(DOMAIN) if found else None
