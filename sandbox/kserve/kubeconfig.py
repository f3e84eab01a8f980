"""Reads a kubeconfig's current context: where the API is, and as whom to call it."""

from __future__ import annotations

import base64
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class KubeconfigError(Exception):
    """The kubeconfig cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """How to call an API server: by token or by a client certificate, which the context holds."""

    server: str
    token: str
    context: ssl.SSLContext


def read(path: Path) -> Access:
    """Return what the current context says.

    Raises:
        KubeconfigError: it names no cluster or user, or a way to log in that is not known here.
    """
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise KubeconfigError(f"{path} is no usable kubeconfig: {error!r}. Name one with --kubeconfig") from error
    token, certificate = user.get("token", ""), _data(user, "client-certificate", path)
    if file := user.get("tokenFile"):
        token = (path.parent / file).read_text(encoding="utf-8").strip()
    if not token and certificate is None:
        raise KubeconfigError(f"{path} logs in by neither token nor client certificate. Name another with --kubeconfig")
    authority = _data(cluster, "certificate-authority", path)
    tls = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        raise KubeconfigError(f"{path} skips the verification of TLS. Give it a certificate-authority")
    if certificate is not None:
        key = _data(user, "client-key", path) or b""
        with tempfile.NamedTemporaryFile(suffix=".pem") as both:  # the ssl module reads files only
            both.write(certificate + b"\n" + key)
            both.flush()
            tls.load_cert_chain(both.name)
    return Access(server=cluster["server"], token=token, context=tls)


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for entry in entries:
        if entry["name"] == name:
            return entry
    raise KeyError(name)


def _data(holder: dict[str, Any], field: str, path: Path) -> bytes | None:
    """Return what stands in `FIELD-data`, or in the file that FIELD names beside the kubeconfig."""
    if inline := holder.get(f"{field}-data"):
        return base64.b64decode(inline)
    if file := holder.get(field):
        return Path(path.parent, file).read_bytes()
    return None
