"""The sandbox's Deployments, quotas and node ports: rolled out, refused and reached as on a cluster."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Callable, Iterator

import kubernetes
import pytest

from tests.integration.sandbox_kube import PATIENCE, Json, Server, gone, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve one cluster for all tests of this file; each test's objects have names of their own."""
    with serving(tmp_path_factory.mktemp("kube")) as server:
        yield server


class Cluster:
    """What the tests ask of the cluster."""

    def __init__(self, server: Server) -> None:
        client = server.client()
        self.apps, self.core = kubernetes.client.AppsV1Api(client), kubernetes.client.CoreV1Api(client)

    def apply(self, manifest: Json, *, namespace: str = "default") -> None:
        """Create a Deployment, or change it."""
        name = manifest["metadata"]["name"]
        self.apps.patch_namespaced_deployment(
            name, namespace, manifest, field_manager="test", force=True, _content_type="application/apply-patch+yaml"
        )

    def until(self, name: str, wanted: Callable[[Json], bool], *, namespace: str = "default") -> Json:
        """Return a Deployment once it is as wanted."""
        seen: Json = {}
        watch = kubernetes.watch.Watch()
        selector = f"metadata.name={name}"
        for event in watch.stream(
            self.apps.list_namespaced_deployment, namespace, field_selector=selector, timeout_seconds=PATIENCE
        ):
            seen = event["raw_object"]
            if wanted(seen):
                watch.stop()
                return seen
        raise AssertionError(json.dumps(seen.get("status"), indent=1))

    def pods(self, name: str, *, namespace: str = "default") -> list[Json]:
        """Return the pods of a Deployment that are not about to end."""
        listed = self.core.list_namespaced_pod(namespace, label_selector=f"app={name}", _preload_content=False)
        items: list[Json] = json.loads(listed.data)["items"]
        return [pod for pod in items if not pod["metadata"].get("deletionTimestamp")]

    def events(self, *, namespace: str = "default") -> list[tuple[str, str]]:
        """Return reasons and messages."""
        return [(event.reason, event.message) for event in self.core.list_namespaced_event(namespace).items]


@pytest.fixture(scope="module")
def cluster(server: Server) -> Cluster:
    """Return what asks the cluster."""
    return Cluster(server)


def deployment(name: str, script: str, *, replicas: int = 1, container: Json | None = None, **spec: object) -> Json:
    """Return a Deployment of one container that runs a shell script."""
    main = {"name": "main", "image": "sh", "command": ["sh", "-c", script], **(container or {})}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [main], "terminationGracePeriodSeconds": 1},
            },
            **spec,
        },
    }


