"""Asks a component whether it is well."""

from __future__ import annotations

import ssl
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

from sandbox.processes import Process, is_running
from tests.cluster.machine.api import trust
from tests.cluster.machine.components import Component
from tests.cluster.machine.errors import NotReadyError
from tests.cluster.machine.layout import Layout

_LOOK_EVERY = 0.1  # seconds
_ANSWER_SECONDS = 5.0


def await_ready(component: Component, process: Process, *, layout: Layout, seconds: float) -> None:
    """Wait until a component is well.

    Raises:
        NotReadyError: it ended, or is not well in time.
    """
    deadline = time.monotonic() + seconds
    log = layout.logs / f"{component.name}.log"
    while True:
        trouble = trouble_of(component, layout=layout)
        # Asked after the answer: a stranger on the same port may have given it, while ours could not listen and ended.
        if not is_running(process):
            raise NotReadyError(component=component.name, reason="it ended", log=log)
        if trouble is None:
            return
        if time.monotonic() > deadline:
            raise NotReadyError(component=component.name, reason=trouble, log=log)
        time.sleep(_LOOK_EVERY)


def trouble_of(component: Component, *, layout: Layout) -> str | None:
    """Say what is wrong with a component; None if it is well."""
    if isinstance(component.address, Path):
        return None if component.address.exists() else f"{component.address} is not there"
    try:
        with urllib.request.urlopen(  # noqa: S310 - our own component's address
            component.address, timeout=_ANSWER_SECONDS, context=_trust(component, layout)
        ):
            return None
    except (URLError, OSError) as error:
        return f"{component.address}: {error}"


def _trust(component: Component, layout: Layout) -> ssl.SSLContext | None:
    address = str(component.address)
    if not address.startswith("https://"):
        return None
    if component.as_admin:
        return trust(layout)
    context = ssl.create_default_context(cafile=str(layout.authority))
    if address.startswith("https://127.0.0.1"):
        # Controller manager and scheduler serve their health under a certificate that they make up at each start.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
