"""The environment variables by which clients find the sandbox, at a terminal and in its pods."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping

from sandbox.layout import BUCKET, NAMESPACE, PROJECT, Layout

BUILDER_IMAGE = "localhost/slipway-builder:sandbox"
EVALUATION_IMAGE = "localhost/slipway-evaluation:sandbox"
FLOWS_IMAGE = "localhost/slipway-flows:sandbox"
STORAGE_INITIALIZER_IMAGE = "localhost/slipway-storage-initializer:sandbox"
REGION = "us-east-1"

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_LOCAL = "127.0.0.1,localhost"
# What a developer has set for another platform must not leak into this one. Byte code is wanted: without it Prefect
# takes twice as long to start.
_FOREIGN_PREFIXES = ("AWS_", "HF_", "KUBE", "PREFECT_", "SLIPWAY_", "WEED_")
_TUNABLE_PREFIXES = ("SLIPWAY_TRANSFER_", "SLIPWAY_BUILD_", "SLIPWAY_LEASE_")
_NOTIFICATION = "SLIPWAY_NOTIFICATION_URL"
_FOREIGN = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")


def addresses(layout: Layout) -> dict[str, str]:
    """Everything that is no secret: where the servers are, and what to build from."""
    return {
        "PREFECT_API_URL": f"{layout.url('prefect')}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "HF_ENDPOINT": layout.url("hub"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "AWS_ENDPOINT_URL": layout.url("s3"),
        "AWS_DEFAULT_REGION": REGION,
        "SLIPWAY_BUCKET": BUCKET,
        "SLIPWAY_REGISTRY_URL": layout.url("registry"),
        "SLIPWAY_CATALOG_OVERLAY": str(PROJECT / "sandbox" / "models"),
        "SLIPWAY_NAMESPACE": NAMESPACE,
        **_base_image(layout),
        "SLIPWAY_BUILDER_IMAGE": BUILDER_IMAGE,
        "SLIPWAY_FLOWS_IMAGE": FLOWS_IMAGE,
        "SLIPWAY_EVALUATION_IMAGE": EVALUATION_IMAGE,
        "SLIPWAY_IMAGE_REPOSITORY": f"oci:{layout.runtime_image}",
        **_tuning(),
        **_no_proxy(),
    }


def credentials(layout: Layout) -> dict[str, str]:
    """The throw-away secrets, as the clients of the real systems name them."""
    return {
        "HF_TOKEN": layout.secrets.hub_token,
        "AWS_ACCESS_KEY_ID": layout.secrets.s3_access_key,
        "AWS_SECRET_ACCESS_KEY": layout.secrets.s3_secret_key,
    }


def terminal(layout: Layout) -> dict[str, str]:
    """What a person's shell needs. Pods have folders of their own, and find the cluster by their service account."""
    return {
        **addresses(layout),
        # The project folder may hold the .env of a production platform, which blocks.register and Prefect read.
        "SLIPWAY_ENV_FILE": "",
        "PREFECT_API_AUTH_STRING": "",
        "PREFECT_HOME": str(layout.prefect_home),
        # Replicas carry the names of real repositories: kept apart from the cache of the real ones.
        "HF_HOME": str(layout.root / "huggingface"),
        "KUBECONFIG": str(layout.kubeconfig),
        **credentials(layout),
    }


def inherited() -> dict[str, str]:
    """This process's environment without the settings of other platforms."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN_PREFIXES) and name not in _FOREIGN
    }


def notification() -> dict[str, str]:
    """A webhook that the user named, for the Prefect server alone: whoever has the address may write there."""
    return {_NOTIFICATION: os.environ[_NOTIFICATION]} if os.environ.get(_NOTIFICATION) else {}


def exports(variables: Mapping[str, str]) -> str:
    """Lines that a POSIX shell evaluates."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def _base_image(layout: Layout) -> dict[str, str]:
    """The base image is named by its digest, which is known only when it is there."""
    if not layout.base_image_name.is_file():
        return {}
    return {"SLIPWAY_RUNTIME_BASE_IMAGE": layout.base_image_name.read_text(encoding="utf-8").strip()}


def _tuning() -> dict[str, str]:
    """Settings of the transfer, the build and the lease, as the user set them; pods shall try them too."""
    return {name: value for name, value in os.environ.items() if name.startswith(_TUNABLE_PREFIXES)}


def _no_proxy() -> dict[str, str]:
    """Keep a developer's proxy out of the way of local addresses."""
    if not any(os.environ.get(name) or os.environ.get(name.lower()) for name in _PROXIES):
        return {}
    known = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    value = ",".join(part for part in (known, _LOCAL) if part)
    return {"NO_PROXY": value, "no_proxy": value}
