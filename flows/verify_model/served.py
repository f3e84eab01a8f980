"""The links of a chain that are about what serves: the service, its image, its endpoint, its answers; pure."""

from __future__ import annotations

from blocks.errors import BlockError
from deployments.spec import ModelSpec
from flows.deploy_model.release import IMAGE_PROPERTY
from flows.deploy_model.serving import check_image
from flows.import_model.manifest import DIGEST_ANNOTATION
from flows.preflight import Finding
from flows.verify_model.facts import Facts
from flows.verify_model.links import broken, digest, fine, run, unasked
from k8s.fields import condition
from k8s.manifests.inference_service import storage_uri


def service_link(spec: ModelSpec, facts: Facts, *, bucket: str) -> Finding:
    """Whether the service is there, is ready, and was made of these bytes."""
    service, problem = facts.service.value, facts.service.problem
    name = spec.serving.inference_service
    if service is None:
        return broken("service", problem or f"{name} is not deployed. Deploy it: {run('deploy', spec)}")
    metadata = service["metadata"]
    deployed = str((metadata.get("annotations") or {}).get(DIGEST_ANNOTATION, ""))
    if facts.manifest.value is not None and deployed != facts.manifest.value.digest():
        said = f"{name} serves manifest {digest(deployed)}, the store has {digest(facts.manifest.value.digest())}"
        return broken("service", f"{said}. Deploy it: {run('deploy', spec)}")
    uri, wanted = service["spec"]["predictor"]["model"].get("storageUri", ""), storage_uri(spec, bucket=bucket)
    if uri != wanted:
        return broken("service", f"{name} reads {uri}, not {wanted}. Deploy it: {run('deploy', spec)}")
    if condition(service, "Ready") is None:
        look = f"kubectl describe inferenceservice {name} -n {metadata['namespace']}"
        return broken("service", f"{name} is not ready. See why: {look}")
    return fine("service", f"{name} is ready, manifest {digest(deployed)} from {uri}")


def image_link(spec: ModelSpec, facts: Facts) -> Finding:
    """Whether its pods run the image that the registry records, as far as the node says."""
    serving, version = facts.serving.value, facts.version.value
    if serving is None or version is None:
        return unasked("image", facts.serving.problem, needs="it needs a ready service and the registry's entry")
    recorded = str(version.properties.get(IMAGE_PROPERTY, ""))
    try:
        check_image(serving.pods, wanted=recorded)
    except BlockError as error:
        return broken("image", f"{error}. Deploy it: {run('deploy', spec)}")
    return fine("image", serving.image_id or f"{recorded}; the node reports none")


def endpoint_link(spec: ModelSpec, facts: Facts) -> Finding:
    """Whether it answers to its name."""
    serving, models = facts.serving.value, facts.models.value
    if serving is None or models is None:
        return unasked("endpoint", facts.models.problem or facts.serving.problem, needs="there is no ready service")
    name = spec.serving.inference_service
    if name not in models:
        said = f"{serving.address} serves {', '.join(models) or 'nothing'}, not {name}"
        return broken("endpoint", f"{said}. Ask it: curl {serving.address}/v1/models")
    return fine("endpoint", f"{serving.url} serves {name}")


def completion_link(facts: Facts) -> Finding:
    """Whether it completes and scores a prompt."""
    smoke = facts.smoke.value
    if smoke is None:
        return unasked("completion", facts.smoke.problem, needs="there is no endpoint")
    return fine("completion", f"{smoke.model} answers {smoke.completion!r}, {smoke.scored_tokens} tokens scored")
