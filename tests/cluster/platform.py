"""What a namespace needs before flows can run in it: the platform's own accounts and rights, environment, secrets."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from k8s.cluster import Cluster
from tests.cluster.surroundings import Surroundings

Json = dict[str, Any]
Acting = Callable[[str], Cluster]
"""Gives our client with the rights of the account of a name."""
_BASE = Path(__file__).parents[2] / "k8s" / "platform" / "base"
_NAMESPACE = "private-ai-demo"  # the one that the platform's files name
_TOKEN_SECONDS = 20.0


def access(namespace: str) -> list[Json]:
    """The platform's accounts, roles and bindings, moved to another namespace; names of cluster-wide ones carry it."""
    return _files("access", namespace)


def limits(namespace: str) -> list[Json]:
    """The platform's quota and limit range, moved to another namespace."""
    return [thing for thing in _files("namespaces", namespace) if thing["kind"] != "Namespace"]


def orchestration(namespace: str, *, images: dict[str, str], addresses: dict[str, str]) -> list[Json]:
    """Prefect's server, database and worker, as the platform has them but for what this cluster cannot give.

    There is no cluster DNS: pods find services by lines of their hosts file. The machine has two cores, of which a
    flow and a build take one and a half: what Prefect asks for is cut to a tenth of a core each.

    Args:
        namespace: where.
        images: what to run for each image name of the platform's files.
        addresses: of services, by name.
    """
    things = [thing for thing in _files("orchestration", namespace) if thing["kind"] != "ConfigMap"]
    for thing in things:
        if thing["kind"] == "Deployment":
            pod = thing["spec"]["template"]["spec"]
            pod["hostAliases"] = host_aliases(addresses, namespace=namespace)
            container = pod["containers"][0]
            container["image"] = images[container["image"]]
            container["resources"]["requests"]["cpu"] = "100m"
    return things


def host_aliases(addresses: dict[str, str], *, namespace: str) -> list[Json]:
    """A pod's own lines for services, in place of a cluster's DNS."""
    return [
        {"ip": address, "hostnames": [name, f"{name}.{namespace}.svc"]} for name, address in sorted(addresses.items())
    ]


def volume(claim: str, *, folder: Path, namespace: str) -> Json:
    """A volume for a claim, in a folder of the node: this cluster has no storage class."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{claim}-{namespace}"},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": namespace, "name": claim},
            "hostPath": {"path": str(folder)},
        },
    }


def objects(namespace: str, *, variables: dict[str, str], credentials: dict[str, str], at: Surroundings) -> list[Json]:
    """The environment and the secrets of flow runs.

    Args:
        namespace: where.
        variables: of every flow run, no secret among them.
        credentials: HF_TOKEN, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and PREFECT_API_AUTH_STRING.
        at: the log-in of the image registry.
    """
    user, word = at.login()
    held = {
        "huggingface-token": {"HF_TOKEN": credentials["HF_TOKEN"]},
        "minio-credentials": {
            "accesskey": credentials["AWS_ACCESS_KEY_ID"],
            "secretkey": credentials["AWS_SECRET_ACCESS_KEY"],
        },
        "quay-login": {"QUAY_USERNAME": user, "QUAY_PASSWORD": word},
        "prefect-api-auth": {"PREFECT_API_AUTH_STRING": credentials["PREFECT_API_AUTH_STRING"]},
        "prefect-database-credentials": {"POSTGRES_PASSWORD": secrets.token_hex(16)},
        "slipway-notification": {"SLIPWAY_NOTIFICATION_URL": ""},
    }
    about = {"namespace": namespace}
    return [
        config_map("slipway-environment", variables, namespace=namespace),
        *(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, **about}, "stringData": data}
            for name, data in held.items()
        ),
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "quay-credentials", **about},
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": at.docker_config},
        },
    ]


def config_map(name: str, data: dict[str, str], *, namespace: str) -> Json:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def account_kubeconfig(cluster: Cluster, account: str, *, namespace: str, admin: Path, file: Path) -> Path:
    """Write a kubeconfig for a service account, with that account's rights and no others.

    Args:
        cluster: as its administrator.
        account: the service account's name.
        namespace: its namespace.
        admin: the administrator's kubeconfig, for the API's address and authority.
        file: where to.
    """
    name = f"{account}-test-token"
    about = {"name": name, "namespace": namespace, "annotations": {"kubernetes.io/service-account.name": account}}
    kind = "kubernetes.io/service-account-token"
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": about, "type": kind})
    config: Json = yaml.safe_load(admin.read_text(encoding="utf-8"))
    config["users"][0]["user"] = {"token": _token(cluster, name, namespace=namespace)}
    file.write_text(json.dumps(config), encoding="utf-8")
    return file


def _token(cluster: Cluster, secret: str, *, namespace: str) -> str:
    deadline = time.monotonic() + _TOKEN_SECONDS
    while time.monotonic() < deadline:
        held = cluster.get("v1", "Secret", secret, namespace=namespace) or {}
        if "token" in held.get("data", {}):
            return base64.b64decode(held["data"]["token"]).decode("ascii")
        time.sleep(0.1)
    message = f"no token came into the Secret {secret}"
    raise AssertionError(message)


def _files(folder: str, namespace: str) -> list[Json]:
    found: list[Json] = []
    for file in sorted((_BASE / folder).glob("*.yaml")):
        if file.name != "kustomization.yaml":
            found += [thing for thing in yaml.safe_load_all(file.read_text(encoding="utf-8")) if thing]
    return [_moved(thing, namespace) for thing in found]


def _moved(thing: Json, namespace: str) -> Json:
    text = json.dumps(thing).replace(f'"{_NAMESPACE}"', json.dumps(namespace))
    moved: Json = json.loads(text)
    if moved["kind"].startswith("Cluster"):
        moved["metadata"]["name"] += f"-{namespace}"
        if "roleRef" in moved:
            moved["roleRef"]["name"] += f"-{namespace}"
    return moved
