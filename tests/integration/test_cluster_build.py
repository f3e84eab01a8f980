"""The runtime image's build as a Job: the real manifest and script, the sandbox's Kubernetes, the machine's Buildah."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from blocks.image_registry import ImageRegistry
from k8s.cluster import Cluster, JobWatch, connect
from k8s.errors import JobFailedError
from k8s.manifests.build_job import BuildSpec, build_context, build_job
from k8s.manifests.runtime_image import pushed_digest, runtime_tag
from k8s.recipe import runtime_inputs
from sandbox.base_image import base_image
from tests.integration.import_world import NAMESPACE, make_namespace
from tests.integration.kube_server import BARE_IMAGE, SHELL_IMAGE, kube_server

WATCH = JobWatch(timeout_seconds=240)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Serve one cluster with what the platform brings: the namespace, the service account, the credentials."""
    with kube_server(tmp_path_factory.mktemp("kube")) as kubeconfig, pytest.MonkeyPatch.context() as patch:
        make_namespace(NAMESPACE, kubeconfig=kubeconfig)
        patch.setenv("KUBECONFIG", str(kubeconfig))
        yield connect()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make the base image once."""
    if shutil.which("buildah") is None:
        pytest.skip("buildah is not installed: apt-get install -y buildah")
    return base_image(tmp_path_factory.mktemp("base") / "layout")


def _spec(folder: Path, base: str, *, builder: str = SHELL_IMAGE) -> BuildSpec:
    inputs = runtime_inputs(base_image=base, ca_bundle=None)
    destination = ImageRegistry(repository=f"oci:{folder}/images").client().destination(runtime_tag(inputs))
    return BuildSpec(inputs=inputs, destination=destination, builder_image=builder, namespace=NAMESPACE)


def test_failure_9_the_digest_is_read_after_the_push(cluster: Cluster, base: str, tmp_path: Path) -> None:
    """The earlier digest was read before the push, and the built image was never served (docs/failures.md, row 9)."""
    spec = _spec(tmp_path, base)
    result = cluster.run_job(build_job(spec), attachments=[build_context(spec)], watch=WATCH)
    images = ImageRegistry(repository=f"oci:{tmp_path}/images").client()
    assert pushed_digest(result.message) == images.digest_of(runtime_tag(spec.inputs))


def test_a_failing_build_shows_the_end_of_its_log(cluster: Cluster, base: str, tmp_path: Path) -> None:
    """A user must find the failing step without looking for a pod."""
    spec = _spec(tmp_path, base)
    broken = replace(spec, inputs=replace(spec.inputs, containerfile="ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN false\n"))
    with pytest.raises(JobFailedError, match="RUN false") as caught:
        cluster.run_job(build_job(broken), attachments=[build_context(broken)], watch=WATCH)
    assert not caught.value.transient
    assert not (tmp_path / "images" / "index.json").exists()


def test_a_builder_image_without_buildah_says_which_setting_to_change(
    cluster: Cluster, base: str, tmp_path: Path
) -> None:
    """'buildah: not found' is no help; the setting's name is."""
    spec = _spec(tmp_path, base, builder=BARE_IMAGE)
    with pytest.raises(JobFailedError, match=r"buildah is not installed here.*SLIPWAY_BUILDER_IMAGE"):
        cluster.run_job(build_job(spec), attachments=[build_context(spec)], watch=WATCH)
