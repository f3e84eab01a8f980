"""What an InferenceService's status says of its Deployment and pods, as KServe's Standard mode words it; pure."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.kserve.errors import InvalidServiceError, ModeRejectedError
from sandbox.kserve.names import CONTAINER, INITIALIZER
from sandbox.kube.controllers.deployment_status import REVISION
from sandbox.kube.controllers.pod_making import is_ready
from sandbox.kube.objects import Object, dig, now

READY, PREDICTOR, INGRESS, STOPPED = "Ready", "PredictorReady", "IngressReady", "Stopped"
MODE = "Standard"

_FAILED, _LOADED, _LOADING, _PENDING = "FailedToLoad", "Loaded", "Loading", "Pending"


def served(service: Object, *, deployment: Object | None, pods: Sequence[Object], url: str, runtime: str) -> Object:
    """Return the status of a service that is written well.

    Args:
        service: the InferenceService.
        deployment: its Deployment; None until it is seen.
        pods: its pods that are to stay.
        url: where it answers.
        runtime: the name of its ServingRuntime.
    """
    available = _condition_of(deployment, "Available")
    seen = dig(deployment, "status.observedGeneration") == dig(deployment, "metadata.generation")
    is_up = deployment is not None and seen and available.get("status") == "True"
    if is_up:
        predictor = ("True", "", "")
        ingress = ("True", "", "")
    else:
        reason = available.get("reason") if available.get("status") == "False" else "MinimumReplicasUnavailable"
        predictor = ("False", str(reason), available.get("message", "") if seen else "")
        ingress = ("False", "Predictor ingress not created", "")
    component: Object = {"url": url}
    if revision := (dig(deployment, "metadata.annotations") or {}).get(REVISION):
        component["latestCreatedRevision"] = revision
    return _status(
        service,
        {PREDICTOR: predictor, INGRESS: ingress, READY: predictor, STOPPED: ("False", "", "")},
        url=url,
        address={"url": url},
        components={"predictor": component},
        modelStatus=_model(service, pods, is_up=is_up),
        servingRuntimeName=runtime,
    )


def refused(service: Object, error: InvalidServiceError | ModeRejectedError) -> Object:
    """Return the status of a service that cannot be served as it is written."""
    reason = error.reason if isinstance(error, InvalidServiceError) else "ServerlessModeRejected"
    told = ("False", reason, str(error))
    failure = {"reason": reason, "message": str(error)}
    model: Object = {
        "transitionStatus": "InvalidSpec",
        "states": {"activeModelState": "", "targetModelState": _FAILED},
        "lastFailureInfo": failure,
    }
    if isinstance(error, ModeRejectedError):
        model["lastFailureInfo"] = {**failure, "reason": "InvalidPredictorSpec"}
    return _status(service, {PREDICTOR: told, READY: told}, modelStatus=model)


def stopped(service: Object) -> Object:
    """Return the status of a service that its annotation takes down."""
    told = ("False", "Stopped", "")
    return _status(service, {PREDICTOR: told, INGRESS: told, READY: told, STOPPED: ("True", "", "")})


def _status(service: Object, conditions: dict[str, tuple[str, str, str]], **more: object) -> Object:
    """Return a whole status; what this reading does not know of is set to null, which removes it."""
    held = {entry["type"]: entry for entry in dig(service, "status.conditions") or []}
    listed = [_condition(held.get(kind), kind, *said) for kind, said in sorted(conditions.items())]
    nothing = dict.fromkeys(("url", "address", "components", "modelStatus", "servingRuntimeName"))
    return {
        **nothing,
        **more,
        "conditions": listed,
        "deploymentMode": MODE,
        "observedGeneration": dig(service, "metadata.generation"),
    }


def _condition(held: Object | None, kind: str, truth: str, reason: str, message: str) -> Object:
    since = held["lastTransitionTime"] if held and held["status"] == truth else now()
    entry = {"type": kind, "status": truth, "lastTransitionTime": since}
    if kind == STOPPED:
        entry["severity"] = "Info"
    return entry | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})


def _condition_of(deployment: Object | None, kind: str) -> Object:
    conditions: list[Object] = dig(deployment, "status.conditions") or []
    return next((entry for entry in conditions if entry["type"] == kind), {})


def _model(service: Object, pods: Sequence[Object], *, is_up: bool) -> Object:
    """Return the model's status, from the newest pod."""
    active = dig(service, "status.modelStatus.states.activeModelState") or ""
    if is_up:
        return {
            "copies": {"failedCopies": 0, "totalCopies": sum(is_ready(pod) for pod in pods)},
            "states": {"activeModelState": _LOADED, "targetModelState": _LOADED},
            "transitionStatus": "UpToDate",
            "lastFailureInfo": None,
        }
    newest = max(pods, key=lambda pod: str(dig(pod, "metadata.creationTimestamp")), default=None)
    state, ended = _state(newest)
    status: Object = {
        "copies": {"failedCopies": int(state == _FAILED), "totalCopies": 0},
        "states": {"activeModelState": active, "targetModelState": state},
        "transitionStatus": "BlockedByFailedLoad" if state == _FAILED else "InProgress",
        "lastFailureInfo": None,
    }
    if state == _FAILED:
        failure = {"reason": "ModelLoadFailed", "message": ended.get("message", ""), "exitCode": ended["exitCode"]}
        status["lastFailureInfo"] = failure
    return status


def _state(pod: Object | None) -> tuple[str, Object]:
    """Return a model's state and how the container ended that failed."""
    containers = {
        entry["name"]: entry
        for field in ("initContainerStatuses", "containerStatuses")
        for entry in dig(pod, f"status.{field}") or []
    }
    for name in (INITIALIZER, CONTAINER):
        state = (containers.get(name) or {}).get("state") or {}
        ended = state.get("terminated") or dig(containers.get(name), "lastState.terminated")
        # Like KServe: a container that runs again after a failure is loading; one that waits for its next try is not.
        if "running" in state:
            return _LOADING, {}
        if (
            ended
            and ended["exitCode"]
            and ("terminated" in state or dig(state, "waiting.reason") == "CrashLoopBackOff")
        ):
            return _FAILED, ended
    return _PENDING, {}
