"""An API server that goes away while a Job is watched over, as in every upgrade of a control plane."""

from __future__ import annotations

import threading

import pytest

from k8s.cluster import Cluster, JobWatch
from tests.cluster.machine import kubernetes, machine
from tests.cluster.machine.components import api_server
from tests.cluster.pods import shell_job
from tests.cluster.surroundings import Surroundings


def test_a_job_is_watched_through_a_restart_of_the_api_server(
    cluster: Cluster, namespace: str, surroundings: Surroundings
) -> None:
    """A control plane's upgrade must not lose an hour of building."""
    layout = surroundings.made_by
    if layout is None:
        pytest.skip("only the API server of `make cluster` is ours to restart")
    server = api_server(layout, kubernetes.binaries(log=layout.logs / "build.log"))
    script = 'echo begun; sleep 8; echo ended; printf done > "$TERMINATION_LOG"'
    job = shell_job("patient", script, image=surroundings.base, namespace=namespace)
    begun = threading.Event()

    def restart() -> None:
        assert begun.wait(60)
        machine.stop(server, layout=layout)
        machine.start(server, layout=layout)

    thread = threading.Thread(target=restart)
    thread.start()
    result = cluster.run_job(job, watch=JobWatch(timeout_seconds=120, on_log=lambda _: begun.set()))
    thread.join()
    assert (result.message, result.log_tail) == ("done", ("begun", "ended"))
