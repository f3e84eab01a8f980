"""Whether a run is quiet enough to be a baseline: pure."""

from __future__ import annotations

from deployments.spec import Gates, SpeedPrimary
from flows.check_model.measurement import Measurement
from flows.check_model.regression import slowness
from flows.check_model.repeats import LEAST_REPEATS, spread


def too_noisy(measurement: Measurement, *, gates: Gates) -> tuple[str, ...]:
    """Name the speeds whose repeats scatter so much that, with this run as baseline, noise would hide a regression.

    A speed is too noisy if the interval of its own mean reaches the margin: then even a quiet run that is worse by the
    margin does not differ significantly from it. Accuracies have no repeats, and are compared answer by answer.

    Args:
        measurement: the run; a speed that was not measured is a failed gate already, and not named here.
        gates: the primaries with their margins, and the significance.

    Returns:
        For each such primary what is known of it, for people.
    """
    found = []
    for primary in gates.primaries:
        if not isinstance(primary, SpeedPrimary):
            continue
        times = [slowness(result, primary) for result in measurement.repeats(primary.concurrency)]
        if len(times) < LEAST_REPEATS or min(times) <= 0:
            continue
        width = spread(times, confidence=1 - gates.significance)
        if width >= primary.margin:
            found.append(f"{primary.name} is known to within {width:.0%} only, where {primary.margin:.0%} would matter")
    return tuple(found)