def web(name: str, *, replicas: int) -> Json:
    """Return a Deployment whose pods serve HTTP on port 8080, each on its own."""
    container: Json = {
        "ports": [{"name": "http1", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http1"}, "periodSeconds": 1},
    }
    script = f"exec {sys.executable} -m http.server $PORT --bind 127.0.0.1"
    container["env"] = [{"name": "PORT", "value": "8080"}]
    return deployment(name, script, replicas=replicas, container=container)


def is_complete(replicas: int = 1) -> Callable[[Json], bool]:
    """Return a test for a Deployment that is rolled out."""
    return lambda seen: (
        seen.get("status", {}).get("observedGeneration") == seen["metadata"]["generation"]
        and condition(seen, "Progressing").get("reason") == "NewReplicaSetAvailable"
        and seen["status"]["availableReplicas"] == replicas
    )


def condition(seen: Json, kind: str) -> Json:
    """Return a condition."""
    found: Json = next((each for each in seen.get("status", {}).get("conditions", ()) if each["type"] == kind), {})
    return found


def test_a_recreated_deployment_never_has_pods_of_two_templates(cluster: Cluster) -> None:
    """Two copies of a model need twice the GPUs, and hung on the quota."""
    recreate = {"strategy": {"type": "Recreate"}}
    script = "trap 'sleep 0.5; exit' TERM; while :; do sleep 0.05; done"
    cluster.apply(deployment("swap", script, **recreate))
    cluster.until("swap", is_complete())
    first = cluster.pods("swap")[0]
    since = cluster.core.list_namespaced_pod("default").metadata.resource_version
    cluster.apply(deployment("swap", script, container={"env": [{"name": "NEW", "value": "1"}]}, **recreate))
    seen: list[list[str]] = []
    watch = kubernetes.watch.Watch()
    for event in watch.stream(
        cluster.core.list_namespaced_pod,
        "default",
        label_selector="app=swap",
        resource_version=since,
        timeout_seconds=PATIENCE,
    ):
        seen.append([event["type"], event["raw_object"]["metadata"]["name"]])
        if event["raw_object"].get("status", {}).get("phase") == "Running" and seen[-1][1] != first["metadata"]["name"]:
            watch.stop()
    removed = seen.index(["DELETED", first["metadata"]["name"]])
    added = next(index for index, (kind, name) in enumerate(seen) if name != first["metadata"]["name"])
    assert removed < added


def test_a_rolled_deployment_keeps_its_minimum_available(cluster: Cluster) -> None:
    """Prefect's worker and the registry are rolled, and must answer meanwhile."""
    cluster.apply(deployment("roll", "sleep 600", replicas=2))
    cluster.until("roll", is_complete(2))
    least = 2
    cluster.apply(deployment("roll", "sleep 601", replicas=2))

    def complete(seen: Json) -> bool:
        nonlocal least
        least = min(least, seen["status"].get("availableReplicas", 0))
        return is_complete(2)(seen)

    done = cluster.until("roll", complete)
    assert least == 2
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"


def test_two_pods_of_one_port_are_both_reached_through_a_node_port(cluster: Cluster) -> None:
    """Every model's engine is told to listen on port 8080, and all of them are processes of one machine."""
    cluster.apply(web("web", replicas=2))
    service = {
        "metadata": {"name": "web"},
        "spec": {
            "type": "NodePort",
            "selector": {"app": "web"},
            "ports": [{"name": "http", "port": 80, "targetPort": "http1"}],
        },
    }
    made = cluster.core.create_namespaced_service("default", service)
    cluster.until("web", is_complete(2))
    url = f"http://127.0.0.1:{made.spec.ports[0].node_port}/"

    def answers() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    assert gone(answers)
    ports = {
        value
        for pod in cluster.pods("web")
        for key, value in pod["metadata"]["annotations"].items()
        if key == "sandbox.slipway.dev/local-port-8080"
    }
    assert len(ports) == 2
    cluster.apply(web("web", replicas=0))
    cluster.until("web", is_complete(0))
    assert gone(lambda: not answers())


def test_a_full_quota_is_told_on_the_deployment_and_passes_when_there_is_room(cluster: Cluster) -> None:
    """A rollout that exhausted the GPUs' quota hung without a word."""
    cluster.core.create_namespace({"metadata": {"name": "small"}})
    quota = {"metadata": {"name": "gpus"}, "spec": {"hard": {"requests.cpu": "1"}}}
    cluster.core.create_namespaced_resource_quota("small", quota)
    cpu = {"resources": {"requests": {"cpu": "700m"}}}
    cluster.apply(deployment("first", "sleep 600", container=cpu), namespace="small")
    cluster.until("first", is_complete(), namespace="small")
    cluster.apply(deployment("second", "sleep 600", container=cpu), namespace="small")
    refused = cluster.until("second", lambda seen: bool(condition(seen, "ReplicaFailure")), namespace="small")
    told = "exceeded quota: gpus, requested: requests.cpu=700m, used: requests.cpu=700m, limited: requests.cpu=1"
    assert condition(refused, "ReplicaFailure")["reason"] == "FailedCreate"
    assert condition(refused, "ReplicaFailure")["message"].endswith(told)
    assert any(
        reason == "FailedCreate" and message.endswith(told) for reason, message in cluster.events(namespace="small")
    )
    used = cluster.core.read_namespaced_resource_quota("gpus", "small").status.used
    assert used == {"requests.cpu": "700m"}
    cluster.apps.delete_namespaced_deployment("first", "small")
    cluster.until("second", is_complete(), namespace="small")


def test_a_rollout_without_progress_is_late_after_its_deadline(cluster: Cluster) -> None:
    """Without the condition nobody knows whether to go on waiting."""
    never = {"readinessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1}}
    cluster.apply(deployment("late", "sleep 600", container=never, progressDeadlineSeconds=2))
    late = cluster.until("late", lambda seen: condition(seen, "Progressing").get("status") == "False")
    assert condition(late, "Progressing")["reason"] == "ProgressDeadlineExceeded"
    assert condition(late, "Available")["reason"] == "MinimumReplicasUnavailable"


def test_a_restarted_sandbox_replaces_the_pods_that_ended_with_it(server: Server, cluster: Cluster) -> None:
    """After `down` and `up` the models would stay down, with dead pods piling up."""
    cluster.apply(deployment("again", "sleep 600"))
    cluster.until("again", is_complete())
    first = cluster.pods("again")[0]["metadata"]["uid"]
    server.stop()
    server.start()
    cluster.until("again", lambda seen: seen["status"].get("availableReplicas", 0) == 1)
    assert gone(lambda: [pod["metadata"]["uid"] == first for pod in cluster.pods("again")] == [False])
