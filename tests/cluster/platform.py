"""What a namespace needs before flows can run in it: the platform's own accounts and rights, environment, secrets."""

from __future__ import annotations

import base64
import json
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
_ACCESS = Path(__file__).parents[2] / "k8s" / "platform" / "base" / "access"
_NAMESPACE = "private-ai-demo"  # the one that the platform's files name
_TOKEN_SECONDS = 20.0


def access(namespace: str) -> list[Json]:
    """The platform's accounts, roles and bindings, moved to another namespace; names of cluster-wide ones carry it."""
    found = []
    for file in sorted(_ACCESS.glob("*.yaml")):
        if file.name != "kustomization.yaml":
            found += [thing for thing in yaml.safe_load_all(file.read_text(encoding="utf-8")) if thing]
    return [_moved(thing, namespace) for thing in found]


def objects(namespace: str, *, variables: dict[str, str], credentials: dict[str, str], at: Surroundings) -> list[Json]:
    """The environment and the secrets of flow runs.

    Args:
        namespace: where.
        variables: of every flow run, no secret among them.
        credentials: HF_TOKEN, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
        at: the log-in of the image registry.
    """
    user, word = at.login()
    secrets = {
        "huggingface-token": {"HF_TOKEN": credentials["HF_TOKEN"]},
        "minio-credentials": {
            "accesskey": credentials["AWS_ACCESS_KEY_ID"],
            "secretkey": credentials["AWS_SECRET_ACCESS_KEY"],
        },
        "quay-login": {"QUAY_USERNAME": user, "QUAY_PASSWORD": word},
    }
    about = {"namespace": namespace}
    return [
        config_map("slipway-environment", variables, namespace=namespace),
        *(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, **about}, "stringData": data}
            for name, data in secrets.items()
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


def _moved(thing: Json, namespace: str) -> Json:
    text = json.dumps(thing).replace(f'"{_NAMESPACE}"', json.dumps(namespace))
    moved: Json = json.loads(text)
    if moved["kind"].startswith("Cluster"):
        moved["metadata"]["name"] += f"-{namespace}"
        if "roleRef" in moved:
            moved["roleRef"]["name"] += f"-{namespace}"
    return moved
