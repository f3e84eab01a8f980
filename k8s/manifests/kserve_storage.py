"""How KServe's storage initializer reaches S3: a service account, and the Secret that it names: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from k8s.manifests.errors import UnusableEndpointError
from k8s.manifests.labels import shared_labels

SERVICE_ACCOUNT = "ai-workload-sa"
SECRET = "s3-credentials-kserve"  # noqa: S105 - the name of a Secret
PLATFORM_STORE = "http://minio.model-storage.svc:9000"
"""The platform's own MinIO, as pods see it."""
SECRET_KEYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ENDPOINT_URL",
    "AWS_DEFAULT_REGION",
    "S3_ENDPOINT",
    "S3_USE_HTTPS",
)
"""What the Secret holds; `open_values` has those that are no secrets."""


@dataclass(frozen=True, kw_only=True)
class S3Address:
    """Where the object store is, as pods see it.

    Attributes:
        endpoint: its URL, for example "http://minio.model-storage.svc:9000".
        region: its region; MinIO takes any.
        ca_config_map: a ConfigMap with the key `cabundle.crt`, where the certificate is not publicly signed.
    """

    endpoint: str
    region: str = "us-east-1"
    ca_config_map: str | None = None

    def __post_init__(self) -> None:
        """Refuse an endpoint that is no plain URL.

        Raises:
            UnusableEndpointError: it has no host, another scheme than HTTP's, or a path, a query or credentials.
        """
        try:
            parts = urlsplit(self.endpoint)
            host, _ = parts.hostname or "", parts.port
        except ValueError as error:
            raise UnusableEndpointError(host="", reason="has a host or a port that cannot be") from error
        if "@" in parts.netloc:
            raise UnusableEndpointError(host=host, reason="holds credentials")
        if parts.scheme not in {"http", "https"} or not host:
            raise UnusableEndpointError(host=host, reason="is no http or https URL")
        if self.endpoint.rstrip("/") != f"{parts.scheme}://{parts.netloc}":
            raise UnusableEndpointError(host=host, reason="has more than a host and a port")

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.endpoint).netloc

    @property
    def uses_https(self) -> bool:
        """Whether connections are encrypted."""
        return urlsplit(self.endpoint).scheme == "https"


def service_account(address: S3Address, *, namespace: str) -> dict[str, Any]:
    """Return the service account of the predictors; it has no rights in the cluster.

    Args:
        address: the object store.
        namespace: where models are served.
    """
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(SERVICE_ACCOUNT, address, namespace=namespace),
        "automountServiceAccountToken": False,
        "secrets": [{"name": SECRET}],
    }


def storage_secret(address: S3Address, *, namespace: str) -> dict[str, Any]:
    """Return the Secret without its values.

    Who applies it adds `stringData` with the SECRET_KEYS, in memory and at the last moment. Applied as it is, it would
    empty the Secret. KServe reads the endpoint from the Secret's annotations; it reads the service account's only where
    that stands for an IAM role, so both carry them.

    Args:
        address: the object store.
        namespace: where models are served.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(SECRET, address, namespace=namespace),
        "type": "Opaque",
    }


def open_values(address: S3Address) -> dict[str, str]:
    """Return the Secret's values that are no secrets, for tools that read them from it."""
    return {
        "AWS_ENDPOINT_URL": f"{'https' if address.uses_https else 'http'}://{address.host}",
        "AWS_DEFAULT_REGION": address.region,
        "S3_ENDPOINT": address.host,
        "S3_USE_HTTPS": "1" if address.uses_https else "0",
    }


def _metadata(name: str, address: S3Address, *, namespace: str) -> dict[str, Any]:
    annotations = {
        "serving.kserve.io/s3-endpoint": address.host,
        "serving.kserve.io/s3-region": address.region,
        "serving.kserve.io/s3-usehttps": "1" if address.uses_https else "0",
        # A private authority is named below; verification is never switched off. Plain HTTP ignores it.
        "serving.kserve.io/s3-verifyssl": "1",
    }
    if address.ca_config_map is not None:
        annotations["serving.kserve.io/s3-cabundle-configmap"] = address.ca_config_map
    return {
        "name": name,
        "namespace": namespace,
        "labels": shared_labels("kserve-storage", component="serving"),
        "annotations": annotations,
    }
