"""A platform in one namespace: Prefect as k8s/platform runs it, flow runs as pods; Hub, S3 and registry beside it."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from k8s.cluster import Cluster
from k8s.cluster.connection import open_connection
from k8s.cluster.logs import log_tail
from k8s.errors import ClusterError
from sandbox import environment
from sandbox.supervisor import Sandbox
from tests.cluster import platform
from tests.cluster.machine import images
from tests.cluster.machine.layout import HOST, PROJECT, REGISTRY, Layout
from tests.cluster.relay import Relay, relaying
from tests.cluster.surroundings import Surroundings

Json = dict[str, Any]
_SERVICES = ("s3", "hub", "registry")
_REACHED = ("hub", "hub-cdn", "s3", "registry")
_OVERLAY = "/slipway/overlay"
_DEPLOYMENTS = ("prefect-database", "prefect-server", "prefect-worker")
_LOOK_EVERY = 0.5  # seconds
_POSTGRES_USER = 999


@dataclass
class Orchestra:
    """Everything that a flow run needs, in one namespace.

    Attributes:
        sandbox: Hub, S3 and model registry.
        namespace: where flow runs run.
        variables: of a person's terminal.
        relay: what pods reach the sandbox's servers by.
        stand_ins: what takes the place of vLLM and of KServe's storage initializer, by digest.
        repository: where builds push to.
    """

    sandbox: Sandbox
    namespace: str
    variables: dict[str, str]
    relay: Relay
    stand_ins: str
    repository: str

    def run(self, *command: str) -> str:
        """Run a command as a person would, and return what it printed."""
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}\n{pod_logs(self.namespace)}"
        return done.stdout

    def python(self, *command: str) -> str:
        """The same for a module."""
        return self.run(sys.executable, "-m", *command)

    def kubectl(self, *command: str) -> str:
        """The same for kubectl, in the namespace."""
        return self.run("kubectl", "--namespace", self.namespace, *command)

    def begin(self, deployment: str) -> str:
        """Start a deployment's run; return its id."""
        told = self.python("prefect", "deployment", "run", deployment)
        found = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", told)
        assert found, told
        return found.group()

    def await_state(self, run: str, state: str, *, seconds: float = 400) -> Json:
        """Return a run once it is in a state; Prefect's events cannot be awaited from here."""
        deadline = time.monotonic() + seconds
        name, _, word = self.variables["PREFECT_API_AUTH_STRING"].partition(":")
        while True:
            address = f"{self.variables['PREFECT_API_URL']}/flow_runs/{run}"
            seen: Json = httpx.get(address, auth=(name, word), timeout=60).raise_for_status().json()
            if seen["state_type"] == state:
                return seen
            is_over = seen["state_type"] in {"COMPLETED", "FAILED", "CANCELLED"} or time.monotonic() > deadline
            assert not is_over, f"{seen['state']}\n{pod_logs(self.namespace)}"
            time.sleep(_LOOK_EVERY)


@contextmanager
def orchestra(
    cluster: Cluster, *, namespace: str, folder: Path, at: Surroundings, made_by: Layout
) -> Iterator[Orchestra]:
    """Start the servers, install Prefect, register blocks, pool, deployments and automations.

    Args:
        cluster: as its administrator.
        namespace: where flow runs run.
        folder: for state and logs.
        at: the registry.
        made_by: the cluster of `make cluster`, whose bridge the servers are reached at.
    """
    flows_image = images.push_flows(layout=made_by)
    stand_ins = images.by_digest(images.push_stand_ins(layout=made_by), layout=made_by)
    images.push([images.POSTGRES], layout=made_by)
    repository = f"docker://{REGISTRY}/slipway/{namespace}"  # an image of its own: each test session builds
    overlay, bundle = _overlay(folder / "overlay"), folder / "authorities" / "ca.pem"
    # At one path here and in the pods: the block documents name it, and who registers them must have the file too.
    bundle.parent.mkdir()
    bundle.write_bytes(made_by.authority.read_bytes())
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox(folder / "sandbox", services=_SERVICES))
        layout = sandbox.layout
        relay = stack.enter_context(relaying([layout.ports[name] for name in _REACHED], address=HOST))
        variables = {
            name: value.replace("127.0.0.1", HOST) for name, value in environment.addresses(layout).items()
        } | {
            "PREFECT_API_URL": f"http://prefect-server.{namespace}.svc:4200/api",
            "SLIPWAY_NAMESPACE": namespace,
            "SLIPWAY_RUNTIME_BASE_IMAGE": stand_ins,
            "SLIPWAY_BUILDER_IMAGE": at.builder(),
            "SLIPWAY_IMAGE_REPOSITORY": repository,
            "SLIPWAY_FLOWS_IMAGE": flows_image,
            "SLIPWAY_CATALOG_OVERLAY": _OVERLAY,
            "SLIPWAY_CA_BUNDLE": str(bundle),
        }
        credentials = {**environment.credentials(layout), "PREFECT_API_AUTH_STRING": f"test:{secrets.token_hex(16)}"}
        files = {file.name: file.read_text(encoding="utf-8") for file in overlay.glob("*.yaml")}
        folders = {"catalog-overlay": files, "authorities": {bundle.name: bundle.read_text()}}
        # The volume outlives its claim: the claim goes with the namespace, and a volume that is in use stays.
        stack.callback(_forget_cluster_wide, cluster, namespace)
        for thing in (
            *platform.limits(namespace),
            *platform.access(namespace),
            *platform.objects(namespace, variables=variables, credentials=credentials, at=at),
            *(platform.config_map(name, data, namespace=namespace) for name, data in folders.items()),
        ):
            cluster.apply(thing)
        addresses = _install_prefect(cluster, namespace=namespace, flows_image=flows_image, folder=folder / "database")
        terminal = {
            **environment.inherited(),
            **variables,
            **credentials,
            "KUBECONFIG": os.environ["KUBECONFIG"],
            "PYTHONPATH": str(PROJECT),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": f"http://{addresses['prefect-server']}:4200/api",
            "SLIPWAY_CATALOG_OVERLAY": str(overlay),
        }
        made = Orchestra(sandbox, namespace, terminal, relay, stand_ins, repository)
        made.kubectl("wait", "--for=condition=Available", "deployment/prefect-server", "--timeout=300s")
        made.python("blocks.register")
        template = _template(namespace, mounts={"catalog-overlay": _OVERLAY, "authorities": str(bundle.parent)})
        pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
        pod["hostAliases"] = platform.host_aliases(addresses, namespace=namespace)
        (folder / "work-pool.json").write_text(json.dumps(template), encoding="utf-8")
        pool = ["work-pool", "create", "slipway", "--type", "kubernetes", "--overwrite"]
        made.python("prefect", "--no-prompt", *pool, "--base-job-template", str(folder / "work-pool.json"))
        made.python("prefect", "--no-prompt", "deploy", "--all")
        made.python("flows.automations", "apply")
        made.kubectl("wait", "--for=condition=Available", "deployment/prefect-worker", "--timeout=300s")
        yield made


