"""Jobs run to their end against the sandbox's Kubernetes: adopted, replaced, explained, cleared away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from k8s.cluster import JOB_RIGHTS, Cluster, JobWatch, connect
from k8s.cluster.connection import open_connection
from k8s.cluster.feed import Change
from k8s.cluster.watching import Source, watching
from k8s.diagnosis import Category
from k8s.errors import JobDeadlineError, JobFailedError
from tests.integration.kube_server import SHELL_IMAGE, kube_server

Json = dict[str, Any]
NAMESPACE = "private-ai-demo"
PATIENCE = 120.0
"""However busy the machine is."""
IMPATIENT = ((Category.IMAGE_PULL, 0.5), (Category.VOLUME_MOUNT, 0.5), (Category.INVALID_IMAGE_NAME, 0.0))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Serve one cluster for all tests of this file; each test's Job has a name of its own."""
    with kube_server(tmp_path_factory.mktemp("kube")) as kubeconfig, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(kubeconfig))
        cluster = connect()
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        yield cluster


def _job(name: str, script: str, *, image: str = SHELL_IMAGE, **pod: object) -> Json:
    container = {
        "name": "main",
        "image": image,
        "command": ["/bin/sh", "-c", script],
        "env": [{"name": "TERMINATION_LOG", "value": "/dev/termination-log"}],
        "terminationMessagePath": "/dev/termination-log",
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": 600,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container], **pod}},
        },
    }


def _exists(cluster: Cluster, name: str) -> bool:
    return cluster.get("batch/v1", "Job", name, namespace=NAMESPACE) is not None


def _await_gone(plural: str, name: str) -> None:
    """Wait for the garbage collector, which works on its own time."""
    source = Source("x", f"/api/v1/namespaces/{NAMESPACE}/{plural}", {"fieldSelector": f"metadata.name={name}"})
    with watching(open_connection(), source) as feed:
        while change := feed.next(seconds=PATIENCE):
            assert isinstance(change, Change)
            if change.kind == "deleted" or not change.objects:
                return
    pytest.fail(f"{plural}/{name} is still there")


def test_a_job_that_succeeds_gives_its_message_and_log_and_goes_away(cluster: Cluster) -> None:
    """The digest travels by the termination message; a finished Job that stays would pile up."""
    events: list[str] = []
    lines: list[str] = []
    job = _job("good", 'echo one; echo two; printf done > "$TERMINATION_LOG"')
    watch = JobWatch(timeout_seconds=PATIENCE, on_event=events.append, on_log=lines.append)
    result = cluster.run_job(job, watch=watch)
    assert (result.message, result.log_tail, result.adopted) == ("done", ("one", "two"), False)
    assert lines == ["one", "two"]
    assert events[0] == "created the Job good"
    assert not _exists(cluster, "good")


def test_a_job_that_fails_raises_with_the_end_of_its_log(cluster: Cluster) -> None:
    """A user who reads only the flow's error must see why the build failed."""
    with pytest.raises(JobFailedError) as caught:
        cluster.run_job(_job("bad", "seq 1 9; exit 3"), watch=JobWatch(timeout_seconds=PATIENCE, tail_lines=2))
    assert caught.value.diagnosis.category is Category.EXIT_CODE
    assert caught.value.log_tail == ("8", "9")
    assert "exit code 3" in str(caught.value)
    assert not caught.value.transient


def test_a_failed_job_of_the_same_name_is_replaced(cluster: Cluster) -> None:
    """The re-run after mending must not end in 'already exists'."""
    with pytest.raises(JobFailedError):
        cluster.run_job(_job("again", "exit 1"), watch=JobWatch(timeout_seconds=PATIENCE))
    assert _exists(cluster, "again")
    events: list[str] = []
    cluster.run_job(_job("again", "true"), watch=JobWatch(timeout_seconds=PATIENCE, on_event=events.append))
    assert "removing the earlier Job again: Failed" in events


def test_a_running_job_of_an_earlier_attempt_is_adopted(cluster: Cluster, tmp_path: Path) -> None:
    """A flow that was killed must not build a second time beside its first attempt."""
    gate = tmp_path / "gate"
    job = _job("adopted", f'while [ ! -e {gate} ]; do sleep 0.05; done; printf done > "$TERMINATION_LOG"')
    created = threading.Event()
    first = threading.Thread(
        target=cluster.run_job, args=(job,), kwargs={"watch": _telling(created, timeout_seconds=PATIENCE)}
    )
    first.start()
    assert created.wait(PATIENCE)
    adopted = threading.Event()
    threading.Thread(target=lambda: adopted.wait(PATIENCE) and gate.touch()).start()
    result = cluster.run_job(job, watch=_telling(adopted, timeout_seconds=PATIENCE))
    first.join()
    assert (result.message, result.adopted) == ("done", True)


def _telling(event: threading.Event, *, timeout_seconds: float) -> JobWatch:
    return JobWatch(timeout_seconds=timeout_seconds, on_event=lambda _: event.set())


