"""`verify`: each link of the chain is compared, and a broken one names what disagrees and the next command."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployments.settings import Settings
from flows.deploy_model.serving import read_serving
from flows.deploy_model.smoke import SmokeResult
from flows.preflight import Finding
from flows.verify_model.chain import verify_chain
from flows.verify_model.facts import Answer, Facts
from k8s.manifests.inference_service import inference_service
from tests.unit.deploy_facts import BUCKET, IMAGE, manifest_of, release_of, spec_of, version_of

Json = dict[str, Any]
SPEC = spec_of("quantized")
MANIFEST = manifest_of(SPEC)
NAME = SPEC.serving.inference_service
READY = {"conditions": [{"type": "Ready", "status": "True"}], "url": "http://mistral.example.com"}


def service(**status: object) -> Json:
    """The service as a deploy leaves it."""
    inputs = release_of(SPEC).inputs(Settings(), bucket=BUCKET)
    return inference_service(SPEC, inputs) | {"status": status or READY}


def pod(image: str = IMAGE) -> Json:
    """A ready pod of it."""
    statuses = [{"name": "kserve-container", "imageID": image}]
    return {"metadata": {"name": "p", "namespace": "private-ai-demo"}, "status": {"containerStatuses": statuses}}


def facts(**changed: object) -> Facts:
    """What the systems say when all is well, but for what a test changes."""
    whole = Facts(
        manifest=Answer(value=MANIFEST),
        version=Answer(value=version_of(SPEC, MANIFEST)),
        service=Answer(value=service()),
        serving=Answer(value=read_serving(service(), [pod()])),
        models=Answer(value=(NAME,)),
        smoke=Answer(value=SmokeResult(NAME, " Paris", 5)),
    )
    return replace(whole, **changed)  # type: ignore[arg-type]  # each test gives a field of Facts


def broken(found: Facts) -> dict[str, str]:
    """The links that do not hold."""
    return {each.name: each.detail for each in verify_chain(SPEC, found, bucket=BUCKET) if not each.ok}


def test_a_whole_chain_is_one_table() -> None:
    """People would have to ask five systems by hand, as they did."""
    findings = verify_chain(SPEC, facts(), bucket=BUCKET)
    assert [each.name for each in findings] == ["manifest", "registry", "service", "image", "endpoint", "completion"]
    assert findings[0] == Finding(
        "manifest",
        ok=True,
        detail=f"{MANIFEST.digest()[:12]}: 2 files, 14,000.0 MB, from {SPEC.source.repo} at aaaaaaaaaaaa",
    )
    assert all(each.ok for each in findings)


def test_a_model_that_was_never_imported_names_the_import() -> None:
    """`verify` would end in a stack trace instead of the next command."""
    nothing = Answer[Any]()
    found = Facts(manifest=nothing, version=nothing, service=nothing, serving=nothing, models=nothing, smoke=nothing)
    said = broken(found)
    assert "prefect deployment run import/quantized" in said["manifest"]
    assert "prefect deployment run deploy/quantized" in said["service"]
    assert said["completion"] == "not asked: there is no endpoint"
    assert len(said) == 6


def test_fact_2_the_registry_must_name_the_manifest_of_the_store() -> None:
    """Import, service and test once used three names for one version."""
    other = version_of(SPEC, MANIFEST, manifest_sha256="0" * 64)
    assert "it has manifest 000000000000" in broken(facts(version=Answer(value=other)))["registry"]


def test_fact_2_a_service_of_other_bytes_is_found() -> None:
    """A service that was deployed before the last import would pass for the new version."""
    stale = service()
    stale["metadata"]["annotations"]["slipway.dev/manifest-sha256"] = "0" * 64
    assert f"{NAME} serves manifest 000000000000" in broken(facts(service=Answer(value=stale)))["service"]


def test_fact_2_a_service_that_reads_another_prefix_is_found() -> None:
    """`quantized-w4a16/` was imported, and `quant-w4a16/` served."""
    stray = service()
    stray["spec"]["predictor"]["model"]["storageUri"] = "s3://llm-models/other/"
    assert "reads s3://llm-models/other/" in broken(facts(service=Answer(value=stray)))["service"]


def test_fact_9_another_image_than_the_recorded_one_is_found() -> None:
    """The image that was built was never served, and nobody noticed."""
    other = read_serving(service(), [pod("quay.io/org/slipway-vllm@sha256:" + "0" * 64)])
    assert "prefect deployment run deploy/quantized" in broken(facts(serving=Answer(value=other)))["image"]


def test_fact_12_another_id_at_the_endpoint_is_found() -> None:
    """Benchmarks of an id that nobody served were green."""
    assert "serves other, not" in broken(facts(models=Answer(value=("other",))))["endpoint"]


def test_a_service_that_is_not_ready_says_where_to_look() -> None:
    """`verify` is what people type first when a model does not answer."""
    waiting = service(conditions=[{"type": "Ready", "status": "False"}])
    said = broken(facts(service=Answer(value=waiting), serving=Answer(), models=Answer(), smoke=Answer()))
    assert f"kubectl describe inferenceservice {NAME}" in said["service"]
    assert set(said) == {"service", "image", "endpoint", "completion"}


@pytest.mark.parametrize("link", ["manifest", "version", "service"])
def test_a_system_that_does_not_answer_is_told_in_its_own_words(link: str) -> None:
    """An outage of the registry would look like a version that was never registered."""
    said = broken(facts(**{link: Answer(problem="no answer at http://x; is it up?")}))
    assert "no answer at http://x; is it up?" in said.values()