def pod_logs(namespace: str) -> str:
    """What the pods that are still there have written, for a person who looks for the reason."""
    connection = open_connection()
    pods = connection.request("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]
    told = []
    for pod in pods:
        name = pod["metadata"]["name"]
        try:
            lines = log_tail(connection, pod, lines=60)
        except ClusterError as error:
            lines = (error.sentence,)
        told += [f"pod {name}: {json.dumps(pod['status'])[-600:]}", *lines]
    return "\n".join(told)


def _install_prefect(cluster: Cluster, *, namespace: str, flows_image: str, folder: Path) -> dict[str, str]:
    """Apply the platform's Prefect; return the addresses of its services."""
    folder.mkdir()
    os.chown(folder, _POSTGRES_USER, _POSTGRES_USER)  # Kubernetes gives a node's folder to no group
    cluster.apply(platform.volume("prefect-database", folder=folder, namespace=namespace))
    run = {"slipway-flows:required-input": flows_image, "postgres": images.POSTGRES}
    things = platform.orchestration(namespace, images=run, addresses={})
    services = [cluster.apply(thing) for thing in things if thing["kind"] == "Service"]
    addresses = {thing["metadata"]["name"]: str(thing["spec"]["clusterIP"]) for thing in services}
    for thing in platform.orchestration(namespace, images=run, addresses=addresses):
        cluster.apply(thing)
    return addresses


def _forget_cluster_wide(cluster: Cluster, namespace: str) -> None:
    for name in _DEPLOYMENTS:
        cluster.delete("apps/v1", "Deployment", name, namespace=namespace)
    for thing in platform.access(namespace):
        if thing["kind"].startswith("Cluster"):
            cluster.delete(thing["apiVersion"], thing["kind"], thing["metadata"]["name"])
    cluster.delete("v1", "PersistentVolume", f"prefect-database-{namespace}")


def _overlay(folder: Path) -> Path:
    """The replicas' catalog; the quantized one on a GPU, as in the catalog, and with less CPU: there are two cores."""
    folder.mkdir()
    for file in (PROJECT / "sandbox" / "models").glob("*.yaml"):
        values: Json = yaml.safe_load(file.read_text(encoding="utf-8"))
        if file.stem == "quantized":
            del values["serving"]["gpus"]
            values["serving"]["resources"]["requests"] = {"cpu": "100m", "memory": "256Mi"}
        (folder / file.name).write_text(yaml.safe_dump(values), encoding="utf-8")
    return folder


def _template(namespace: str, *, mounts: dict[str, str]) -> Json:
    """The project's template in another namespace, with the replicas' catalog and the registry's authority."""
    template: Json = yaml.safe_load((PROJECT / "deployments" / "work-pool.json").read_text(encoding="utf-8"))
    template["variables"]["properties"]["namespace"]["default"] = namespace
    pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    for name, path in mounts.items():
        pod["volumes"].append({"name": f"test-{name}", "configMap": {"name": name}})
        pod["containers"][0]["volumeMounts"].append({"name": f"test-{name}", "mountPath": path, "readOnly": True})
    return template
