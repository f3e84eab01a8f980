"""Why the API refuses an object before it exists: quota, webhooks, pod security: pure."""

from __future__ import annotations

import re

from k8s.diagnosis import Category, Diagnosis
from k8s.fields import Manifest, namespace_flag

_QUOTA = re.compile(
    r"exceeded quota: (?P<quota>[^,\s]+), requested: (?P<requested>.+?), used: (?P<used>.+?), limited: (?P<limited>.+)"
)
_DENIED = re.compile(r'admission webhook "(?P<webhook>[^"]+)" denied the request: ?(?P<why>.*)', re.DOTALL)
_UNREACHABLE = re.compile(r'failed calling webhook "(?P<webhook>[^"]+)": (?P<why>.*)', re.DOTALL)
_POD_SECURITY = re.compile(r'violates PodSecurity "(?P<level>[^"]+)": (?P<why>.*)', re.DOTALL)
_LIMIT_RANGE = re.compile(r"(?:minimum|maximum) (?:cpu|memory|ephemeral-storage) usage per \w+ is .*")
_MISSING = re.compile(r'(secret|configmap|serviceaccount)s? "([^"]+)" not found')


def diagnose_refusal(message: str, *, about: Manifest) -> Diagnosis | None:
    """Say why admission refused an object.

    Args:
        message: the API's own words, from an error, an event or a condition.
        about: the object that was refused, or that stands for it.

    Returns:
        The diagnosis, or None if these are not words of admission.
    """
    flag = namespace_flag(about)
    if "exceeded quota" in message:
        return Diagnosis(
            category=Category.QUOTA_EXCEEDED,
            transient=True,  # another pod's end frees the quota
            sentence=_quota(message),
            next_action=f"See what uses it, then take a model down or raise it: kubectl describe quota{flag}",
        )
    if found := _UNREACHABLE.search(message):
        return Diagnosis(
            category=Category.WEBHOOK_REFUSED,
            transient=True,
            sentence=f"the admission webhook {found['webhook']} does not answer: {_one_line(found['why'])}",
            next_action="Check the operator behind it: kubectl get validatingwebhookconfigurations,"
            "mutatingwebhookconfigurations; kubectl get pods -A | grep -v Running",
        )
    if found := _DENIED.search(message):
        return Diagnosis(
            category=Category.WEBHOOK_REFUSED,
            transient=False,
            sentence=f"the admission webhook {found['webhook']} refuses it: {_one_line(found['why'])}",
            next_action=f"Change what it names, then apply again; what is refused: kubectl get events{flag}",
        )
    if found := _POD_SECURITY.search(message):
        return Diagnosis(
            category=Category.POD_NOT_CREATED,
            transient=False,
            sentence=f"Pod Security {found['level']} refuses its pod: {_one_line(found['why'])}",
            next_action="See which level the namespace enforces: "
            f"kubectl get namespace {about.get('metadata', {}).get('namespace', '')} --show-labels",
        )
    if found := _LIMIT_RANGE.search(message):
        return Diagnosis(
            category=Category.POD_NOT_CREATED,
            transient=False,
            sentence=f"the limit range refuses its pod: {_one_line(found[0])}",
            next_action=f"Change its resources, or the range: kubectl describe limitrange{flag}",
        )
    return None


def pod_not_created(message: str, *, about: Manifest) -> Diagnosis:
    """Say why a controller cannot create a pod.

    Args:
        message: what its FailedCreate event or its ReplicaFailure condition says.
        about: the controller's object.
    """
    return diagnose_refusal(message, about=about) or Diagnosis(
        category=Category.POD_NOT_CREATED,
        transient=False,
        sentence=f"its pod is refused: {_one_line(message)}",
        next_action=missing_object_action(message, about=about),
    )


def missing_object_action(message: str, *, about: Manifest) -> str:
    """Name the command that creates or shows what a kubelet or controller message says is missing."""
    found = _MISSING.search(message)
    if found is None:
        return f"Look at it: kubectl get events{namespace_flag(about)}"
    kind, name = found.groups()
    check = f"kubectl get {kind} {name.rpartition('/')[2]}{namespace_flag(about)}"
    return f"Create it: python -m flows.apply_platform; then check: {check}"


def _quota(message: str) -> str:
    found = _QUOTA.search(message)
    if found is None:
        return _one_line(message)
    limits, used = _amounts(found["limited"]), _amounts(found["used"])
    asked = [
        f"{_short(resource)} {limits.get(resource, '?')}, used {used.get(resource, '?')}, asked for {amount}"
        for resource, amount in _amounts(found["requested"]).items()
    ]
    return f"quota {found['quota']} is full: {'; '.join(asked)}"


def _amounts(text: str) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in text.split(","))
    return {name.strip(): amount.strip() for name, _, amount in pairs}


def _short(resource: str) -> str:
    # The API names both `requests.nvidia.com/gpu` and `limits.…`; what people call it is the last part.
    return "GPUs" if resource.endswith("nvidia.com/gpu") else resource


def _one_line(text: str) -> str:
    return " ".join(text.split())
