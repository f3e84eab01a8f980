"""Reads what KServe says about an InferenceService, and what Kubernetes says about what it is made of: pure."""

from __future__ import annotations

from collections.abc import Sequence

from k8s.diagnosis import HEALTHY, Category, Diagnosis
from k8s.fields import (
    Manifest,
    condition,
    container,
    events_about,
    is_going,
    kubectl,
    name_of,
    namespace_flag,
    newest,
)
from k8s.status.admission import diagnose_refusal
from k8s.status.deployment import creation_trouble, is_rolled_out, worst_of
from k8s.status.engine import ENGINE_CONTAINER
from k8s.status.surroundings import NOTHING, Surroundings

_OURS = "slipway.dev/"
_RUNTIME_REASONS = frozenset({"RuntimeNotRecognized", "NoSupportingRuntime", "RuntimeDisabled"})


def is_ready(service: Manifest, *, deployments: Sequence[Manifest], pods: Sequence[Manifest]) -> bool:
    """Tell whether an InferenceService serves what its spec asks for now, not what it asked for before.

    KServe's Ready stays True for a while after a change: until KServe has seen it, and until the Deployment has. So the
    Deployments must be rolled out and, where KServe does not say which generation it has seen, a ready pod must run
    the image and the arguments of the spec.

    Args:
        service: the InferenceService as the API returns it.
        deployments: its Deployments.
        pods: its pods.
    """
    observed = service.get("status", {}).get("observedGeneration")
    if condition(service, "Ready") is None or is_going(service):
        return False
    if observed is not None and int(observed) != int(service["metadata"].get("generation", 0)):
        return False
    if not all(is_rolled_out(each) for each in deployments if not is_going(each)):
        return False
    ready = [pod for pod in pods if condition(pod, "Ready") is not None and not is_going(pod)]
    return any(is_made_for(service, pod) for pod in ready) or (observed is not None and not ready)


def diagnose_inference_service(
    service: Manifest,
    *,
    deployments: Sequence[Manifest],
    pods: Sequence[Manifest],
    events: Sequence[Manifest],
    surroundings: Surroundings = NOTHING,
) -> Diagnosis:
    """Say how an InferenceService is doing, worst news first.

    Its own `lastFailureInfo` comes last: it looks at the first pod only, and knows neither OOMKilled nor Unschedulable.

    Args:
        service: the InferenceService as the API returns it.
        deployments: its Deployments.
        pods: its pods.
        events: core/v1 Events of its namespace.
        surroundings: what else is known.
    """
    if is_ready(service, deployments=deployments, pods=pods):
        url = service.get("status", {}).get("url", "")
        return Diagnosis(
            category=Category.READY,
            transient=True,
            sentence=f"it is ready{f' at {url}' if url else ''}",
            next_action="",
        )
    finding = worst_of(pods, events=events, surroundings=surroundings)
    if finding is not None and finding.category not in HEALTHY:
        return finding
    for deployment in deployments:
        refused = creation_trouble(deployment, events=events, has_pods=finding is not None)
        if refused is not None:
            return refused
    # While pods start, KServe's complaints are about what it has mended since.
    starts = finding is not None and finding.category is not Category.RUNNING
    word = None if starts else _kserves_word(service, events_about(events, service))
    return word or _standing(service, finding, deployments)


def _kserves_word(service: Manifest, events: Sequence[Manifest]) -> Diagnosis | None:
    """Return what KServe itself objects to, or None."""
    failure = service.get("status", {}).get("modelStatus", {}).get("lastFailureInfo", {})
    if failure.get("reason") in _RUNTIME_REASONS:
        runtime = service.get("spec", {}).get("predictor", {}).get("model", {}).get("runtime", "")
        return Diagnosis(
            category=Category.SERVING_RUNTIME,
            transient=False,
            sentence=f"KServe finds no runtime for it: {failure.get('message') or failure['reason']}",
            next_action=f"Apply it: python -m flows.apply_platform; then check: "
            f"kubectl get servingruntime {runtime}{namespace_flag(service)}",
        )
    warning = newest(events, reason="InternalError")
    # Two controllers that write at once is everyday, and tried again at once.
    if warning is None or "the object has been modified" in str(warning.get("message", "")):
        return None
    message = str(warning.get("message", ""))
    return diagnose_refusal(message, about=service) or Diagnosis(
        category=Category.POD_NOT_CREATED,
        transient=True,  # KServe tries again, with growing pauses
        sentence=f"KServe cannot make what it needs: {message}",
        next_action=f"Look at it: {kubectl(service, 'describe inferenceservice')}",
    )


def _standing(service: Manifest, finding: Diagnosis | None, deployments: Sequence[Manifest]) -> Diagnosis:
    look = kubectl(service, "describe inferenceservice")
    if finding is not None and finding.category is not Category.RUNNING:
        return finding
    conditions: Sequence[Manifest] = service.get("status", {}).get("conditions", ())
    unready: Manifest = next((entry for entry in conditions if entry.get("status") == "False"), {})
    why = unready.get("message") or unready.get("reason") or ""
    said = f" ({unready['type']}: {why})" if unready and why else ""
    if finding is not None:
        sentence, category = f"its pods run, and KServe has not called it ready yet{said}", Category.STARTING
    elif deployments:
        sentence, category = f"Deployment {name_of(deployments[0])} has no pod yet{said}", Category.PENDING
    else:
        sentence, category = f"KServe has made nothing of it yet{said}", Category.PENDING
    return Diagnosis(
        category=category,
        transient=True,
        sentence=sentence,
        next_action=f"See that KServe's controller runs: kubectl get pods -A -l "
        f"control-plane=kserve-controller-manager; {look}",
    )


def is_made_for(service: Manifest, pod: Manifest) -> bool:
    """Tell whether a pod is what the service asks for now: its image, its arguments, and the marks on it.

    KServe passes the annotations of a service and of its predictor on to the pods. The hash of the spec among ours
    tells a pod with one argument too many from one without it; a pod without the annotations is told by the rest.
    """
    model = service.get("spec", {}).get("predictor", {}).get("model", {})
    engine = container(pod, ENGINE_CONTAINER)
    if model.get("image") not in {None, engine.get("image")}:
        return False
    if not set(model.get("args", ())) <= set(engine.get("args", ())):
        return False
    wanted = _marks(service.get("metadata", {})) | _marks(service.get("spec", {}).get("predictor", {}))
    return _marks(pod.get("metadata", {})).items() <= wanted.items()


def _marks(annotated: Manifest) -> dict[str, str]:
    return {key: text for key, text in (annotated.get("annotations") or {}).items() if key.startswith(_OURS)}
