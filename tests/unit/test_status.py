"""What Kubernetes says about a Job and its pod, read as a diagnosis."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.diagnosis import Category
from k8s.status import diagnose_job, diagnose_pod

Json = dict[str, Any]
JOB: Json = {"metadata": {"name": "build", "namespace": "ns", "uid": "j"}, "spec": {"activeDeadlineSeconds": 7260}}


def _pod(**status: object) -> Json:
    return {"metadata": {"name": "build-x", "namespace": "ns", "uid": "p"}, "status": {"phase": "Pending", **status}}


def _container(state: str, **facts: object) -> list[Json]:
    return [{"image": "quay.io/org/x:1", "state": {state: facts}}]


def _event(reason: str, message: str, *, uid: str = "p") -> Json:
    return {
        "reason": reason,
        "message": message,
        "involvedObject": {"uid": uid},
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }


PULL = _pod(containerStatuses=_container("waiting", reason="ImagePullBackOff", message="unauthorized"))
CONFIG = _pod(
    containerStatuses=_container("waiting", reason="CreateContainerConfigError", message='secret "minio" not found')
)
UNSCHEDULABLE = _pod(
    conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes: no disk"}]
)
OOM = _pod(phase="Failed", containerStatuses=_container("terminated", reason="OOMKilled", exitCode=137))
EXIT = _pod(phase="Failed", containerStatuses=_container("terminated", reason="Error", exitCode=2))
KILLED = _pod(phase="Failed", containerStatuses=_container("terminated", reason="Error", exitCode=143))
NAME = _pod(containerStatuses=_container("waiting", reason="InvalidImageName"))
DRAINED = {**_pod(phase="Running"), "metadata": {"name": "b", "uid": "p", "deletionTimestamp": "2026-01-01T00:00:00Z"}}


@pytest.mark.parametrize(
    ("pod", "category", "transient", "words"),
    [
        (PULL, Category.IMAGE_PULL, False, "quay.io/org/x:1 cannot be pulled: unauthorized"),
        (CONFIG, Category.CREATE_CONTAINER_CONFIG, False, 'secret "minio" not found'),
        (UNSCHEDULABLE, Category.UNSCHEDULABLE, False, "0/3 nodes: no disk"),
        (OOM, Category.OOM_KILLED, False, "more memory than its limit"),
        (EXIT, Category.EXIT_CODE, False, "exit code 2"),
        (KILLED, Category.EXIT_CODE, False, "exit code 143 (ended by SIGTERM)"),
        (NAME, Category.INVALID_IMAGE_NAME, False, "'quay.io/org/x:1' is not an image name"),
        (DRAINED, Category.DELETED, True, "deleted while it ran"),
        (_pod(phase="Running"), Category.RUNNING, True, "runs"),
        (_pod(), Category.PENDING, True, "waiting to start"),
    ],
)
def test_a_pods_state_has_one_diagnosis(pod: Json, category: Category, words: str, *, transient: bool) -> None:
    """A stuck pod must be explained by what holds it, and retried only if that can pass by itself."""
    diagnosis = diagnose_pod(pod, events=[])
    assert (diagnosis.category, diagnosis.transient) == (category, transient)
    assert words in diagnosis.sentence


def test_a_missing_secret_names_the_command_that_creates_it() -> None:
    """The earlier version ran on without its secret; ours must say which one and what to type."""
    action = diagnose_pod(CONFIG, events=[]).next_action
    assert action == "Create it: python -m flows.apply_platform; then check: kubectl get secret minio -n ns"


def test_a_volumes_missing_secret_is_found_in_the_events() -> None:
    """The pod's status says only ContainerCreating: without the event it would wait for its whole deadline."""
    event = _event("FailedMount", 'MountVolume.SetUp failed for volume "c" : secret "quay-credentials" not found')
    pod = _pod(containerStatuses=_container("waiting", reason="ContainerCreating"))
    diagnosis = diagnose_pod(pod, events=[event])
    assert diagnosis.category is Category.VOLUME_MOUNT
    assert "kubectl get secret quay-credentials -n ns" in diagnosis.next_action


