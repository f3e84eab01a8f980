"""Which pods of a service are of its state before a change, where the API's times cannot tell it."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.cluster.workload import Workload
from k8s.manifests.stamp import stamped

Json = dict[str, Any]
CHANGED, BEFORE, AFTER = "2026-01-01T00:00:06Z", "2026-01-01T00:00:05Z", "2026-01-01T00:00:07Z"


def _service(*args: str, **predictor: object) -> Json:
    return stamped(
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {
                "name": "m",
                "namespace": "ns",
                "uid": "i",
                "annotations": {"slipway.dev/source-commit": "c"},
                "managedFields": [{"time": CHANGED}, {"time": AFTER, "subresource": "status"}],
            },
            "spec": {"predictor": {"model": {"args": list(args)}, **predictor}},
        }
    )


def _pod_of(service: Json, *, made: str = CHANGED, stripped: bool = False) -> Json:
    predictor = service["spec"]["predictor"]
    passed_on = service["metadata"]["annotations"] | predictor.get("annotations", {}) | {"prometheus.io/port": "8080"}
    return {
        "metadata": {"name": "p", "creationTimestamp": made, "annotations": {} if stripped else passed_on},
        "spec": {"containers": [{"name": "kserve-container", "args": ["--port=8080", *predictor["model"]["args"]]}]},
    }


@pytest.mark.parametrize(("made", "outdated"), [(BEFORE, True), (AFTER, False)])
def test_a_pod_of_another_second_is_told_by_its_time(made: str, outdated: bool) -> None:
    """The crash of the copy that goes would be taken for the crash of the copy that comes."""
    service = _service("--a")
    assert Workload(service).outdated(_pod_of(service, made=made)) is outdated


@pytest.mark.parametrize(
    "before",
    [_service("--a", "--no-such-argument"), _service("--a", annotations={"slipway.dev/restarted-by": "r"})],
    ids=["one argument more", "restarted"],
)
def test_a_pod_that_crashed_in_the_second_of_the_change_is_of_the_state_before(before: Json) -> None:
    """A rollback that comes within a second of a crash was given up for that crash, and told to have failed."""
    service = _service("--a")
    assert Workload(service).outdated(_pod_of(before))
    assert not Workload(service).outdated(_pod_of(service))


def test_without_annotations_the_arguments_tell() -> None:
    """A cluster may be told not to pass annotations on to pods."""
    service = _service("--a")
    assert Workload(service).outdated(_pod_of(_service("--b"), stripped=True))
    assert not Workload(service).outdated(_pod_of(service, stripped=True))
