"""Compares what the systems say of a model, link by link: the store, the registry, the service, its answers; pure."""

from __future__ import annotations

from blocks.errors import BlockError
from deployments.spec import ModelSpec
from flows.deploy_model.release import IMAGE_PROPERTY
from flows.deploy_model.serving import check_image
from flows.import_model.manifest import DIGEST_ANNOTATION, DIGEST_PROPERTY
from flows.preflight import Finding
from flows.verify_model.facts import Facts
from k8s.fields import condition
from k8s.manifests.inference_service import storage_uri

MEGABYTE = 1_000_000


def verify_chain(spec: ModelSpec, facts: Facts, *, bucket: str) -> tuple[Finding, ...]:
    """Return a finding for each link; what rests on a link that is missing says so.

    Args:
        spec: what the catalog declares.
        facts: what the systems say.
        bucket: the bucket of the weights.
    """
    return (
        _manifest(spec, facts),
        _registry(spec, facts, bucket=bucket),
        _service(spec, facts, bucket=bucket),
        _image(spec, facts),
        _endpoint(spec, facts),
        _completion(facts),
    )


def _manifest(spec: ModelSpec, facts: Facts) -> Finding:
    manifest, problem = facts.manifest.value, facts.manifest.problem
    if manifest is None:
        again = f"no import of {spec.registered_model}/{spec.version} was finished. Import it: {_run('import', spec)}"
        return _problem("manifest", problem or again)
    if (manifest.model, manifest.version) != (spec.registered_model, spec.version):
        return _problem("manifest", f"it is of {manifest.model}/{manifest.version}, not of {spec.prefix}")
    return _fine(
        "manifest",
        f"{manifest.digest()[:12]}: {len(manifest.files)} files, {manifest.total_bytes() / MEGABYTE:,.1f} MB, "
        f"from {manifest.source.repo} at {manifest.source.commit[:12]}",
    )


def _registry(spec: ModelSpec, facts: Facts, *, bucket: str) -> Finding:
    version, problem = facts.version.value, facts.version.problem
    if version is None:
        again = f"it does not know {spec.registered_model}/{spec.version}. Register it: {_run('import', spec)}"
        return _problem("registry", problem or again)
    digest, uri = str(version.properties.get(DIGEST_PROPERTY, "")), f"s3://{bucket}/{spec.prefix}"
    held = version.artifact.uri if version.artifact else "nowhere"
    if held != uri:
        return _problem("registry", f"it says the bytes are at {held}, the catalog at {uri}: {_run('import', spec)}")
    if facts.manifest.value is not None and digest != facts.manifest.value.digest():
        said = f"it has manifest {digest[:12] or 'none'}, the store {facts.manifest.value.digest()[:12]}"
        return _problem("registry", f"{said}. Mend it: {_run('import', spec)}")
    if version.state != "LIVE":
        return _problem("registry", f"version {version.version_id} is {version.state}, not LIVE")
    return _fine("registry", f"version {version.version_id} of model {version.model_id}, manifest {digest[:12]}")


def _service(spec: ModelSpec, facts: Facts, *, bucket: str) -> Finding:
    service, problem = facts.service.value, facts.service.problem
    name = spec.serving.inference_service
    if service is None:
        return _problem("service", problem or f"{name} is not deployed. Deploy it: {_run('deploy', spec)}")
    metadata = service["metadata"]
    deployed = str((metadata.get("annotations") or {}).get(DIGEST_ANNOTATION, ""))
    if facts.manifest.value is not None and deployed != facts.manifest.value.digest():
        said = f"{name} serves manifest {deployed[:12] or 'none'}, the store has {facts.manifest.value.digest()[:12]}"
        return _problem("service", f"{said}. Deploy it: {_run('deploy', spec)}")
    uri, wanted = service["spec"]["predictor"]["model"].get("storageUri", ""), storage_uri(spec, bucket=bucket)
    if uri != wanted:
        return _problem("service", f"{name} reads {uri}, not {wanted}. Deploy it: {_run('deploy', spec)}")
    if condition(service, "Ready") is None:
        look = f"kubectl describe inferenceservice {name} -n {metadata['namespace']}"
        return _problem("service", f"{name} is not ready. See why: {look}")
    return _fine("service", f"{name} is ready, manifest {deployed[:12]} from {uri}")


def _image(spec: ModelSpec, facts: Facts) -> Finding:
    serving, version = facts.serving.value, facts.version.value
    if serving is None or version is None:
        return _unasked("image", facts.serving.problem, "it needs a ready service and the registry's entry")
    recorded = str(version.properties.get(IMAGE_PROPERTY, ""))
    try:
        check_image(serving.pods, wanted=recorded)
    except BlockError as error:
        return _problem("image", f"{error}. Deploy it: {_run('deploy', spec)}")
    return _fine("image", serving.image_id or f"{recorded}; the node reports none")


def _endpoint(spec: ModelSpec, facts: Facts) -> Finding:
    serving, models = facts.serving.value, facts.models.value
    if serving is None or models is None:
        return _unasked("endpoint", facts.models.problem or facts.serving.problem, "there is no ready service")
    name = spec.serving.inference_service
    if name not in models:
        said = f"{serving.address} serves {', '.join(models) or 'nothing'}, not {name}"
        return _problem("endpoint", f"{said}. Ask it: curl {serving.address}/v1/models")
    return _fine("endpoint", f"{serving.url} serves {name}")


def _completion(facts: Facts) -> Finding:
    smoke = facts.smoke.value
    if smoke is None:
        return _unasked("completion", facts.smoke.problem, "there is no endpoint")
    return _fine("completion", f"{smoke.model} answers {smoke.completion!r}, {smoke.scored_tokens} tokens scored")


def _run(flow: str, spec: ModelSpec) -> str:
    return f"prefect deployment run {flow}/{spec.key} --watch"


def _fine(name: str, detail: str) -> Finding:
    return Finding(name, ok=True, detail=detail)


def _problem(name: str, detail: str) -> Finding:
    return Finding(name, ok=False, detail=detail)


def _unasked(name: str, problem: str, reason: str) -> Finding:
    return Finding(name, ok=False, detail=problem or f"not asked: {reason}")