@contextmanager
def _begun(cluster: Cluster, job: Json, word: str) -> Iterator[None]:
    """Run a Job in a thread for a block of code that removes it; the block begins once a word was told or logged."""
    told = threading.Event()

    def listen(line: str) -> None:
        if word in line:
            told.set()

    watch = JobWatch(timeout_seconds=600, hopeless_after=(), on_event=listen, on_log=listen)
    with ThreadPoolExecutor() as thread:
        running = thread.submit(cluster.run_job, job, watch=watch)
        assert told.wait(PATIENCE)
        yield
        assert isinstance(running.exception(PATIENCE), JobFailedError)


def test_a_running_job_that_was_asked_for_something_else_is_replaced(cluster: Cluster) -> None:
    """An older build that still runs would push other bytes under the new build's name."""
    created = threading.Event()
    failures: list[JobFailedError] = []

    def first() -> None:
        try:
            cluster.run_job(_job("other", "sleep 600"), watch=_telling(created, timeout_seconds=600))
        except JobFailedError as error:
            failures.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    assert created.wait(PATIENCE)
    cluster.run_job(_job("other", "true"), watch=JobWatch(timeout_seconds=PATIENCE))
    thread.join()
    assert [failure.diagnosis.category for failure in failures] == [Category.DELETED]
    assert failures[0].transient


def test_the_deadline_also_comes_while_the_pod_is_pending(cluster: Cluster) -> None:
    """A pod that no node can take must not be waited for without end."""
    selector = {"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"}}
    job = _job("pending", "true", **selector)
    with (
        _begun(cluster, job, "no node can take the pod"),
        pytest.raises(JobDeadlineError, match="no node can take the pod: 0/1 nodes") as caught,
    ):
        cluster.run_job(job, watch=JobWatch(timeout_seconds=2))
    assert caught.value.diagnosis.category is Category.UNSCHEDULABLE
    assert not _exists(cluster, "pending")


def test_the_deadline_keeps_the_log_of_what_ran(cluster: Cluster) -> None:
    """A build that is too slow must show how far it came."""
    job = _job("slow", "echo begun; sleep 600")
    with _begun(cluster, job, "begun"), pytest.raises(JobDeadlineError) as caught:
        cluster.run_job(job, watch=JobWatch(timeout_seconds=2))
    assert caught.value.log_tail == ("begun",)


def test_an_image_that_cannot_be_pulled_fails_early(cluster: Cluster) -> None:
    """A typo in the builder's image must fail in seconds, not after the two hours of a build."""
    job = _job("typo", "true", image="quay.io/nobody/nothing:1")
    with pytest.raises(JobFailedError, match=r"quay\.io/nobody/nothing:1 cannot be pulled") as caught:
        cluster.run_job(job, watch=JobWatch(timeout_seconds=PATIENCE, hopeless_after=IMPATIENT))
    assert not isinstance(caught.value, JobDeadlineError)
    assert not _exists(cluster, "typo")


def test_a_missing_secret_fails_early_and_is_named(cluster: Cluster) -> None:
    """A secret that does not exist keeps a pod in ContainerCreating, without a word in its status."""
    volumes = [{"name": "c", "secret": {"secretName": "quay-credentials"}}]
    with pytest.raises(JobFailedError, match="kubectl get secret quay-credentials") as caught:
        cluster.run_job(
            _job("secretless", "true", volumes=volumes),
            watch=JobWatch(timeout_seconds=PATIENCE, hopeless_after=IMPATIENT),
        )
    assert caught.value.diagnosis.category is Category.VOLUME_MOUNT


def test_attachments_come_before_the_job_and_go_with_it(cluster: Cluster) -> None:
    """A ConfigMap for each build that nobody removes would fill the cluster."""
    files = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "files", "namespace": NAMESPACE},
        "data": {"greeting": "hello"},
    }
    job = _job("attached", "cat /files/greeting", volumes=[{"name": "files", "configMap": {"name": "files"}}])
    job["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "files", "mountPath": "/files"}]
    result = cluster.run_job(job, attachments=[files], watch=JobWatch(timeout_seconds=PATIENCE))
    assert result.log_tail == ("hello",)
    _await_gone("configmaps", "files")


def test_the_rights_are_asked_for_before_they_are_needed(cluster: Cluster) -> None:
    """Preflight shows every missing right at once."""
    assert cluster.missing_rights(JOB_RIGHTS, namespace=NAMESPACE) == ()
    assert cluster.can("create", "jobs", group="batch", namespace=NAMESPACE)


def test_a_secrets_values_are_never_returned(cluster: Cluster) -> None:
    """Preflight needs to know that a key is there, and nothing else."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "huggingface-token", "namespace": NAMESPACE},
        "stringData": {"HF_TOKEN": "throw-away"},
    }
    cluster.apply(secret)
    assert cluster.secret_keys("huggingface-token", namespace=NAMESPACE) == ("Opaque", frozenset({"HF_TOKEN"}))
    assert cluster.secret_keys("none", namespace=NAMESPACE) is None


def test_applying_twice_and_deleting_twice_is_no_error(cluster: Cluster) -> None:
    """Every step can be run again."""
    thing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "twice", "namespace": NAMESPACE}}
    for value in ("a", "b"):
        assert cluster.apply({**thing, "data": {"key": value}})["data"] == {"key": value}
    assert cluster.delete("v1", "ConfigMap", "twice", namespace=NAMESPACE)
    assert not cluster.delete("v1", "ConfigMap", "twice", namespace=NAMESPACE)
    assert cluster.version().startswith("v1.")
