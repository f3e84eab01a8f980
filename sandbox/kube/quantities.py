"""Kubernetes quantities (`500m`, `8Gi`) as numbers, and what a pod asks for in sum."""

import re

from sandbox.kube.objects import Object

_SUFFIXES = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip
_QUANTITY = re.compile(r"^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]*)$")


def quantity(text: str | float) -> float:
    """Return a quantity's number: cores, bytes or pieces.

    Raises:
        ValueError: it is none.
    """
    match = _QUANTITY.match(str(text))
    if match is None or match[2] not in _SUFFIXES:
        raise ValueError(f"{text!r} is no quantity")
    return float(match[1]) * _SUFFIXES[match[2]]


def text(amount: float, *, binary: bool) -> str:
    """Return a number as a quantity: bytes with the largest suffix that leaves it whole, small parts as `500m`."""
    if amount != int(amount):
        return f"{round(amount * 1000)}m"
    whole = int(amount)
    suffixes = ("Ti", "Gi", "Mi", "Ki") if binary and whole else ()
    suffix = next((each for each in suffixes if whole % int(_SUFFIXES[each]) == 0), "")
    return f"{whole // int(_SUFFIXES[suffix])}{suffix}"


def pod_requests(pod: Object) -> dict[str, float]:
    """Return what a pod's containers request in sum (init containers run before, so the larger counts), and one pod."""
    return {**_pod_sum(pod, "requests"), "pods": 1.0}


def pod_limits(pod: Object) -> dict[str, float]:
    """Return the limits of a pod's containers in sum, as `pod_requests` does."""
    return _pod_sum(pod, "limits")


def _pod_sum(pod: Object, what: str) -> dict[str, float]:
    total = _sum(pod["spec"]["containers"], what)
    for container in pod["spec"].get("initContainers") or []:
        for resource, amount in _sum([container], what).items():
            total[resource] = max(total.get(resource, 0.0), amount)
    return total


def _sum(containers: list[Object], what: str) -> dict[str, float]:
    total: dict[str, float] = {}
    for container in containers:
        for resource, amount in ((container.get("resources") or {}).get(what) or {}).items():
            total[resource] = total.get(resource, 0.0) + quantity(amount)
    return total
