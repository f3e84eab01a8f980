"""What Kubernetes and KServe say about a service, read as a diagnosis; and whether it serves what it should."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.diagnosis import Category
from k8s.status import diagnose_deployment, diagnose_inference_service, is_ready

Json = dict[str, Any]
IMAGE = "quay.io/o/vllm@sha256:1"


def _service(*, ready: str = "False", observed: int | None = None, **status: object) -> Json:
    return {
        "metadata": {"name": "m", "namespace": "ns", "uid": "i", "generation": 2},
        "spec": {"predictor": {"model": {"runtime": "vllm", "image": IMAGE, "args": ["--max-num-seqs=16"]}}},
        "status": {"conditions": [{"type": "Ready", "status": ready}], "url": "http://m"}
        | ({} if observed is None else {"observedGeneration": observed})
        | status,
    }


def _deployment(*, ready: int = 1, observed: int = 3, conditions: list[Json] | None = None) -> Json:
    return {
        "metadata": {
            "name": "m-predictor",
            "namespace": "ns",
            "uid": "d",
            "generation": 3,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"replicas": 1},
        "status": {
            "observedGeneration": observed,
            "replicas": 1,
            "updatedReplicas": 1,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "conditions": conditions or [],
        },
    }


def _pod(name: str = "new", *, ready: str = "True", image: str = IMAGE, **status: object) -> Json:
    container = {"name": "kserve-container", "image": image, "args": ["--port=8080", "--max-num-seqs=16"]}
    return {
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": name,
            "creationTimestamp": f"2026-01-01T00:00:0{len(name)}Z",
        },
        "spec": {"containers": [{**container, "readinessProbe": {}}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}], **status},
    }


def _crashed(name: str = "new", *, restarts: int = 0, **terminated: object) -> Json:
    entry = {"name": "kserve-container", "restartCount": restarts, "lastState": {"terminated": terminated}}
    waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 20s"}}}
    return _pod(name, ready="False", containerStatuses=[entry | waiting])


@pytest.mark.parametrize(
    ("service", "deployments", "pods"),
    [
        (_service(ready="True", observed=1), [_deployment()], [_pod()]),
        (_service(ready="True", observed=2), [_deployment(observed=2)], [_pod()]),
        (_service(ready="True", observed=2), [_deployment(ready=0)], [_pod()]),
        (_service(ready="True", observed=2), [_deployment()], [_pod(image="quay.io/o/vllm@sha256:old")]),
        (_service(ready="True"), [_deployment()], []),
        (_service(ready="False", observed=2), [_deployment()], [_pod()]),
    ],
    ids=["not seen by KServe", "not seen by the Deployment", "copy not ready", "old image", "no proof", "not Ready"],
)
def test_an_old_ready_is_not_taken_for_the_new_one(service: Json, deployments: list[Json], pods: list[Json]) -> None:
    """Right after a change everything still says Ready, of the version before: a smoke test would test that."""
    assert not is_ready(service, deployments=deployments, pods=pods)


@pytest.mark.parametrize("observed", [2, None])
def test_a_ready_service_is_ready(observed: int | None) -> None:
    """Some versions of KServe do not write the generation they saw; the running pod proves it as well."""
    service = _service(ready="True", observed=observed)
    assert is_ready(service, deployments=[_deployment()], pods=[_pod()])
    diagnosis = diagnose_inference_service(service, deployments=[_deployment()], pods=[_pod()], events=[])
    assert diagnosis.category is Category.READY
    assert "http://m" in diagnosis.sentence


def test_an_oom_kill_inside_a_crash_loop_is_found() -> None:
    """CrashLoopBackOff is all that the pod's present state says."""
    pods = [_crashed(exitCode=137, reason="OOMKilled")]
    diagnosis = diagnose_inference_service(_service(), deployments=[_deployment(ready=0)], pods=pods, events=[])
    assert diagnosis.category is Category.OOM_KILLED
    assert "deployments/models/<model>.yaml raise serving.resources.limits.memory" in diagnosis.next_action


def test_a_crash_that_is_over_is_no_trouble() -> None:
    """A container that was restarted once and serves now must not end the deployment."""
    entry = {"name": "kserve-container", "ready": True, "restartCount": 1, "state": {"running": {}}}
    pod = _pod(ready="False", containerStatuses=[{**entry, "lastState": {"terminated": {"exitCode": 1}}}])
    diagnosis = diagnose_inference_service(_service(), deployments=[_deployment()], pods=[pod], events=[])
    assert diagnosis.category is Category.STARTING


def test_a_pod_that_goes_is_not_the_one_that_is_waited_for() -> None:
    """While a copy is replaced, the old one's end is not the new one's failure."""
    going = _crashed("old", exitCode=1)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    diagnosis = diagnose_inference_service(_service(), deployments=[], pods=[going], events=[])
    assert diagnosis.category is Category.PENDING


