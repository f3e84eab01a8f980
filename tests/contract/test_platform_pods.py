"""The platform's pods: unprivileged, bounded, from images that are named in full, and ready when they say so."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.manifests.build_job import CAPABILITIES, BuildSpec, build_job
from k8s.manifests.runtime_image import RuntimeInputs
from tests.contract.platform_objects import OVERLAYS, PLATFORM, containers, label, named, of_kind, pods
from tests.contract.pod_security import violations

overlays = pytest.mark.parametrize("overlay", OVERLAYS)


@overlays
def test_every_pod_passes_the_restricted_profile(overlay: str) -> None:
    """A server of the platform could take over its node, or Pod Security would refuse it."""
    assert {label(each): violations(template) for each, template in pods(overlay) if violations(template)} == {}


def test_the_build_is_the_one_exception_and_known_as_such() -> None:
    """The checker above would be blind, or the build would have grown more rights than are written down."""
    inputs = RuntimeInputs(containerfile="", build_script="", base_image="base", ca_bundle="")
    spec = BuildSpec(inputs=inputs, destination="oci:/x:y", builder_image="b", namespace="private-ai-demo")
    job = build_job(spec)
    assert violations(job["spec"]["template"]) == [
        "buildah: may run as root",
        "buildah: runs as uid 0",
        "buildah: adds capabilities",
        "buildah: has no seccomp profile",
    ]
    assert job["spec"]["template"]["spec"]["serviceAccountName"] == "runtime-builder"
    constraints = named("openshift", "SecurityContextConstraints", "slipway-runtime-builder")
    assert set(constraints["allowedCapabilities"]) == set(CAPABILITIES)
    assert constraints["runAsUser"] == {"type": "MustRunAs", "uid": 0}
    assert not any(value for key, value in constraints.items() if key.startswith(("allowHost", "allowPrivileg")))
    assert constraints["users"] == constraints["groups"] == []


@overlays
def test_only_the_namespace_of_the_build_is_less_than_restricted(overlay: str) -> None:
    """Root containers would be let into MinIO's or the registry's namespace."""
    levels = {
        each["metadata"]["name"]: each["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for each in of_kind(overlay, "Namespace")
    }
    assert levels == {
        "private-ai-demo": "baseline",
        "model-storage": "restricted",
        "rhoai-model-registries": "restricted",
    }


def test_openshift_chooses_the_uids() -> None:
    """OpenShift refuses a pod that names a uid outside of its namespace's range: no server would start."""
    named_uids = [
        label(each)
        for each, template in pods("openshift")
        if {"runAsUser", "runAsGroup", "fsGroup"} & template["spec"]["securityContext"].keys()
    ]
    assert named_uids == []


@overlays
def test_a_volume_of_one_writer_is_not_held_by_two_pods(overlay: str) -> None:
    """A rolling update hung on Multi-Attach: the new pod waited for the volume, the old one for the new pod."""
    for each, template in pods(overlay):
        if any("persistentVolumeClaim" in volume for volume in template["spec"]["volumes"]):
            assert each["spec"]["strategy"] == {"type": "Recreate"}, label(each)
            assert each["spec"]["replicas"] == 1, label(each)


@overlays
def test_no_pod_fills_the_nodes_disk(overlay: str) -> None:
    """Pods with unbounded scratch had others evicted from the node."""
    unbounded = [
        f"{label(each)}: {volume['name']}"
        for each, template in pods(overlay)
        for volume in template["spec"]["volumes"]
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]
    ]
    assert unbounded == []


@overlays
def test_ready_means_that_the_server_answers(overlay: str) -> None:
    """The old installation never waited for Ready; without probes there would be nothing to wait for."""
    for each, template in pods(overlay):
        [container] = containers(template)
        assert set(container["resources"]) == {"requests", "limits"}, label(each)
        if each["kind"] == "Deployment":
            # The worker serves nobody, so nobody needs to know when it is ready.
            needed = {"startupProbe", "livenessProbe"} | ({"readinessProbe"} - _worker(each))
            assert needed <= container.keys(), label(each)


def _worker(each: dict[str, Any]) -> set[str]:
    return {"readinessProbe"} if each["metadata"]["name"] == "prefect-worker" else set()


@overlays
def test_images_have_a_registry_and_a_tag(overlay: str) -> None:
    """A node would look a bare name up where its administrator never meant it to, or run whatever is newest."""
    images = {container["image"] for _, template in pods(overlay) for container in containers(template)}
    own = {image for image in images if image.startswith("slipway-flows")}
    assert own == {"slipway-flows:required-input"}
    for image in images - own:
        registry, _, rest = image.partition("/")
        assert "." in registry, image
        assert rest.rpartition(":")[2] not in {"", "latest", rest}, image
    readme = (PLATFORM / "README.md").read_text()
    assert [image for image in images if f"`{image.rpartition(':')[0]}`" not in readme] == []
