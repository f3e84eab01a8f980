"""How the sandbox's kubelet gives pods local ports in place of those that they declare."""

from __future__ import annotations

import pytest

from sandbox.kube.kubelet.ports import PodPorts, local_port


def pod_ports(*ports: int) -> PodPorts:
    """Return the ports of a pod whose container declares them."""
    return PodPorts({"spec": {"containers": [{"name": "main", "ports": [{"containerPort": port} for port in ports]}]}})


@pytest.mark.parametrize(
    "words",
    [
        ["--port=8080"],
        ["--port", "8080"],
        ["--bind=0.0.0.0:8080"],
        ["--listen", ":8080"],
        ["sh", "-c", "exec serve --http-port 8080 --quiet"],
        ["sh", "-c", "PORT=8080 exec serve"],
        ['{"port": 8080}'],
    ],
)
def test_a_declared_port_is_replaced_where_it_is_a_port(words: list[str]) -> None:
    """Two engines that are both told to listen on 8080 could not run on one machine."""
    ports = pod_ports(8080)
    found = ports.in_words(words)
    assert ports.local(8080) != 8080
    assert found == [word.replace("8080", str(ports.local(8080))) for word in words]


@pytest.mark.parametrize("words", [["--max-model-len=8080"], ["--port=80801"], ["s3://host:8080/"], ["--port=9090"]])
def test_a_number_that_is_no_declared_port_stays(words: list[str]) -> None:
    """A context length of 8080 tokens must not become a random one."""
    ports = pod_ports(8080)
    assert ports.in_words(words) == words
    assert ports.local(8080) == 8080


def test_a_variable_is_a_port_by_its_name() -> None:
    """Many servers take their port from the environment."""
    ports = pod_ports(8080)
    found = ports.in_variables({"HTTP_PORT": "8080", "TOKENS": "8080"})
    assert found == {"HTTP_PORT": str(ports.local(8080)), "TOKENS": "8080"}


def test_a_pods_annotations_say_where_its_port_is() -> None:
    """A Service finds the pod's process by them."""
    ports = pod_ports(8080)
    ports.in_words(["--port=8080"])
    assert local_port({"metadata": {"annotations": ports.annotations}}, 8080) == ports.local(8080)
