"""Writes kubeconfig files, with all certificates inside, so that a file can be copied anywhere."""

from __future__ import annotations

import base64
from pathlib import Path

from tests.cluster.machine.certificates import CLIENTS
from tests.cluster.machine.layout import API_PORT, HOST, Layout
from tests.cluster.machine.settings import write_json

SERVER = f"https://{HOST}:{API_PORT}"


def write(layout: Layout) -> None:
    """Write the administrator's kubeconfig, and one for each component that asks the API."""
    for name in CLIENTS:
        _write(layout.kubeconfig if name == "admin" else component_file(layout, name), name=name, layout=layout)


def component_file(layout: Layout, component: str) -> Path:
    """Where a component's kubeconfig is."""
    return layout.settings / f"{component}.kubeconfig"


def _write(file: Path, *, name: str, layout: Layout) -> None:
    user = {
        "client-certificate-data": _encoded(layout.pki / f"{name}.crt"),
        "client-key-data": _encoded(layout.pki / f"{name}.key"),
    }
    cluster = {"server": SERVER, "certificate-authority-data": _encoded(layout.authority)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "slipway", "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": "slipway", "context": {"cluster": "slipway", "user": name, "namespace": "default"}}],
        "current-context": "slipway",
    }
    write_json(file, config)


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode("ascii")
