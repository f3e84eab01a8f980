"""What an import's preflight looks at: each outside system is asked for what it will be asked for later."""

from __future__ import annotations

from blocks.hub import ModelHub
from blocks.image_registry import ImageRegistry
from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry
from deployments.settings import Settings
from deployments.spec import ModelSpec
from flows.import_model.errors import MissingRightsError, MissingSecretError
from flows.preflight import Check
from k8s.cluster import JOB_RIGHTS, connect
from k8s.manifests.runtime_image import runtime_tag
from k8s.recipe import runtime_inputs

DOCKER_SECRET_TYPE = "kubernetes.io/dockerconfigjson"  # noqa: S105 - the name of a type


def import_checks(
    spec: ModelSpec,
    *,
    hub: ModelHub,
    store: ObjectStore,
    registry: ModelRegistry,
    images: ImageRegistry,
    environment: Settings,
) -> list[Check]:
    """List what must hold before a byte moves; each check says in one line what it found."""
    namespace = environment.namespace

    def hub_serves() -> str:
        client = hub.client()
        client.check(spec.source.repo, revision=spec.source.revision, token_needed=spec.source.gated)
        how = f"with the token of ${hub.token_variable}" if client.authenticated else "without a token"
        return f"{spec.source.repo} is open to us at {hub.endpoint}, {how}"

    def bucket_takes() -> str:
        store.client().probe()
        return f"s3://{store.bucket} took a probe object and gave it back"

    def registry_answers() -> str:
        registry.client().ping()
        return f"answers at {registry.address}"

    def cluster_permits() -> str:
        missing = connect().missing_rights(JOB_RIGHTS, namespace=namespace)
        if missing:
            raise MissingRightsError(rights=[str(right) for right in missing], namespace=namespace)
        return f"Jobs may run in {namespace}"

    def credential_is_there() -> str:
        found = connect().secret_keys(images.credential_secret, namespace=namespace)
        if found is None or found[0] != DOCKER_SECRET_TYPE:
            raise MissingSecretError(
                name=images.credential_secret, namespace=namespace, found=found and found[0], wanted=DOCKER_SECRET_TYPE
            )
        return f"Secret {images.credential_secret} is in {namespace}"

    def images_answer() -> str:
        inputs = runtime_inputs(base_image=environment.runtime_base_image, ca_bundle=environment.ca_bundle)
        digest = images.client().digest_of(runtime_tag(inputs))
        if digest:
            return f"the runtime image is there: {digest}"
        return f"the runtime image will be built by {environment.builder_image} and pushed to {images.repository}"

    return [
        Check("model hub", hub_serves),
        Check("object store", bucket_takes),
        Check("model registry", registry_answers),
        Check("cluster", cluster_permits),
        Check("build credential", credential_is_there),
        Check("image registry", images_answer),
    ]
