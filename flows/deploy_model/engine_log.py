"""What vLLM says of its memory while it starts: pure.

The lines are those of vLLM 0.8 and later (`gpu_model_runner.py`, `gpu_worker.py`, `kv_cache_utils.py`). A line that a
version words in another way is not found, and the figure is then unknown: never 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_WEIGHTS = re.compile(r"Model loading took ([\d.]+) Gi?B(?: memory)? and ([\d.]+) seconds")
_CACHE_GIB = re.compile(r"Available KV cache memory: ([\d.]+) GiB")
_CACHE_TOKENS = re.compile(r"KV cache size: ([\d,]+) tokens")
_CONCURRENCY = re.compile(r"Maximum concurrency for ([\d,]+) tokens per request: ([\d.]+)x")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineMemory:
    """What an engine reported of itself; None where it said nothing.

    Attributes:
        weights_gib: memory of the weights, in GiB, of one device.
        load_seconds: time of loading them.
        kv_cache_gib: memory of the KV cache, in GiB, of one device.
        kv_cache_tokens: tokens that it holds.
        max_concurrency: sequences of the longest length that it holds.
    """

    weights_gib: float | None = None
    load_seconds: float | None = None
    kv_cache_gib: float | None = None
    kv_cache_tokens: int | None = None
    max_concurrency: float | None = None

    def properties(self) -> dict[str, float | str]:
        """What the registry records, by property name; what is unknown is left out."""
        known = {
            "gpu_memory_weights_gib": self.weights_gib,
            "engine_load_seconds": self.load_seconds,
            "kv_cache_gib": self.kv_cache_gib,
            "kv_cache_tokens": None if self.kv_cache_tokens is None else str(self.kv_cache_tokens),
            "kv_cache_full_sequences": self.max_concurrency,
        }
        return {name: value for name, value in known.items() if value is not None}


def read_engine_log(lines: Iterable[str]) -> EngineMemory:
    """Find the figures in an engine's log.

    With tensor parallelism every worker reports its own device. They are equal by construction; the last one counts.
    """
    found: dict[str, re.Match[str]] = {}
    patterns = {"weights": _WEIGHTS, "gib": _CACHE_GIB, "tokens": _CACHE_TOKENS, "concurrency": _CONCURRENCY}
    for line in lines:
        for name, pattern in patterns.items():
            if match := pattern.search(line):
                found[name] = match
    return EngineMemory(
        weights_gib=float(found["weights"][1]) if "weights" in found else None,
        load_seconds=float(found["weights"][2]) if "weights" in found else None,
        kv_cache_gib=float(found["gib"][1]) if "gib" in found else None,
        kv_cache_tokens=int(found["tokens"][1].replace(",", "")) if "tokens" in found else None,
        max_concurrency=float(found["concurrency"][2]) if "concurrency" in found else None,
    )
