"""The health probes of a vLLM container, all on `/health`: pure."""

from __future__ import annotations

import math
from typing import Any

PORT = 8080
_PERIOD_SECONDS = 5
_TIMEOUT_SECONDS = 5
_PATIENCE = 3
_LEAST_STARTUP_SECONDS = 300


def startup_probe(load_seconds: int) -> dict[str, Any]:
    """Return the probe that holds the other two back until the weights are loaded.

    It allows three times the usual load time and five minutes at least: the first start on a node reads a cold disk
    and compiles kernels. A fixed delay of 180 s was too short for the large model and too long for the small one.

    Args:
        load_seconds: about how long the engine takes from its start to its first answer.
    """
    allowed = max(_PATIENCE * load_seconds, _LEAST_STARTUP_SECONDS)
    return _probe(period=_PERIOD_SECONDS, failures=math.ceil(allowed / _PERIOD_SECONDS))


def readiness_probe() -> dict[str, Any]:
    """Return the probe that takes a pod out of its Service after 15 s without health."""
    return _probe(period=_PERIOD_SECONDS, failures=3)


def liveness_probe() -> dict[str, Any]:
    """Return the probe that restarts the engine after a minute: a restart costs minutes of loading, so it is slow."""
    return _probe(period=10, failures=6)


def _probe(*, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": "/health", "port": PORT, "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": _TIMEOUT_SECONDS,
        "failureThreshold": failures,
    }
