"""Which Secrets the platform needs: the table of docs/platform.md, for machines; pure."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from k8s.manifests.evaluation_job import TOKEN_KEY, TOKEN_SECRET
from k8s.manifests.kserve_storage import SECRET as KSERVE_SECRET
from k8s.manifests.kserve_storage import S3Address, open_values, storage_secret

MODELS, STORAGE, REGISTRY = "private-ai-demo", "model-storage", "rhoai-model-registries"
LOGINS = "quay-credentials"
LOGINS_KEY = ".dockerconfigjson"
DOCKER_TYPE = "kubernetes.io/dockerconfigjson"

_RANDOM_BYTES = 24


def random_password() -> str:
    """Make a password; hexadecimal, because some become part of an address."""
    return secrets.token_hex(_RANDOM_BYTES)


@dataclass(frozen=True, kw_only=True)
class Variable:
    """Where one value of a Secret comes from.

    Attributes:
        name: the environment variable that gives it.
        make: makes it where nobody gives it and the cluster has none yet; `str` makes it empty.
        frozen: whether whoever uses it keeps the value of its first start, so that changing the Secret alone would lock
            it out.
    """

    name: str
    make: Callable[[], str]
    frozen: bool = False


@dataclass(frozen=True, kw_only=True)
class SecretSpec:
    """One Secret, the same in each of its namespaces.

    Attributes:
        name: its name.
        namespaces: where it is needed.
        keys: its keys, and where their values come from.
        open_values: values that are no secrets.
        annotations: what others read from it.
    """

    name: str
    namespaces: tuple[str, ...]
    keys: Mapping[str, Variable]
    open_values: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


def secret_specs(address: S3Address) -> tuple[SecretSpec, ...]:
    """Return all Secrets but the registry logins, which are merged and not replaced.

    Args:
        address: the object store as pods see it.
    """
    kserve = storage_secret(address, namespace=MODELS)["metadata"]
    return (
        # Empty where nobody gave one: public repositories need none, and the import of a gated one is refused by name.
        SecretSpec(
            name="huggingface-token",
            namespaces=(MODELS,),
            keys={"HF_TOKEN": Variable(name="HF_TOKEN", make=str)},
        ),
        SecretSpec(
            name="minio-credentials",
            namespaces=(MODELS, STORAGE),
            keys={"accesskey": _user("MINIO_ACCESS_KEY", "slipway-import"), "secretkey": _ours("MINIO_SECRET_KEY")},
        ),
        SecretSpec(
            name=KSERVE_SECRET,
            namespaces=(MODELS, STORAGE),
            keys={
                "AWS_ACCESS_KEY_ID": _user("KSERVE_ACCESS_KEY", "slipway-read"),
                "AWS_SECRET_ACCESS_KEY": _ours("KSERVE_SECRET_KEY"),
            },
            open_values=open_values(address),
            annotations=kserve["annotations"],
        ),
        SecretSpec(
            name="minio-root-credentials",
            namespaces=(STORAGE,),
            keys={
                "MINIO_ROOT_USER": _user("MINIO_ROOT_USER", "slipway-root"),
                "MINIO_ROOT_PASSWORD": _ours("MINIO_ROOT_PASSWORD"),
            },
        ),
        SecretSpec(
            name="mysql-credentials",
            namespaces=(REGISTRY,),
            keys={name: _database(name) for name in ("MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD")},
        ),
        SecretSpec(
            name="prefect-database-credentials",
            namespaces=(MODELS,),
            keys={"POSTGRES_PASSWORD": _database("POSTGRES_PASSWORD")},
        ),
        SecretSpec(
            name="prefect-api-auth",
            namespaces=(MODELS,),
            keys={
                "PREFECT_API_AUTH_STRING": Variable(
                    name="PREFECT_API_AUTH_STRING", make=lambda: f"slipway:{random_password()}"
                )
            },
        ),
        SecretSpec(
            name="slipway-notification",
            namespaces=(MODELS,),
            # Empty where nobody gave one: nobody is told of failed runs, and nothing else is missing.
            keys={"SLIPWAY_NOTIFICATION_URL": Variable(name="SLIPWAY_NOTIFICATION_URL", make=str)},
        ),
        SecretSpec(
            name=TOKEN_SECRET,
            namespaces=(MODELS,),
            # Empty where services ask for none. One that Kubernetes fills for a service account is kept as it is.
            keys={TOKEN_KEY: Variable(name="SERVED_MODEL_TOKEN", make=str)},
        ),
    )


def _ours(name: str) -> Variable:
    return Variable(name=name, make=random_password)


def _user(name: str, default: str) -> Variable:
    return Variable(name=name, make=partial(str, default))


def _database(name: str) -> Variable:
    return Variable(name=name, make=random_password, frozen=True)
