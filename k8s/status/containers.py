"""What is wrong with one container of a pod: it cannot be created, it ended, it is killed again and again: pure."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence

from k8s.diagnosis import Category, Diagnosis
from k8s.fields import Manifest, container, containers, kubectl, model_key, name_of, namespace_flag, newest
from k8s.redaction import redacted_text
from k8s.status.admission import missing_object_action
from k8s.status.engine import ENGINE_CONTAINER, engine_trouble
from k8s.status.storage_initializer import STORAGE_INITIALIZER, initializer_trouble
from k8s.status.surroundings import Surroundings

_PULL_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable"})
_CONFIG_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_BUSY_REGISTRY = re.compile(r"toomanyrequests|429|timeout|connection refused|no such host|50[0234]", re.IGNORECASE)
_REFUSED_PULL = re.compile(r"unauthorized|authentication required|denied|forbidden|40[13]", re.IGNORECASE)
_PROBE = re.compile(r"failed (?P<probe>startup|liveness) probe")


def container_trouble(
    pod: Manifest, status: Manifest, *, events: Sequence[Manifest], surroundings: Surroundings
) -> Diagnosis | None:
    """Return what is wrong with a container, or None.

    Args:
        pod: its pod.
        status: its entry in the pod's status.
        events: the events about the pod.
        surroundings: its log, if it is known.
    """
    if status.get("ready") and "running" in status.get("state", {}):
        return None  # what it failed of earlier is over
    for state in (status.get("state", {}), status.get("lastState", {})):
        terminated = state.get("terminated")
        if terminated and (terminated.get("exitCode", 0) != 0 or terminated.get("reason") == "OOMKilled"):
            return _terminated(pod, status, terminated, events=events, surroundings=surroundings)
    waiting = status.get("state", {}).get("waiting")
    return _waiting(pod, status, waiting, events) if waiting else None


def _waiting(pod: Manifest, status: Manifest, waiting: Manifest, events: Sequence[Manifest]) -> Diagnosis | None:
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if reason == "InvalidImageName":
        return Diagnosis(
            category=Category.INVALID_IMAGE_NAME,
            transient=False,
            sentence=f"'{status.get('image', '')}' is not an image name",
            next_action="Correct the image's name in the settings: grep IMAGE .env",
        )
    if reason in _PULL_REASONS:
        return _image_pull(pod, status, message or reason, events)
    if reason in _CONFIG_REASONS:
        return Diagnosis(
            category=Category.CREATE_CONTAINER_CONFIG,
            transient=False,
            sentence=f"the container cannot be created: {message or reason}",
            next_action=missing_object_action(message, about=pod),
        )
    return None


def _image_pull(pod: Manifest, status: Manifest, message: str, events: Sequence[Manifest]) -> Diagnosis:
    # While it waits between attempts, only the last attempt's event still knows why.
    attempt = newest(events, reason="Failed", words="Failed to pull image")
    why = str(attempt.get("message", message)) if attempt and message.startswith("Back-off") else message
    secrets = [str(each.get("name", "")) for each in pod.get("spec", {}).get("imagePullSecrets", ())]
    by = f"with the pull secret {', '.join(secrets)}" if secrets else "without a pull secret"
    if secrets and _REFUSED_PULL.search(why):
        action = f"Check the Secret: kubectl get secret {secrets[0]}{namespace_flag(pod)}; renew it from "
        action += "QUAY_USERNAME and QUAY_PASSWORD: python -m flows.apply_platform"
    else:
        action = f"Check its name and the pull secret: {kubectl(pod, 'describe pod')}"
    return Diagnosis(
        category=Category.IMAGE_PULL,
        transient=_BUSY_REGISTRY.search(why) is not None and _REFUSED_PULL.search(why) is None,
        sentence=f"the image {status.get('image', '')} cannot be pulled: {why} (pulled {by})",
        next_action=action,
    )


def _terminated(
    pod: Manifest, status: Manifest, terminated: Manifest, *, events: Sequence[Manifest], surroundings: Surroundings
) -> Diagnosis:
    name, failures = str(status.get("name", "")), _failures(status)
    if terminated.get("reason") == "OOMKilled":
        return _out_of_memory(pod, name, failures)
    # KServe's containers leave the end of their log as the termination message.
    lines = surroundings.log(pod, name) or redacted_text(str(terminated.get("message", ""))).splitlines()
    if name == STORAGE_INITIALIZER:
        known = initializer_trouble(pod, lines, failures=failures)
    else:
        known = engine_trouble(pod, lines, failures=failures) if name == ENGINE_CONTAINER else None
    return known or _killed_by_probe(pod, name, failures, events) or _exit(pod, status, terminated)


def _out_of_memory(pod: Manifest, name: str, failures: int) -> Diagnosis:
    limit = container(pod, name).get("resources", {}).get("limits", {}).get("memory")
    told = f" of {limit}" if limit else ""
    if name == STORAGE_INITIALIZER:
        action = "Raise its memory limit: kubectl edit configmap inferenceservice-config -n kserve"
    elif name == ENGINE_CONTAINER:
        key = model_key(pod)
        action = (
            f"In deployments/models/{key}.yaml raise serving.resources.limits.memory; then run: "
            f"prefect deployment run deploy/{key} --watch"
        )
    else:
        action = f"Raise the memory limit; see what it is: {kubectl(pod, 'describe pod')}"
    return Diagnosis(
        category=Category.OOM_KILLED,
        transient=False,
        sentence=f"the container {f'{name} ' if name else ''}used more memory than its limit{told} and was killed "
        "(OOMKilled)",
        next_action=action,
        failures=failures,
    )


def _killed_by_probe(pod: Manifest, name: str, failures: int, events: Sequence[Manifest]) -> Diagnosis | None:
    killing = newest(events, reason="Killing", words=f"{name} failed")
    found = _PROBE.search(str(killing.get("message", ""))) if killing else None
    if found is None:
        return None
    unhealthy = newest(events, reason="Unhealthy")
    why = f": {redacted_text(unhealthy.get('message', ''))}" if unhealthy else ""
    # The earlier version had a fixed delay of 180 s, and models that load in six minutes were killed again and again.
    remedy = "raise serving.load_seconds" if found["probe"] == "startup" else "find out what blocks /health"
    return Diagnosis(
        category=Category.PROBE_FAILED,
        transient=False,
        sentence=f"the container was killed because its {found['probe']} probe failed{why}",
        next_action=f"Look at how far it came, then {remedy}: {kubectl(pod, 'logs')} --previous",
        failures=failures,
    )


def _exit(pod: Manifest, status: Manifest, terminated: Manifest) -> Diagnosis:
    code, failures = int(terminated.get("exitCode", 0)), _failures(status)
    several = len(containers(pod)) > 1 and status.get("name")
    name = f"{status['name']} " if several else ""
    previous = "" if "terminated" in status.get("state", {}) else " --previous"
    return Diagnosis(
        category=Category.EXIT_CODE,
        transient=False,
        sentence=f"the container {name}ended with exit code {code}{_signal(code)}"
        + (f", {failures} times" if failures > 1 else ""),
        next_action=f"Read its log: {kubectl(pod, 'logs')}{f' -c {name}'.rstrip() if several else ''}{previous}",
        failures=failures,
    )


def _failures(status: Manifest) -> int:
    # A run that is under way has not failed yet.
    return int(status.get("restartCount", 0)) + (0 if "running" in status.get("state", {}) else 1)


def _signal(code: int) -> str:
    # A shell and a runtime report a process that a signal has ended as 128 and the signal's number.
    known = {128 + number: number.name for number in signal.Signals}
    return f" (ended by {known[code]})" if code in known else ""


def standing_of(pod: Manifest) -> str:
    """Say in a few words what a pod's containers are at: `storage-initializer runs`."""
    status = pod.get("status", {})
    for entry in status.get("initContainerStatuses", ()):
        if "running" in entry.get("state", {}):
            return f"{entry.get('name', 'an init container')} runs"
    unready = [entry for entry in status.get("containerStatuses", ()) if not entry.get("ready")]
    running = [str(entry.get("name", "")) for entry in unready if "running" in entry.get("state", {})]
    if running:
        return f"{', '.join(running)} runs and is not ready yet"
    reasons = [str(entry.get("state", {}).get("waiting", {}).get("reason", "")) for entry in unready]
    known = sorted({reason for reason in reasons if reason})
    return f"{name_of(pod)} waits ({', '.join(known)})" if known else "its containers are not created yet"
