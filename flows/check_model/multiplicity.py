"""Several tests in one verdict: Holm's correction."""

from __future__ import annotations

from collections.abc import Mapping


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p-values so that the chance of any false alarm among them stays below the level each is held to.

    Holm (1979, Scandinavian Journal of Statistics 6:65-70): the smallest is multiplied by how many there are, the next
    by one less, and none falls below the one before it. It needs no independence, and ITL and tokens a second are not
    independent; it is never weaker than Bonferroni's.
    """
    adjusted: dict[str, float] = {}
    running = 0.0
    ordered = sorted(p_values, key=lambda name: (p_values[name], name))
    for index, name in enumerate(ordered):
        running = max(running, min(1.0, p_values[name] * (len(ordered) - index)))
        adjusted[name] = running
    return adjusted
