"""What is known of a Job whose end is told before its pod is."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.cluster.observation import Observation


def failed_job(**counts: int) -> dict[str, Any]:
    """A Job that Kubernetes gave up."""
    return {
        "metadata": {"name": "build", "namespace": "ns", "uid": "1"},
        "status": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}], **counts},
    }


@pytest.mark.parametrize(
    ("counts", "had_one"), [({"failed": 1}, True), ({"failed": 0, "active": 0}, False), ({}, False)]
)
def test_a_job_that_counts_a_failed_pod_has_one_before_its_watch_tells(
    counts: dict[str, int], *, had_one: bool
) -> None:
    """The error would say that the pod does not say why, a moment before it does."""
    seen = Observation(failed_job(**counts))
    assert seen.finished == "Failed"
    assert seen.pod is None
    assert seen.had_pod is had_one
