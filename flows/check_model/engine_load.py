"""What the engine says of its own load in its Prometheus metrics: pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flows.check_model.errors import NoEngineMetricsError

_SAMPLE = re.compile(r"^vllm:(?P<name>[a-z_]+)(?:\{[^}]*\})?\s+(?P<value>\S+)", re.MULTILINE)
_RUNNING, _WAITING, _ANSWERED = "num_requests_running", "num_requests_waiting", "request_success_total"


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """The engine at one moment.

    Attributes:
        running: requests that it works on.
        waiting: requests that wait for their turn.
        answered: requests that it has answered since it started.
    """

    running: int
    waiting: int
    answered: int

    @property
    def idle(self) -> bool:
        """Whether nobody asks it for anything."""
        return self.running == 0 and self.waiting == 0


def read_engine_load(metrics: str, *, url: str) -> EngineLoad:
    """Read vLLM's metrics; engines of one server count together.

    Args:
        metrics: the text of /metrics.
        url: where it was read, for errors.

    Raises:
        NoEngineMetricsError: it is not vLLM's, or of a version with other names.
    """
    sums: dict[str, float] = {}
    for sample in _SAMPLE.finditer(metrics):
        sums[sample["name"]] = sums.get(sample["name"], 0.0) + float(sample["value"])
    missing = [name for name in (_RUNNING, _WAITING) if name not in sums]
    if missing:
        raise NoEngineMetricsError(url=url, missing=missing)
    # The counter appears with the first answer.
    return EngineLoad(int(sums[_RUNNING]), int(sums[_WAITING]), int(sums.get(_ANSWERED, 0)))