def test_a_mount_that_has_healed_is_no_reason_to_give_up() -> None:
    """A long pull after a late ConfigMap must not be taken for the mount that failed before it."""
    events = [_event("FailedMount", "configmap not found"), _event("Pulling", "pulling")]
    assert diagnose_pod(_pod(), events=events).category is Category.PENDING


def test_another_pods_events_do_not_count() -> None:
    """An earlier pod's failed mount must not condemn this one."""
    assert diagnose_pod(_pod(), events=[_event("FailedMount", "x", uid="other")]).category is Category.PENDING


def test_failure_13_a_node_evicts_the_build_because_its_disk_is_full() -> None:
    """Builds took 59-64 GB where 14 were free, were evicted, and were retried into the same wall.

    It is docs/failures.md, row 13.
    """
    message = "Pod ephemeral local storage usage exceeds the total limit of containers 80Gi. "
    diagnosis = diagnose_pod(_pod(phase="Failed", reason="Evicted", message=message), events=[])
    assert (diagnosis.category, diagnosis.transient) == (Category.EVICTED, False)
    assert "ephemeral storage" in diagnosis.next_action


def test_failure_13_a_jobs_own_deadline_is_named_with_its_length() -> None:
    """One-hour default timeouts killed builds, and nothing said that it was the clock (docs/failures.md, row 13)."""
    job = {**JOB, "status": {"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]}}
    diagnosis = diagnose_job(job, pod=EXIT, events=[])
    assert diagnosis.category is Category.DEADLINE_EXCEEDED
    assert "activeDeadlineSeconds=7260" in diagnosis.sentence


def test_a_job_whose_pod_is_refused_says_why() -> None:
    """Without a pod there is no pod status: a missing service account shows only in the Job's events."""
    event = _event("FailedCreate", 'error looking up service account ns/b: serviceaccount "b" not found', uid="j")
    diagnosis = diagnose_job(JOB, pod=None, events=[event])
    assert (diagnosis.category, diagnosis.transient) == (Category.POD_NOT_CREATED, False)
    assert "kubectl get serviceaccount b -n ns" in diagnosis.next_action


def test_a_full_quota_is_transient() -> None:
    """Another pod's end frees the quota, so the same Job can succeed later."""
    event = _event("FailedCreate", "pods is forbidden: exceeded quota: q, requested: cpu=1", uid="j")
    assert diagnose_job(JOB, pod=None, events=[event]).transient is True


def test_a_failed_job_is_never_called_running() -> None:
    """The pod's last word can be older than the Job's: the error must not read 'the pod runs'."""
    job = {**JOB, "status": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}}
    diagnosis = diagnose_job(job, pod=_pod(phase="Running"), events=[])
    assert diagnosis.category is Category.UNKNOWN
    assert "BackoffLimitExceeded" in diagnosis.sentence


def test_a_refused_pull_names_the_image_and_the_secret() -> None:
    """The kubelet's back-off hides the reason; the event still has it."""
    waiting = _container("waiting", reason="ImagePullBackOff", message='Back-off pulling image "quay.io/org/x:1"')
    pod = {**_pod(containerStatuses=waiting), "spec": {"imagePullSecrets": [{"name": "quay-credentials"}]}}
    event = _event("Failed", 'Failed to pull image "quay.io/org/x:1": unauthorized: access is not authorized')
    diagnosis = diagnose_pod(pod, events=[event])
    assert (diagnosis.category, diagnosis.transient) == (Category.IMAGE_PULL, False)
    assert "unauthorized" in diagnosis.sentence
    assert "with the pull secret quay-credentials" in diagnosis.sentence
    assert "kubectl get secret quay-credentials -n ns" in diagnosis.next_action


def test_a_busy_registry_is_transient() -> None:
    """Too many pulls pass by themselves; a wrong name does not."""
    waiting = _container("waiting", reason="ErrImagePull", message="toomanyrequests: rate limit")
    assert diagnose_pod(_pod(containerStatuses=waiting), events=[]).transient
