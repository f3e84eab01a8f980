"""Where a predictor's weights come from: an initializer for S3, a mount for a volume; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sandbox.kserve.errors import InvalidServiceError
from sandbox.kserve.names import INITIALIZER, MODELS
from sandbox.kube.objects import Object, dig, name_of

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_ANNOTATION = "serving.kserve.io/s3-"
_CA_FOLDER = "/etc/kserve/ca"  # where a ConfigMap with an authority is mounted
_FOLDER_VOLUME, _CLAIM_VOLUME, _CA_VOLUME = "kserve-provision-location", "kserve-pvc-source", "cabundle-cert"


@dataclass(frozen=True, kw_only=True)
class Storage:
    """What a pod needs for its weights.

    Attributes:
        initializers: containers that fetch them first.
        mounts: of the container that serves.
        volumes: of the pod.
    """

    initializers: list[Object] = field(default_factory=list)
    mounts: list[Object] = field(default_factory=list)
    volumes: list[Object] = field(default_factory=list)


def storage(uri: str, *, image: str, secret: Object | None) -> Storage:
    """Return what a pod needs for a storage URI.

    Args:
        uri: `s3://bucket/prefix`, or `pvc://claim/folder`; nothing for none.
        image: the initializer's image.
        secret: what the service account has for S3.

    Raises:
        InvalidServiceError: another kind of storage.
    """
    parts = urlsplit(uri)
    if not uri:
        return Storage()
    if parts.scheme == "pvc":
        mount: Object = {"name": _CLAIM_VOLUME, "mountPath": MODELS, "readOnly": True}
        if folder := parts.path.strip("/"):
            mount["subPath"] = folder
        claim = {"claimName": parts.netloc, "readOnly": False}
        return Storage(mounts=[mount], volumes=[{"name": _CLAIM_VOLUME, "persistentVolumeClaim": claim}])
    if parts.scheme != "s3":
        raise InvalidServiceError(f"the sandbox serves from s3:// and pvc://, not from {uri}")
    authority = _annotations(secret).get(f"{_ANNOTATION}cabundle-configmap")
    fetched = {"name": _FOLDER_VOLUME, "mountPath": MODELS}
    initializer: Object = {
        "name": INITIALIZER,
        "image": image,
        "args": [uri, MODELS],
        "env": _environment(secret, authority=authority),
        "resources": {"requests": {"cpu": "100m", "memory": "100Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [fetched],
    }
    volumes: list[Object] = [{"name": _FOLDER_VOLUME, "emptyDir": {}}]
    if authority:
        initializer["volumeMounts"].append({"name": _CA_VOLUME, "mountPath": _CA_FOLDER, "readOnly": True})
        volumes.append({"name": _CA_VOLUME, "configMap": {"name": authority}})
    return Storage(initializers=[initializer], mounts=[{**fetched, "readOnly": True}], volumes=volumes)


def is_for_s3(secret: Object) -> bool:
    """Tell whether a Secret of a service account holds keys for S3."""
    return _KEYS[1] in (secret.get("data") or {})


def _environment(secret: Object | None, *, authority: str | None) -> list[Object]:
    """Return the variables: the keys by reference, the rest from the Secret's annotations."""
    if secret is None:
        return []
    said = {key.removeprefix(_ANNOTATION): value for key, value in _annotations(secret).items()}
    env: list[Object] = [
        {"name": key, "valueFrom": {"secretKeyRef": {"name": name_of(secret), "key": key}}} for key in _KEYS
    ]
    plain: dict[str, str | None] = {}
    if endpoint := said.get("endpoint"):
        scheme = "http" if said.get("usehttps") == "0" else "https"
        plain |= {"S3_ENDPOINT": endpoint, "AWS_ENDPOINT_URL": f"{scheme}://{endpoint}"}
    plain |= {
        "S3_USE_HTTPS": said.get("usehttps"),
        "S3_VERIFY_SSL": said.get("verifyssl"),
        "AWS_DEFAULT_REGION": said.get("region"),
        "AWS_CA_BUNDLE": f"{_CA_FOLDER}/cabundle.crt" if authority else None,
    }
    return env + [{"name": name, "value": value} for name, value in plain.items() if value is not None]


def _annotations(secret: Object | None) -> dict[str, str]:
    found: dict[str, str] = dig(secret, "metadata.annotations") or {}
    return found
