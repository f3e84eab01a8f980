"""What a ready service says of itself, and whether it runs what was deployed."""

from __future__ import annotations

import pytest

from flows.deploy_model.engine_log import EngineMemory
from flows.deploy_model.errors import NoAddressError, ServedImageError
from flows.deploy_model.record import serving_properties
from flows.deploy_model.serving import check_image, read_serving
from flows.runs import Run
from tests.unit.deploy_facts import IMAGE, Json, release_of, spec_of

SPEC = spec_of()
SERVICE: Json = {
    "metadata": {"name": "mistral-24b-quantized", "namespace": "private-ai-demo", "generation": 4},
    "status": {
        "url": "https://m.apps.example",
        "address": {"url": "http://m-predictor.private-ai-demo.svc.cluster.local"},
        "components": {"predictor": {"latestCreatedRevision": "2"}},
    },
}


def pod(*, image: str = IMAGE, started: str = "2026-01-01T00:00:05Z", ready: str = "2026-01-01T00:02:03Z") -> Json:
    """A ready predictor pod."""
    engine = {"name": "kserve-container", "imageID": image, "state": {"running": {"startedAt": started}}}
    return {
        "metadata": {"name": "p", "namespace": "private-ai-demo"},
        "status": {
            "containerStatuses": [{"name": "queue-proxy", "imageID": "other@sha256:0"}, engine],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": ready}],
        },
    }


def test_a_service_is_read_with_both_addresses() -> None:
    """The smoke test would go out through the ingress, or users would get an address of the cluster only."""
    serving = read_serving(SERVICE, [pod()])
    assert (serving.url, serving.address, serving.revision) == (
        "https://m.apps.example", "http://m-predictor.private-ai-demo.svc.cluster.local", "2",
    )  # fmt: skip
    assert serving.load_seconds == 118.0


def test_a_service_without_an_address_is_told() -> None:
    """The smoke test would ask an empty URL."""
    with pytest.raises(NoAddressError, match="its status has no URL"):
        read_serving({**SERVICE, "status": {}}, [])


def test_a_service_without_revisions_is_named_by_its_generation() -> None:
    """Two test results of different settings would carry one revision."""
    bare = {**SERVICE, "status": {"url": "http://m"}}
    assert read_serving(bare, []).revision == "generation-4"


def test_failure_9_another_image_than_was_deployed_is_refused() -> None:
    """The built image was never the one that served (docs/failures.md, row 9)."""
    with pytest.raises(ServedImageError, match=r"pod p runs quay\.io/org/old@sha256:000"):
        check_image([pod(image="quay.io/org/old@sha256:" + "0" * 64)], wanted=IMAGE)


@pytest.mark.parametrize("found", [IMAGE, IMAGE.replace("quay.io", "mirror.local"), "sha256:" + "9" * 64, ""])
def test_a_mirrors_copy_and_an_unknown_id_are_believed(found: str) -> None:
    """A mirror, or a runtime that names its own ids, would fail every deploy."""
    check_image([pod(image=found)], wanted=IMAGE)


def test_the_registry_is_told_only_what_is_known() -> None:
    """A load time or memory of 0 would be taken for a measurement."""
    serving = read_serving({**SERVICE, "status": {"url": "http://m"}}, [])
    known = serving_properties(
        serving, release=release_of(SPEC), memory=EngineMemory(kv_cache_gib=5.5), run=Run(id="r", url="http://ui/r")
    )
    assert known == {
        "inference_service": "mistral-24b-quantized",
        "inference_service_namespace": "private-ai-demo",
        "inference_service_revision": "generation-4",
        "inference_service_url": "http://m",
        "inference_service_state": "serving",
        "serving_image": IMAGE,
        "serving_manifest_sha256": release_of(SPEC).manifest.digest(),
        "deploy_flow_run_id": "r",
        "deploy_flow_run_url": "http://ui/r",
        "kv_cache_gib": 5.5,
    }
