"""The cluster's image registry: Debian's docker-registry with TLS and a log-in, as a production registry has."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
from pathlib import Path

from tests.cluster.machine.commands import run
from tests.cluster.machine.layout import REGISTRY, Layout
from tests.cluster.machine.settings import write_json

USER = "builder"


def write_settings(layout: Layout) -> Path:
    """Write the registry's configuration and log-in; return the configuration file."""
    if not layout.credentials.exists():
        _make_credentials(layout)
    file = layout.settings / "registry.json"
    config = {
        "version": 0.1,
        "log": {"level": "info"},
        # Debian's own configuration looks for a file of passwords that does not exist.
        "auth": {"htpasswd": {"realm": "slipway", "path": str(layout.settings / "htpasswd")}},
        "storage": {
            "filesystem": {"rootdirectory": str(layout.root / "registry")},
            "delete": {"enabled": True},
        },
        "http": {
            "addr": REGISTRY,
            "tls": {"certificate": str(layout.pki / "registry.crt"), "key": str(layout.pki / "registry.key")},
        },
    }
    return write_json(file, config)


def encoded_login(layout: Layout) -> str:
    """User and password, made once per cluster, as HTTP's basic authentication has them."""
    entry: str = json.loads(layout.credentials.read_text())["auths"][REGISTRY]["auth"]
    return entry


def decoded_login(encoded: str) -> tuple[str, str]:
    """User and password of an entry of Docker's configuration."""
    user, _, word = base64.b64decode(encoded).decode("utf-8").partition(":")
    return user, word


def trusted(layout: Layout) -> Path:
    """A folder with the certificate that the registry is trusted by, as containerd and Buildah take it."""
    folder = layout.settings / "registries" / REGISTRY
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(layout.authority, folder / "ca.crt")
    return folder


def _make_credentials(layout: Layout) -> None:
    word = secrets.token_urlsafe(16)
    # The registry takes bcrypt alone, which Python has not; Debian's perl has the system's crypt(3).
    salt = "$2b$05$" + "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(21)) + "u"
    hashed = run(
        ["perl", "-e", "my ($w, $s) = split /\\n/, join('', <STDIN>); print crypt($w, $s)"], given=f"{word}\n{salt}"
    )
    (layout.settings / "htpasswd").write_text(f"{USER}:{hashed}\n")
    encoded = base64.b64encode(f"{USER}:{word}".encode()).decode("ascii")
    write_json(layout.credentials, {"auths": {REGISTRY: {"auth": encoded}}})
