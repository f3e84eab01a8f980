"""AWQ: the other 4-bit layout, in which the wrong model of the first version came."""

import numpy as np

from . import seeded
from .architectures import Architecture
from .tensors import Tensor, floats_of, tensor_of

GROUP = 128

_PER_WORD = 8


def weights(architecture: Architecture, *, seed: int) -> list[Tensor]:
    """A complete AWQ checkpoint ("gemm" version) with seeded integers, in the order of names.

    A linear layer of (outputs, inputs) has `qweight` I32 (inputs, outputs / 8), `qzeros` I32 (inputs / 128,
    outputs / 8) and `scales` F16 (inputs / 128, outputs); all other tensors are F16.
    """
    plain = {tensor.name: tensor for tensor in seeded.weights(architecture, seed=seed)}
    tensors = [tensor_of(name, "F16", floats_of(plain[name]).astype("<f2")) for name in architecture.others()]
    for layer, (outputs, inputs) in architecture.linears().items():
        groups, words = inputs // GROUP, outputs // _PER_WORD
        for name, shape in ((f"{layer}.qweight", (inputs, words)), (f"{layer}.qzeros", (groups, words))):
            tensors.append(tensor_of(name, "I32", seeded.words(shape, seed=seed, name=name)))
        scales = np.full((groups, outputs), inputs**-0.5 / 8, "<f2")
        tensors.append(tensor_of(f"{layer}.scales", "F16", scales))
    return sorted(tensors, key=lambda tensor: tensor.name)
