"""Real pods in real trouble: what Kubernetes says about them must become the right category and sentence."""

from __future__ import annotations

import time

import pytest

from k8s.cluster import Cluster, JobWatch
from k8s.cluster.connection import open_connection
from k8s.diagnosis import Category
from k8s.errors import AdmissionError, JobDeadlineError, JobFailedError
from tests.cluster.pods import Json, pod_spec, shell_job
from tests.cluster.surroundings import Surroundings

KUBERNETES = ("sandbox", "real")
GPU = "nvidia.com/gpu"


def _failure(cluster: Cluster, job: Json, *, seconds: float = 60, **patience: float) -> JobFailedError:
    """Run a Job that cannot succeed; give up a category after its seconds in `patience`."""
    hopeless = tuple((Category[name], after) for name, after in patience.items())
    with pytest.raises(JobFailedError) as caught:
        cluster.run_job(job, watch=JobWatch(timeout_seconds=seconds, hopeless_after=hopeless))
    return caught.value


def _await_refusal(job: Json) -> None:
    """Wait until a quota counts: an API server acts on a new one a moment after it has taken it."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}, "spec": pod_spec(job)}
    path = f"/api/v1/namespaces/{job['metadata']['namespace']}/pods"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            open_connection().request("POST", path, query={"dryRun": "All"}, body=pod)
        except AdmissionError as refusal:
            if "is full" in str(refusal):
                return
        time.sleep(0.1)
    pytest.fail("the quota refuses nothing")


def test_an_image_that_is_not_there(cluster: Cluster, namespace: str, surroundings: Surroundings) -> None:
    """The wrong tag is the commonest mistake; the error must name the image."""
    image = f"{surroundings.base.rpartition(':')[0]}:no-such-tag"
    failure = _failure(cluster, shell_job("absent", "true", image=image, namespace=namespace), IMAGE_PULL=2)
    assert failure.diagnosis.category is Category.IMAGE_PULL
    assert image in failure.diagnosis.sentence


def test_an_image_name_that_cannot_be(cluster: Cluster, namespace: str) -> None:
    """The kubelet never retries such a name, so nobody should wait."""
    failure = _failure(
        cluster, shell_job("name", "true", image="UPPER//case", namespace=namespace), INVALID_IMAGE_NAME=0
    )
    assert failure.diagnosis.category is Category.INVALID_IMAGE_NAME


def test_a_container_that_takes_more_memory_than_its_limit(
    cluster: Cluster, namespace: str, surroundings: Surroundings
) -> None:
    """'exit code 137' alone sends people looking for a bug; the limit's name is the answer."""
    # A little at a time: the sandbox looks at a container's memory twice a second.
    greedy = "more=$(head -c 3000000 /dev/zero | tr '\\0' x); while true; do text=$text$more; sleep 0.05; done"
    limited = {"requests": {"memory": "16Mi"}, "limits": {"memory": "32Mi"}}
    job = shell_job("greedy", greedy, image=surroundings.base, namespace=namespace, resources=limited)
    failure = _failure(cluster, job)
    assert failure.diagnosis.category is Category.OOM_KILLED
    assert "32Mi" in str(failure)


def test_a_label_that_no_node_has(cluster: Cluster, namespace: str, surroundings: Surroundings) -> None:
    """A pod for another GPU type stays pending; the scheduler's own words must come through."""
    job = shell_job("label", "true", image=surroundings.base, namespace=namespace)
    pod_spec(job)["nodeSelector"] = {"nvidia.com/gpu.product": "NVIDIA-NOWHERE"}
    failure = _failure(cluster, job, seconds=5)
    assert isinstance(failure, JobDeadlineError)
    assert failure.diagnosis.category is Category.UNSCHEDULABLE
    assert "node" in failure.diagnosis.sentence


def test_more_gpus_than_there_are(cluster: Cluster, namespace: str, surroundings: Surroundings) -> None:
    """The rollout that needed twice the GPUs hung without a word (docs/failures.md, row 14)."""
    amounts = {GPU: "64"}
    limited = {"requests": amounts, "limits": amounts}
    job = shell_job("gpus", "true", image=surroundings.base, namespace=namespace, resources=limited)
    failure = _failure(cluster, job, seconds=5)
    assert failure.diagnosis.category is Category.UNSCHEDULABLE
    assert GPU in failure.diagnosis.sentence


def test_a_gpu_that_the_node_has(cluster: Cluster, namespace: str, surroundings: Surroundings) -> None:
    """Where GPUs are free the same pod must run, or the test above proves nothing."""
    if not surroundings.has_gpus:
        pytest.skip("a cluster that we did not make may have no GPU free")
    amounts = {GPU: "1"}
    limited = {"requests": amounts, "limits": amounts}
    job = shell_job("gpu", "true", image=surroundings.base, namespace=namespace, resources=limited)
    pod_spec(job)["nodeSelector"] = {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert not cluster.run_job(job, watch=JobWatch(timeout_seconds=60)).adopted


def test_a_quota_that_is_used_up(cluster: Cluster, namespace: str, surroundings: Surroundings) -> None:
    """A quota stops the pod before it exists: there is no pod to look at, only the Job's events."""
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "ai-workload-quota", "namespace": namespace},
        "spec": {"hard": {f"requests.{GPU}": "1"}},
    }
    cluster.apply(quota)
    amounts = {GPU: "2"}
    limited = {"requests": amounts, "limits": amounts}
    job = shell_job("quota", "true", image=surroundings.base, namespace=namespace, resources=limited)
    _await_refusal(job)
    failure = _failure(cluster, job, QUOTA_EXCEEDED=2)
    assert failure.diagnosis.category is Category.QUOTA_EXCEEDED
    assert "ai-workload-quota" in failure.diagnosis.sentence


def test_a_secret_that_is_not_there(cluster: Cluster, namespace: str, surroundings: Surroundings) -> None:
    """A missing Secret once made a download run unauthenticated; now it stops, and is named.

    It is docs/failures.md, row 6.
    """
    token = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "huggingface-token", "key": "HF_TOKEN"}}}
    job = shell_job("secret", "true", image=surroundings.base, namespace=namespace, env=[token])
    # In a new namespace the kubelet's first look may time out on its own cache, with another sentence.
    failure = _failure(cluster, job, CREATE_CONTAINER_CONFIG=surroundings.settled_after)
    assert failure.diagnosis.category is Category.CREATE_CONTAINER_CONFIG
    assert "huggingface-token" in failure.diagnosis.sentence
