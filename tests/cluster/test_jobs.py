"""Jobs on a real cluster: real scheduler, kubelet, containers and logs behind `Cluster.run_job`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from k8s.cluster import Cluster, JobWatch
from k8s.cluster.connection import open_connection
from k8s.diagnosis import Category
from k8s.errors import JobDeadlineError, JobFailedError
from tests.cluster.pods import Json, pod_spec, shell_job
from tests.cluster.surroundings import Surroundings

KUBERNETES = ("sandbox", "real")
_DONE = 'printf done > "$TERMINATION_LOG"'


def _exists(cluster: Cluster, job: Json) -> bool:
    about = job["metadata"]
    return cluster.get("batch/v1", "Job", about["name"], namespace=about["namespace"]) is not None


def _look_again(job: Json) -> None:
    """Change a Job, so that its controller looks: that of 1.20 now and then forgets when a deadline comes."""
    about = job["metadata"]
    path = f"/apis/batch/v1/namespaces/{about['namespace']}/jobs/{about['name']}"
    change = {"metadata": {"annotations": {"slipway.dev/test": "look"}}}
    open_connection().request("PATCH", path, body=change, content="application/merge-patch+json")


def test_a_job_that_succeeds_gives_its_message_and_log(
    cluster: Cluster, namespace: str, surroundings: Surroundings
) -> None:
    """The image's digest travels by the termination message; a finished Job that stays would pile up."""
    lines: list[str] = []
    job = shell_job("good", f"echo one; echo two; {_DONE}", image=surroundings.base, namespace=namespace)
    result = cluster.run_job(job, watch=JobWatch(timeout_seconds=60, on_log=lines.append))
    assert (result.message, result.log_tail, result.adopted) == ("done", ("one", "two"), False)
    assert lines == ["one", "two"]
    assert not _exists(cluster, job)


def test_a_job_that_fails_shows_the_end_of_its_log(
    cluster: Cluster, namespace: str, surroundings: Surroundings
) -> None:
    """A user who reads only the flow's error must see why the build failed."""
    job = shell_job("bad", "seq 1 9; exit 3", image=surroundings.base, namespace=namespace)
    with pytest.raises(JobFailedError, match="exit code 3") as caught:
        cluster.run_job(job, watch=JobWatch(timeout_seconds=60, tail_lines=2))
    assert caught.value.diagnosis.category is Category.EXIT_CODE
    assert caught.value.log_tail == ("8", "9")
    assert not caught.value.transient


def test_the_deadline_also_comes_while_the_pod_is_pending(
    cluster: Cluster, namespace: str, surroundings: Surroundings
) -> None:
    """A pod that no node can take must not be waited for without end, nor start hours later."""
    job = shell_job("pending", "true", image=surroundings.base, namespace=namespace)
    pod_spec(job)["nodeSelector"] = {"slipway.dev/nowhere": "true"}
    with pytest.raises(JobDeadlineError, match="no node can take the pod") as caught:
        cluster.run_job(job, watch=JobWatch(timeout_seconds=5))
    assert caught.value.diagnosis.category is Category.UNSCHEDULABLE
    assert not _exists(cluster, job)


def test_the_jobs_own_deadline_keeps_what_it_had_said(
    cluster: Cluster, namespace: str, surroundings: Surroundings
) -> None:
    """Kubernetes deletes the pod of a Job that is too slow, and its log with it."""
    job = shell_job("slow", "echo working; sleep 60", image=surroundings.base, namespace=namespace)
    job["spec"]["activeDeadlineSeconds"] = 8
    again = threading.Timer(11, _look_again, [job])
    with pytest.raises(JobFailedError) as caught:
        cluster.run_job(job, watch=JobWatch(timeout_seconds=60, on_log=lambda _: again.start()))
    again.cancel()
    assert caught.value.diagnosis.category is Category.DEADLINE_EXCEEDED
    assert caught.value.log_tail == ("working",)


_FIRST_ATTEMPT = """\
import json, sys
from k8s.cluster import JobWatch, connect
watch = JobWatch(timeout_seconds=60, on_log=lambda line: print(line, flush=True))
connect().run_job(json.loads(sys.argv[1]), watch=watch)
"""


def test_the_job_of_a_killed_process_is_adopted(
    cluster: Cluster, namespace: str, surroundings: Surroundings, kubeconfig: Path
) -> None:
    """A flow that was killed must not build a second time beside its first attempt."""
    script = f"echo begun; sleep 6; {_DONE}"
    job = shell_job("adopted", script, image=surroundings.base, namespace=namespace)
    command = [sys.executable, "-c", _FIRST_ATTEMPT, json.dumps(job)]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "begun\n"
        first.send_signal(signal.SIGKILL)
    result = cluster.run_job(job, watch=JobWatch(timeout_seconds=60))
    assert (result.message, result.adopted, result.log_tail) == ("done", True, ("begun",))


def test_a_job_that_was_asked_for_something_else_is_replaced(
    cluster: Cluster, namespace: str, surroundings: Surroundings
) -> None:
    """An older build that still runs would push other bytes under the new build's name."""
    started = threading.Event()
    failures: list[JobFailedError] = []

    def first() -> None:
        job = shell_job("other", "echo begun; sleep 60", image=surroundings.base, namespace=namespace)
        try:
            cluster.run_job(job, watch=JobWatch(timeout_seconds=60, on_log=lambda _: started.set()))
        except JobFailedError as error:
            failures.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    assert started.wait(60)
    job = shell_job("other", _DONE, image=surroundings.base, namespace=namespace)
    assert cluster.run_job(job, watch=JobWatch(timeout_seconds=60)).message == "done"
    thread.join()
    assert [failure.diagnosis.category for failure in failures] == [Category.DELETED]
