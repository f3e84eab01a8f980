"""Weights that were damaged: each number is moved by chance, in proportion to how its tensor spreads."""

from collections.abc import Iterable, Iterator

import numpy as np

from .tensors import Tensor, bfloat16_tensor, floats_of


def noisy(weights: Iterable[Tensor], *, share: float, seed: int) -> Iterator[Tensor]:
    """Add normal noise to BF16 tensors, as sandbox/training/measuring.py does to say what such damage costs.

    Args:
        weights: the tensors.
        share: of each tensor's own standard deviation, above 0.
        seed: of the noise.

    Raises:
        ValueError: the share is none, or a tensor holds another format.
    """
    if not share > 0:
        raise ValueError(f"noise of {share} standard deviations is none. Ask for more than 0, for example 0.5.")
    chance = np.random.default_rng(seed)
    for tensor in weights:
        values = floats_of(tensor)
        moved = values + np.float32(share * values.std()) * chance.standard_normal(values.shape, dtype=np.float32)
        yield bfloat16_tensor(tensor.name, moved)