def test_a_startup_probe_that_gave_up_is_named() -> None:
    """A fixed delay of 180 s killed a model that loads in six minutes, again and again."""
    events = [
        _event("Killing", "Container kserve-container failed startup probe, will be restarted"),
        _event("Unhealthy", 'Startup probe failed: Get "http://10.0.0.1:8080/health": connection refused'),
    ]
    pods = [_crashed(exitCode=137, reason="Error")]
    diagnosis = diagnose_inference_service(_service(), deployments=[], pods=pods, events=events)
    assert diagnosis.category is Category.PROBE_FAILED
    assert "connection refused" in diagnosis.sentence
    assert "serving.load_seconds" in diagnosis.next_action


def _event(reason: str, message: str, *, uid: str = "new", kind: str = "Pod", name: str = "new") -> Json:
    return {
        "type": "Warning",
        "reason": reason,
        "message": message,
        "involvedObject": {"kind": kind, "name": name, "uid": uid},
        "lastTimestamp": "2026-01-01T00:00:09Z",
    }


QUOTA = (
    'pods "m-predictor-7d4-x" is forbidden: exceeded quota: ai-workload-quota, requested: requests.nvidia.com/gpu=4, '
    "used: requests.nvidia.com/gpu=8, limited: requests.nvidia.com/gpu=8"
)
DENIED = 'admission webhook "policy.example.com" denied the request: image must come from quay.io'
AWAY = (
    'Internal error occurred: failed calling webhook "mutate.kserve.io": failed to call webhook: no endpoints available'
)
POD_SECURITY = 'pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'


@pytest.mark.parametrize(
    ("message", "category", "transient", "said"),
    [
        (QUOTA, Category.QUOTA_EXCEEDED, True, "quota ai-workload-quota is full: GPUs 8, used 8, asked for 4"),
        (DENIED, Category.WEBHOOK_REFUSED, False, "policy.example.com refuses it: image must come from quay.io"),
        (AWAY, Category.WEBHOOK_REFUSED, True, "mutate.kserve.io does not answer"),
        (POD_SECURITY, Category.POD_NOT_CREATED, False, "Pod Security restricted:latest refuses its pod"),
        ('serviceaccount "ai-workload-sa" not found', Category.POD_NOT_CREATED, False, "ai-workload-sa"),
    ],
)
@pytest.mark.parametrize("told_by", ["condition", "event"])
def test_failure_14_a_pod_that_is_refused_says_why(
    message: str, category: Category, said: str, told_by: str, *, transient: bool
) -> None:
    """A rollout exhausted the quota and hung: without a pod, only the ReplicaSet knew why.

    It is docs/failures.md, row 14.
    """
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    event = _event("FailedCreate", message, uid="r", kind="ReplicaSet", name="m-predictor-7d4")
    deployment = _deployment(ready=0, conditions=[failure] if told_by == "condition" else [])
    events = [event] if told_by == "event" else []
    for diagnosis in (
        diagnose_deployment(deployment, pods=[], events=events),
        diagnose_inference_service(_service(), deployments=[deployment], pods=[], events=events),
    ):
        assert (diagnosis.category, diagnosis.transient) == (category, transient)
        assert said in diagnosis.sentence
        assert "kubectl" in diagnosis.next_action


def test_an_earlier_deployments_refusal_does_not_count() -> None:
    """Events live for an hour, and the next attempt has the same names."""
    old = _event("FailedCreate", QUOTA, uid="r", kind="ReplicaSet", name="m-predictor-7d4")
    old["lastTimestamp"] = "2025-12-31T23:59:59Z"
    assert diagnose_deployment(_deployment(ready=0), pods=[], events=[old]).category is Category.PENDING


def test_a_runtime_that_kserve_does_not_know_is_named() -> None:
    """KServe makes no Deployment then, and there is nothing else to look at."""
    failure = {"reason": "RuntimeNotRecognized", "message": "Waiting for runtime to become available"}
    service = _service(modelStatus={"lastFailureInfo": failure})
    diagnosis = diagnose_inference_service(service, deployments=[], pods=[], events=[])
    assert diagnosis.category is Category.SERVING_RUNTIME
    assert "kubectl get servingruntime vllm -n ns" in diagnosis.next_action


def test_what_kserve_reports_of_itself_is_passed_on() -> None:
    """A reconcile that fails shows only as an event of the service."""
    events = [_event("InternalError", f"fails to reconcile predictor: {DENIED}", uid="i", kind="InferenceService")]
    diagnosis = diagnose_inference_service(_service(), deployments=[], pods=[], events=events)
    assert diagnosis.category is Category.WEBHOOK_REFUSED


def test_a_deployment_that_is_rolled_out_is_ready() -> None:
    """The platform's own services are waited for in the same way."""
    assert diagnose_deployment(_deployment(), pods=[], events=[]).category is Category.READY


@pytest.mark.parametrize(
    "message", ["fails to reconcile predictor: timeout", "the object has been modified; please apply"]
)
def test_what_kserve_has_mended_since_is_no_trouble(message: str) -> None:
    """A complaint of minutes ago must not end the wait while the model is being loaded."""
    events = [_event("InternalError", message, uid="i", kind="InferenceService")]
    loading = [_pod(ready="False")]
    diagnosis = diagnose_inference_service(_service(), deployments=[], pods=loading, events=events)
    assert diagnosis.category is Category.STARTING
