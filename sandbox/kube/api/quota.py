"""Resource quotas: what a namespace's pods use, and the refusal of a pod that would exceed it."""

from collections.abc import Iterable

from sandbox.kube.errors import ForbiddenError
from sandbox.kube.objects import Object, dig, name_of, namespace_of
from sandbox.kube.quantities import pod_limits, pod_requests, quantity, text
from sandbox.kube.store import Store

PODS = ("", "pods")
QUOTAS = ("", "resourcequotas")
_ENDED = frozenset({"Succeeded", "Failed"})
_PLAIN = {"cpu": "requests.cpu", "memory": "requests.memory", "ephemeral-storage": "requests.ephemeral-storage"}
_MUST_BE_SAID = frozenset({"cpu", "memory"})


def check(store: Store, pod: Object) -> None:
    """Refuse a new pod that a quota of its namespace has no room for.

    Raises:
        ForbiddenError: in the words of Kubernetes.
    """
    for quota in store.list(QUOTAS, namespace=namespace_of(pod)):
        hard = dig(quota, "spec.hard") or {}
        if missing := _unsaid(hard, pod):
            raise _refusal(pod, f"failed quota: {name_of(quota)}: must specify {missing}")
        used = usage(hard, store.list(PODS, namespace=namespace_of(pod)))
        wanted = usage(hard, [pod])
        short = [name for name, amount in wanted.items() if amount and used[name] + amount > quantity(hard[name])]
        if short:
            told = ", ".join(
                f"{title}: {','.join(f'{name}={values[name]}' for name in short)}"
                for title, values in (
                    ("requested", shown(wanted)),
                    ("used", shown(used)),
                    ("limited", hard),
                )
            )
            raise _refusal(pod, f"exceeded quota: {name_of(quota)}, {told}")


def usage(hard: Object, pods: Iterable[Object]) -> dict[str, float]:
    """Return what pods that have not ended use of those resources of a quota that are counted here."""
    used = {name: 0.0 for name in hard if _is_counted(name)}
    for pod in pods:
        if dig(pod, "status.phase") in _ENDED:
            continue
        for name in used:
            used[name] += _amount(pod, name)
    return used


def shown(amounts: dict[str, float]) -> dict[str, str]:
    """Return amounts as quantities."""
    return {name: text(amount, binary=name.endswith(("memory", "storage"))) for name, amount in amounts.items()}


def _is_counted(name: str) -> bool:
    kind, _, resource = _PLAIN.get(name, name).partition(".")
    if name in {"pods", "count/pods"}:
        return True
    # Of extended resources such as GPUs Kubernetes counts requests only: their limits must equal them.
    return (kind == "requests" and resource != "storage") or (kind == "limits" and "/" not in resource)


def _amount(pod: Object, name: str) -> float:
    if name in {"pods", "count/pods"}:
        return 1.0
    kind, _, resource = _PLAIN.get(name, name).partition(".")
    return (pod_limits(pod) if kind == "limits" else pod_requests(pod)).get(resource, 0.0)


def _unsaid(hard: Object, pod: Object) -> str:
    """Return what a pod must say because a quota counts it, and does not: `limits.cpu for: main`."""
    missing = []
    for name in hard:
        kind, _, resource = _PLAIN.get(name, name).partition(".")
        if kind not in {"requests", "limits"} or resource not in _MUST_BE_SAID:
            continue
        silent = [
            container["name"]
            for container in pod["spec"]["containers"]
            if resource not in (dig(container, f"resources.{kind}") or {})
        ]
        if silent:
            missing.append(f"{name} for: {','.join(silent)}")
    return "; ".join(sorted(missing))


def _refusal(pod: Object, because: str) -> ForbiddenError:
    return ForbiddenError(resource="pods", name=name_of(pod), because=because)
