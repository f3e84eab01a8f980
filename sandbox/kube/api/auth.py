"""Who calls: bearer tokens of the administrator and of service accounts, and the kubeconfig files that carry them."""

import base64
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from sandbox.kube.errors import UnauthorizedError
from sandbox.kube.store import Store

ADMIN = "kubernetes-admin"


class Tokens:
    """Issues and recognises tokens; a service account's is a signature, so none is stored."""

    def __init__(self, store: Store) -> None:
        key = store.fact("token-key")
        if key is None:
            key = secrets.token_hex(32)
            store.set_fact("token-key", key)
        self._key = key.encode()
        self.admin = f"admin.{self._signature(ADMIN)}"

    def service_account(self, *, namespace: str, name: str) -> str:
        """Return the token of a service account."""
        return f"{namespace}.{name}.{self._signature(f'{namespace}.{name}')}"

    def user(self, authorization: str) -> str:
        """Return the user behind an `Authorization` header.

        Raises:
            UnauthorizedError: the token is missing or not ours.
        """
        token = authorization.removeprefix("Bearer ").strip()
        subject, _, signature = token.rpartition(".")
        signed = ADMIN if subject == "admin" else subject
        if not hmac.compare_digest(signature, self._signature(signed)):
            raise UnauthorizedError
        namespace, _, name = subject.partition(".")
        return f"system:serviceaccount:{namespace}:{name}" if name else ADMIN

    def _signature(self, subject: str) -> str:
        return hmac.new(self._key, subject.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where the API is and by which authority's certificate to know it."""

    server: str
    authority: Path


def write_kubeconfig(path: Path, endpoint: Endpoint, *, token: str, namespace: str = "default") -> None:
    """Write a kubeconfig (JSON, which is YAML) that only its owner can read, replacing an earlier one in one step."""
    name = "slipway-sandbox"
    authority = base64.b64encode(endpoint.authority.read_bytes()).decode()
    cluster = {"server": endpoint.server, "certificate-authority-data": authority}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        "current-context": name,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=1)
    draft.replace(path)
