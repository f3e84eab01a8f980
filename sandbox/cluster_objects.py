"""What the sandbox's cluster holds before the first flow: namespaces, KServe's kinds, accounts, variables, secrets."""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from sandbox import environment
from sandbox.errors import StepFailedError
from sandbox.kserve.definitions import definitions
from sandbox.layout import NAMESPACE, Layout

Object = dict[str, Any]

NAMESPACES = (NAMESPACE, "model-storage", "rhoai-model-registries")
ACCOUNTS = ("slipway-flows", "slipway-jobs", "runtime-builder")

_PATHS = {
    "CustomResourceDefinition": ("apis/apiextensions.k8s.io/v1", "customresourcedefinitions"),
    "Namespace": ("api/v1", "namespaces"),
    "ServiceAccount": ("api/v1", "serviceaccounts"),
    "ConfigMap": ("api/v1", "configmaps"),
    "Secret": ("api/v1", "secrets"),
    "ServingRuntime": ("apis/serving.kserve.io/v1alpha1", "servingruntimes"),
}
_SECONDS = 10.0
_LOOK_EVERY = 0.05  # seconds


def provide(at: Layout, say: Callable[[str], None]) -> None:
    """Apply what the cluster holds before anything else, as `kubectl apply --server-side` would.

    Raises:
        StepFailedError: the server refused one, or does not answer.
    """
    wanted = objects(at)
    apply(at, wanted)
    say(f"cluster    has {len(wanted)} objects in {', '.join(NAMESPACES)}")


def apply(at: Layout, wanted: Iterable[Object]) -> None:
    """Apply objects, each after those that it needs.

    Raises:
        StepFailedError: the server refused one, or does not answer.
    """
    config = _kubeconfig(at)
    for each in wanted:
        _apply(each, config=config)


def _kubeconfig(at: Layout) -> Object:
    """The administrator's kubeconfig, which the API server writes just after it begins to answer."""
    deadline = time.monotonic() + _SECONDS
    while not at.kubeconfig.is_file():
        if time.monotonic() > deadline:
            raise StepFailedError(step="cluster", reason=f"the API server wrote no {at.kubeconfig}")
        time.sleep(_LOOK_EVERY)
    config: Object = json.loads(at.kubeconfig.read_text(encoding="utf-8"))
    return config


def objects(at: Layout) -> list[Object]:
    """The objects, each after those that it needs."""
    secrets = {
        "huggingface-token": {"HF_TOKEN": at.secrets.hub_token},
        "minio-credentials": {"accesskey": at.secrets.s3_access_key, "secretkey": at.secrets.s3_secret_key},
    }
    return [
        *definitions(),
        *(_object("Namespace", name, namespace=None) for name in NAMESPACES),
        *(_object("ServiceAccount", name) for name in ACCOUNTS),
        {**_object("ConfigMap", "slipway-environment"), "data": environment.addresses(at)},
        *({**_object("Secret", name), "type": "Opaque", "data": _encoded(data)} for name, data in secrets.items()),
        _weights_secret(at),
        {
            **_object("Secret", "quay-credentials"),
            "type": "kubernetes.io/dockerconfigjson",
            "data": _encoded({".dockerconfigjson": _registry_login(at.secrets.image_registry_password)}),
        },
    ]


def _object(kind: str, name: str, *, namespace: str | None = NAMESPACE) -> Object:
    metadata: Object = {"name": name, "labels": {"app.kubernetes.io/part-of": "slipway"}}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata | ({"namespace": namespace} if namespace else {})}


def _weights_secret(at: Layout) -> Object:
    """What KServe's storage initializer reads the weights with: a key that may only read, and where the store is."""
    store = f"127.0.0.1:{at.ports['s3']}"
    wanted = _object("Secret", "s3-credentials-kserve")
    wanted["metadata"]["annotations"] = {
        "serving.kserve.io/s3-endpoint": store,
        "serving.kserve.io/s3-region": environment.REGION,
        "serving.kserve.io/s3-usehttps": "0",
        "serving.kserve.io/s3-verifyssl": "1",
    }
    values = {
        "AWS_ACCESS_KEY_ID": at.secrets.s3_reader_access_key,
        "AWS_SECRET_ACCESS_KEY": at.secrets.s3_reader_secret_key,
        "AWS_ENDPOINT_URL": f"http://{store}",
        "AWS_DEFAULT_REGION": environment.REGION,
        "S3_ENDPOINT": store,
        "S3_USE_HTTPS": "0",
    }
    return {**wanted, "type": "Opaque", "data": _encoded(values)}


def _encoded(data: dict[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def _registry_login(password: str) -> str:
    """A login file; the sandbox's images go to a folder, which asks for none, but the same Secret is mounted."""
    login = base64.b64encode(f"sandbox:{password}".encode()).decode()
    return json.dumps({"auths": {"localhost": {"auth": login}}})


def _apply(wanted: Object, *, config: Object) -> None:
    kind, metadata = wanted["kind"], wanted["metadata"]
    cluster, token = config["clusters"][0]["cluster"], config["users"][0]["user"]["token"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=ssl.create_default_context(cadata=authority)))
    base, plural = _PATHS[kind]
    folder = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    request = Request(  # noqa: S310 - the address is that of our own server
        f"{cluster['server']}/{base}{folder}/{plural}/{metadata['name']}?fieldManager=slipway-sandbox&force=true",
        data=json.dumps(wanted).encode(),
        method="PATCH",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/apply-patch+yaml"},
    )
    try:
        opener.open(request, timeout=_SECONDS).close()
    except HTTPError as error:
        raise StepFailedError(
            step="cluster",
            reason=f"{kind} {metadata['name']} was refused with status {error.code}: {error.read(500).decode()}",
        ) from error
    except (URLError, OSError) as error:
        raise StepFailedError(
            step="cluster", reason=f"the API server at {cluster['server']} does not answer: {error}"
        ) from error
