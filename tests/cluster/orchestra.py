"""Prefect on a real cluster: the sandbox's servers outside, a worker with its own rights, flow runs as pods."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from tests.cluster.relay import relaying
from tests.cluster.surroundings import Surroundings

Json = dict[str, Any]
_SERVICES = ("s3", "hub", "registry", "prefect")
_REACHED = ("prefect", "hub", "hub-cdn", "s3", "registry")
_OVERLAY = "/slipway/overlay"
REPOSITORY = f"docker://{REGISTRY}/slipway/vllm"


@dataclass
class Orchestra:
    """Everything that a flow run needs, in one namespace.

    Attributes:
        sandbox: the servers.
        namespace: where flow runs run.
        variables: of a person's terminal.
        worker_variables: of the worker.
        log: of the worker.
    """

    sandbox: Sandbox
    namespace: str
    variables: dict[str, str]
    worker_variables: dict[str, str]
    log: Path

    def run(self, *command: str) -> str:
        """Run a command as a person would, and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=PROJECT,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        said = f"{command}: {done.stdout[-2000:]}\nworker: {self.log.read_text()[-2000:]}\n{_pod_logs(self.namespace)}"
        assert done.returncode == 0, said
        return done.stdout

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run a worker of the pool until the block is left."""
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "slipway", "--type", "kubernetes"]
        with (
            self.log.open("ab") as log,
            subprocess.Popen(command, cwd=PROJECT, env=self.worker_variables, stdout=log, stderr=log) as process,
        ):
            try:
                yield process
            finally:
                process.terminate()


@contextmanager
def orchestra(
    cluster: Cluster, *, namespace: str, folder: Path, at: Surroundings, made_by: Layout
) -> Iterator[Orchestra]:
    """Start the servers, prepare the namespace, register blocks and deployments.

    Args:
        cluster: as its administrator.
        namespace: where flow runs run.
        folder: for state and logs.
        at: the registry.
        made_by: the cluster of `make cluster`, whose bridge the servers are reached at.
    """
    (folder / "worker.log").touch()
    flows_image = images.push_flows(layout=made_by)
    builder = at.builder()
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox(folder / "sandbox", services=_SERVICES))
        layout = sandbox.layout
        stack.enter_context(relaying([layout.ports[name] for name in _REACHED], address=HOST))
        overlay = PROJECT / "sandbox" / "models"
        # At one path here and in the pods: the block documents name it, and who registers them must have the file too.
        bundle = folder / "authorities" / "ca.pem"
        bundle.parent.mkdir()
        bundle.write_bytes(made_by.authority.read_bytes())
        variables = {
            name: value.replace("127.0.0.1", HOST) for name, value in environment.addresses(layout).items()
        } | {
            "SLIPWAY_NAMESPACE": namespace,
            "SLIPWAY_RUNTIME_BASE_IMAGE": images.BASE,
            "SLIPWAY_BUILDER_IMAGE": builder,
            "SLIPWAY_IMAGE_REPOSITORY": REPOSITORY,
            "SLIPWAY_FLOWS_IMAGE": flows_image,
            "SLIPWAY_CATALOG_OVERLAY": _OVERLAY,
            "SLIPWAY_CA_BUNDLE": str(bundle),
        }
        files = {file.name: file.read_text(encoding="utf-8") for file in overlay.glob("*.yaml")}
        folders = {"catalog-overlay": files, "authorities": {bundle.name: bundle.read_text()}}
        credentials = environment.credentials(layout)
        for thing in (
            *platform.access(namespace),
            *platform.objects(namespace, variables=variables, credentials=credentials, at=at),
            *(platform.config_map(name, data, namespace=namespace) for name, data in folders.items()),
        ):
            cluster.apply(thing)
        worker_config = platform.account_kubeconfig(
            cluster,
            "slipway-worker",
            namespace=namespace,
            admin=Path(os.environ["KUBECONFIG"]),
            file=folder / "worker.kubeconfig",
        )
        base = {**environment.inherited(), "PYTHONPATH": str(PROJECT), "PREFECT_HOME": str(folder / "prefect")}
        api = {name: value for name, value in variables.items() if name.startswith("PREFECT_")}
        terminal = {**base, **variables, "SLIPWAY_CATALOG_OVERLAY": str(overlay)}
        made = Orchestra(
            sandbox,
            namespace=namespace,
            variables=terminal,
            worker_variables={
                **base,
                **api,
                "KUBECONFIG": str(worker_config),
                "PREFECT_WORKER_QUERY_SECONDS": "1",
                "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES": namespace,
            },
            log=folder / "worker.log",
        )
        template = _template(namespace, mounts={"catalog-overlay": _OVERLAY, "authorities": str(bundle.parent)})
        (folder / "work-pool.json").write_text(json.dumps(template), encoding="utf-8")
        made.run("blocks.register")
        pool = ["work-pool", "create", "slipway", "--type", "kubernetes", "--overwrite"]
        made.run("prefect", "--no-prompt", *pool, "--base-job-template", str(folder / "work-pool.json"))
        made.run("prefect", "--no-prompt", "deploy", "--all")
        try:
            yield made
        finally:
            for thing in platform.access(namespace):
                if thing["kind"].startswith("Cluster"):
                    cluster.delete(thing["apiVersion"], thing["kind"], thing["metadata"]["name"])


def _pod_logs(namespace: str) -> str:
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
        told += [f"pod {name}:", *lines]
    return "\n".join(told)


def _template(namespace: str, *, mounts: dict[str, str]) -> Json:
    """The project's template in another namespace, with the replicas' catalog and a registry that wants a log-in."""
    template: Json = yaml.safe_load((PROJECT / "deployments" / "work-pool.json").read_text(encoding="utf-8"))
    template["variables"]["properties"]["namespace"]["default"] = namespace
    pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    for name, path in mounts.items():
        pod["volumes"].append({"name": name, "configMap": {"name": name}})
        container["volumeMounts"].append({"name": name, "mountPath": path, "readOnly": True})
    container["env"] += [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": "quay-login", "key": name}}}
        for name in ("QUAY_USERNAME", "QUAY_PASSWORD")
        if name not in {entry["name"] for entry in container["env"]}
    ]
    return template
