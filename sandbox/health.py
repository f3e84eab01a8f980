"""Whether a server answers, and answers what it should."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

_LONGEST_ANSWER = 65536  # bytes
# A developer's HTTP proxy has no business between two processes of one machine.
_opener = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Probe:
    """A request and what its answer must hold.

    Attributes:
        url: answered with status 200 by a server that is well.
        contains: text that the body must hold; empty if any body will do.
    """

    url: str
    contains: str = ""


def is_well(probes: Sequence[Probe], *, seconds: float) -> bool:
    """Whether all probes succeed, each within `seconds`."""
    return all(_succeeds(probe, seconds=seconds) for probe in probes)


def _succeeds(probe: Probe, *, seconds: float) -> bool:
    try:
        with _opener.open(probe.url, timeout=seconds) as answer:
            return probe.contains.encode() in answer.read(_LONGEST_ANSWER)
    except (URLError, OSError, http.client.HTTPException):
        return False
