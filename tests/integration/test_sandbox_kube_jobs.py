"""The sandbox's Job controller: when a Job is complete, failed, suspended and gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import kubernetes
import pytest

from tests.integration.sandbox_kube import PATIENCE, Client, Json, Pods, Server, gone, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve one cluster for all tests of this file; each test's Jobs have names of their own."""
    with serving(tmp_path_factory.mktemp("kube")) as server:
        yield server


@pytest.fixture(scope="module")
def batch(server: Server) -> Client:
    """Return the batch API."""
    return kubernetes.client.BatchV1Api(server.client())


@pytest.fixture(scope="module")
def pods(server: Server) -> Pods:
    """Return what watches pods."""
    return Pods(server.client())


def job(name: str, script: str, *, policy: str = "Never", image: str = "sh", **spec: object) -> Json:
    """Return a Job that runs a shell script."""
    container = {"name": "main", "image": image, "command": ["sh", "-c", script]}
    template = {"spec": {"restartPolicy": policy, "containers": [container], "terminationGracePeriodSeconds": 0}}
    return {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": template, **spec}}


def until(batch: Client, name: str, wanted: Callable[[Json], bool], *, since: Client = None) -> Json:
    """Return a Job's status once it is as wanted, since it was as created; a deleted Job's is `{"deleted": True}`."""
    more = {"resource_version": since.metadata.resource_version} if since else {}
    watch = kubernetes.watch.Watch()
    seen: Json = {}
    for event in watch.stream(
        batch.list_namespaced_job, "default", field_selector=f"metadata.name={name}", timeout_seconds=PATIENCE, **more
    ):
        seen = {"deleted": True} if event["type"] == "DELETED" else event["raw_object"].get("status") or {}
        if wanted(seen):
            watch.stop()
            return seen
    raise AssertionError(f"{name} stayed {seen}")


def ended(status: Json) -> bool:
    """Tell whether a Job has come to its end."""
    return any(entry["type"] in {"Complete", "Failed"} for entry in status.get("conditions") or [])


def test_a_job_completes_and_says_when(batch: Client) -> None:
    """The import waits for exactly this condition."""
    batch.create_namespaced_job("default", job("done", "true"))
    status = until(batch, "done", ended)
    assert (status["succeeded"], status["active"], status["conditions"][0]["type"]) == (1, 0, "Complete")
    assert status["startTime"] <= status["completionTime"]


def test_a_job_without_retries_fails_at_the_first_failure(batch: Client) -> None:
    """Retries belong to the flow: a Job that retries by itself multiplies them."""
    batch.create_namespaced_job("default", job("failing", "exit 1"))
    status = until(batch, "failing", ended)
    assert (status["failed"], status["conditions"][0]["reason"]) == (1, "BackoffLimitExceeded")


def test_the_deadline_comes_also_while_no_container_runs(batch: Client) -> None:
    """A pod that can never start would hold its Job for ever."""
    batch.create_namespaced_job("default", job("stuck", "true", image="no/such", activeDeadlineSeconds=1))
    assert until(batch, "stuck", ended)["conditions"][0]["reason"] == "DeadlineExceeded"


def test_a_deleted_pod_counts_as_a_failure(batch: Client, pods: Pods) -> None:
    """An evicted build would be started again behind the flow's back."""
    batch.create_namespaced_job("default", job("evicted", "sleep 600"))
    until(batch, "evicted", lambda status: status.get("ready") == 1)
    pods.core.delete_collection_namespaced_pod("default", label_selector="job-name=evicted")
    assert until(batch, "evicted", ended)["failed"] == 1


def test_a_failed_container_restarts_within_its_pod_until_the_limit(batch: Client) -> None:
    """`restartPolicy: OnFailure` has to end, too."""
    batch.create_namespaced_job("default", job("restarting", "exit 1", policy="OnFailure", backoffLimit=0))
    assert until(batch, "restarting", ended)["conditions"][0]["reason"] == "BackoffLimitExceeded"


def test_a_suspended_job_runs_when_it_is_resumed(batch: Client) -> None:
    """Queueing systems create Jobs suspended."""
    batch.create_namespaced_job("default", job("paused", "true", suspend=True))
    status = until(batch, "paused", lambda status: bool(status.get("conditions")))
    assert (status["conditions"][0]["type"], status["active"]) == ("Suspended", 0)
    batch.patch_namespaced_job("paused", "default", {"spec": {"suspend": False}})
    assert until(batch, "paused", ended)["succeeded"] == 1


def test_a_finished_job_goes_with_its_pods_after_its_time(batch: Client, pods: Pods) -> None:
    """Finished Jobs would pile up."""
    created = batch.create_namespaced_job("default", job("brief", "true", ttlSecondsAfterFinished=1))
    until(batch, "brief", lambda status: "deleted" in status, since=created)
    assert gone(lambda: pods.core.list_namespaced_pod("default", label_selector="job-name=brief").items == [])


def test_the_template_of_a_job_cannot_change(batch: Client) -> None:
    """A changed build under a taken name has to be a new Job."""
    batch.create_namespaced_job("default", job("fixed", "true"))
    change = {"spec": {"template": {"spec": {"restartPolicy": "OnFailure"}}}}
    with pytest.raises(kubernetes.client.exceptions.ApiException) as caught:
        batch.patch_namespaced_job("fixed", "default", change)
    assert (caught.value.status, "field is immutable" in caught.value.body) == (422, True)
