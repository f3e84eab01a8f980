"""The runtime image: found if its inputs are unchanged, else built by a Job on the cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from blocks.image_registry import ImageRegistry
from deployments.settings import Settings
from flows.import_model.errors import NoDigestError
from k8s.cluster import Cluster, JobWatch
from k8s.manifests.build_job import BuildSpec, build_context, build_job, build_name
from k8s.manifests.runtime_image import pushed_digest, runtime_tag
from k8s.recipe import runtime_inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeImage:
    """The image that serves every model of this environment.

    Attributes:
        destination: where it was pushed, with its tag.
        digest: `sha256:` and 64 hex digits, as the push wrote it.
        reference: what a cluster pulls, by digest.
        built: False if an earlier run had built it from the same inputs.
    """

    destination: str
    digest: str
    reference: str
    built: bool


def ensure_runtime(
    images: ImageRegistry, *, cluster: Callable[[], Cluster], environment: Settings, say: Callable[[str], None]
) -> RuntimeImage:
    """Make sure that the image of the current inputs is in the registry.

    Args:
        images: the repository.
        cluster: connects to the cluster; called only if there is something to build.
        environment: base image, builder image, namespace and time limit.
        say: told each event of the Job and each line of its log.

    Raises:
        JobFailedError: the build failed, or could not start; the error has the log's tail.
        NoDigestError: the Job succeeded without pushing.
        SettingsError: nothing says which image has Buildah.
    """
    inputs = runtime_inputs(base_image=environment.runtime_base_image, ca_bundle=environment.ca_bundle)
    tag, client = runtime_tag(inputs), images.client()
    destination = client.destination(tag)
    digest = client.digest_of(tag)
    if digest:
        return RuntimeImage(
            destination=destination, digest=digest, reference=client.pull_reference(digest), built=False
        )
    build = BuildSpec(
        inputs=inputs,
        destination=destination,
        builder_image=environment.builder_image,
        namespace=environment.namespace,
        credential_secret=images.credential_secret,
        timeout_seconds=environment.build_timeout_seconds,
    )
    watch = JobWatch(timeout_seconds=environment.build_timeout_seconds, on_event=say, on_log=say)
    result = cluster().run_job(build_job(build), attachments=[build_context(build)], watch=watch)
    digest = pushed_digest(result.message) or client.digest_of(tag)
    if digest is None:
        raise NoDigestError(destination=destination, job=build_name(build))
    return RuntimeImage(destination=destination, digest=digest, reference=client.pull_reference(digest), built=True)
