"""The runtime image's build in a real pod that is not privileged, pushed to a real registry with TLS and a log-in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from blocks.image_registry import ImageRegistry
from k8s.cluster import Cluster, JobWatch
from k8s.errors import JobFailedError
from k8s.manifests.build_job import SERVICE_ACCOUNT, BuildSpec, build_context, build_job
from k8s.manifests.runtime_image import pushed_digest, runtime_tag
from k8s.recipe import runtime_inputs
from tests.cluster.surroundings import Surroundings

_SCRATCH_GIB = 4  # the base is small, and so may the machine be


def _spec(surroundings: Surroundings, namespace: str) -> BuildSpec:
    # The namespace makes each test's image another one.
    inputs = replace(
        runtime_inputs(base_image=f"docker://{surroundings.base}", ca_bundle=surroundings.ca_bundle), title=namespace
    )
    return BuildSpec(
        inputs=inputs,
        destination=f"{surroundings.repository}:{runtime_tag(inputs)}",
        builder_image=surroundings.builder(),
        namespace=namespace,
        timeout_seconds=300,
        scratch_gib=_SCRATCH_GIB,
    )


@pytest.fixture
def prepared(cluster: Cluster, namespace: str, surroundings: Surroundings) -> str:
    """A namespace with what the platform brings for builds: the account and the log-in."""
    about = {"namespace": namespace}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "quay-credentials", **about},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": surroundings.docker_config},
    }
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": SERVICE_ACCOUNT, **about}}
    for thing in (secret, account):
        cluster.apply(thing)
    return namespace


def test_failure_9_an_unprivileged_pod_builds_and_pushes_what_its_digest_says(
    cluster: Cluster, prepared: str, surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier build ran privileged, and a rootless attempt died on `uid_map` (docs/failures.md, row 9)."""
    user, word = surroundings.login()
    monkeypatch.setenv("QUAY_USERNAME", user)
    monkeypatch.setenv("QUAY_PASSWORD", word)
    spec = _spec(surroundings, prepared)
    job = build_job(spec)
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert "privileged" not in container["securityContext"]
    result = cluster.run_job(job, attachments=[build_context(spec)], watch=JobWatch(timeout_seconds=290))
    bundle = surroundings.ca_bundle
    registry = ImageRegistry(repository=surroundings.repository, ca_bundle=str(bundle) if bundle else None)
    assert pushed_digest(result.message) == registry.client().digest_of(runtime_tag(spec.inputs))


def test_a_failing_build_shows_the_end_of_its_log(cluster: Cluster, prepared: str, surroundings: Surroundings) -> None:
    """A user must find the failing step without looking for a pod."""
    spec = _spec(surroundings, prepared)
    broken = replace(spec, inputs=replace(spec.inputs, containerfile="ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN false\n"))
    with pytest.raises(JobFailedError, match="RUN false"):
        cluster.run_job(build_job(broken), attachments=[build_context(broken)], watch=JobWatch(timeout_seconds=290))
