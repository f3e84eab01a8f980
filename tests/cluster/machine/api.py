"""The few requests to the API that bringing the cluster up takes, as its administrator."""

from __future__ import annotations

import json
import ssl
import urllib.request
from typing import Any

from tests.cluster.machine.kubeconfigs import SERVER
from tests.cluster.machine.layout import Layout

_ANSWER_SECONDS = 10.0


def get(path: str, *, layout: Layout) -> dict[str, Any]:
    """Read an object or a list.

    Raises:
        OSError: the API does not answer, or refuses.
    """
    return _ask(urllib.request.Request(SERVER + path), layout)  # noqa: S310 - our own API's address


def patch(path: str, body: object, *, layout: Layout, content: str = "application/json-patch+json") -> dict[str, Any]:
    """Patch an object.

    Args:
        path: the object's.
        body: the patch.
        layout: the cluster's paths.
        content: the patch's media type.

    Raises:
        OSError: the API does not answer, or refuses.
    """
    request = urllib.request.Request(  # noqa: S310 - our own API's address
        SERVER + path, data=json.dumps(body).encode(), method="PATCH", headers={"Content-Type": content}
    )
    return _ask(request, layout)


def trust(layout: Layout) -> ssl.SSLContext:
    """TLS as the cluster's administrator."""
    context = ssl.create_default_context(cafile=str(layout.authority))
    context.load_cert_chain(layout.pki / "admin.crt", layout.pki / "admin.key")
    return context


def _ask(request: urllib.request.Request, layout: Layout) -> dict[str, Any]:
    with urllib.request.urlopen(  # noqa: S310 - our own API's address
        request, timeout=_ANSWER_SECONDS, context=trust(layout)
    ) as answer:
        told: dict[str, Any] = json.load(answer)
    return told
