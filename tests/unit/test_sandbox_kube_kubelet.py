"""Pure parts of the sandbox's kubelet: paths, variables, phases, image names, quantities."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.kube.kubelet.environment import expand, resource_value
from sandbox.kube.kubelet.images import image_id, repository
from sandbox.kube.kubelet.paths import rewriter
from sandbox.kube.kubelet.status import phase
from sandbox.kube.quantities import pod_requests, quantity

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("/mnt/models", "/L"),
        ("--model=/mnt/models/", "--model=/L/"),
        ("oci:/mnt/models/x:latest", "oci:/L/x:latest"),
        ("cp /mnt/models/a /mnt/models/cache/b;", "cp /L/a /C/b;"),
        ("'/mnt/models'", "'/L'"),
        ("/mnt/models2", "/mnt/models2"),
        ("/mnt/models-old/x", "/mnt/models-old/x"),
        ("/data/mnt/models", "/data/mnt/models"),
        ("s3://bucket/mnt/models", "s3://bucket/mnt/models"),
        ("http://host/mnt/models", "http://host/mnt/models"),
        ("a:/mnt/models:/b", "a:/L:/b"),
    ],
)
def test_a_mount_path_is_replaced_only_where_it_is_that_path(text: str, local: str) -> None:
    """A program would read another folder, or a URL would be broken."""
    assert rewriter({"/mnt/models": "/L", "/mnt/models/cache": "/C"})(text) == local


def test_what_was_replaced_is_not_replaced_again() -> None:
    """A local folder may itself lie below a mount path."""
    assert rewriter({"/tmp": "/tmp/x", "/work": "/tmp/y"})("/tmp/a /work/b") == "/tmp/x/a /tmp/y/b"  # noqa: S108


@pytest.mark.parametrize(
    ("text", "expanded"), [("$(A)", "1"), ("$(B)", "$(B)"), ("$$(A)", "$(A)"), ("$A ${A} $(A)$(A)", "$A ${A} 11")]
)
def test_variables_are_expanded_as_kubernetes_does(text: str, expanded: str) -> None:
    """A shell's own `$` and `${…}` must reach the shell."""
    assert expand(text, {"A": "1"}) == expanded


def _container(code: int | None, **more: object) -> Json:
    state = {"running": {}} if code is None else {"terminated": {"exitCode": code}}
    return {"state": state, "lastState": {}, **more}


_WAITING: Json = {"state": {"waiting": {}}, "lastState": {}}


@pytest.mark.parametrize(
    ("policy", "inits", "mains", "wanted"),
    [
        ("Never", [], [_WAITING], "Pending"),
        ("Never", [_container(None)], [_WAITING], "Pending"),
        ("Never", [_container(1)], [_WAITING], "Failed"),
        ("OnFailure", [_container(1)], [_WAITING], "Pending"),
        ("Never", [_container(0)], [_container(None)], "Running"),
        ("Never", [], [_container(0), _container(None)], "Running"),
        ("Never", [], [_container(0), _container(0)], "Succeeded"),
        ("Never", [], [_container(0), _container(2)], "Failed"),
        ("OnFailure", [], [_container(2)], "Running"),
        ("Always", [], [_container(0)], "Running"),
    ],
)
def test_the_phase_follows_from_the_containers(policy: str, inits: list[Json], mains: list[Json], wanted: str) -> None:
    """Everything that waits for a pod reads its phase."""
    assert phase({"spec": {"restartPolicy": policy}}, inits, mains) == wanted


def test_image_names_lose_tag_and_digest_but_not_the_port() -> None:
    """The map names repositories; a registry may have a port."""
    assert repository("localhost:5000/a/b:1@sha256:00") == "localhost:5000/a/b"
    assert repository("localhost:5000/a") == "localhost:5000/a"
    assert image_id("quay.io/a:1@sha256:00") == "quay.io/a@sha256:00"
    assert image_id("quay.io/a:1") == "local:quay.io/a:1"


@pytest.mark.parametrize(("text", "number"), [("500m", 0.5), ("2", 2), ("1Gi", 2**30), ("1e3", 1000), ("1k", 1000)])
def test_quantities_are_numbers(text: str, number: float) -> None:
    """The scheduler compares them."""
    assert quantity(text) == number


def test_an_init_container_counts_only_if_it_is_larger() -> None:
    """It runs before the others, not beside them."""
    small, large = ({"resources": {"requests": {"cpu": cpu}}} for cpu in ("1", "4"))
    pod = {"spec": {"containers": [small, small], "initContainers": [large]}}
    assert pod_requests(pod) == {"cpu": 4.0, "pods": 1.0}


def test_a_resource_field_is_counted_in_its_divisor() -> None:
    """Programs size their heaps by it."""
    container = {"resources": {"limits": {"memory": "1Gi", "cpu": "1500m"}}}
    assert resource_value(container, {"resource": "limits.memory", "divisor": "1Mi"}) == "1024"
    assert resource_value(container, {"resource": "limits.cpu"}) == "2"
