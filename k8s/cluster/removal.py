"""Deletes an object and waits until it, and the pods that it ran, are gone."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import Any

from k8s.cluster.awaiting import await_state, only
from k8s.cluster.connection import Connection
from k8s.cluster.watching import Source
from k8s.cluster.workload import pods_selector
from k8s.errors import ConflictError, ResourceNotFoundError, StillThereError

Json = dict[str, Any]


def delete_and_wait(connection: Connection, thing: Json, *, path: str, seconds: float) -> None:
    """Delete exactly this object, and wait until it is gone, and with a service or Deployment its pods too.

    The pods are waited for because it is they that hold GPUs, quota and volumes.

    Args:
        connection: the API.
        thing: the object as the API returned it.
        path: the path of all objects of its kind in its namespace.
        seconds: how long it may take.

    Raises:
        StillThereError: it is not gone in time.
        ClusterError: the API refused, or was away for too long.
    """
    deadline = time.monotonic() + seconds
    metadata = thing["metadata"]
    body = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Foreground",
        "preconditions": {"uid": metadata["uid"]},
    }
    # Gone, or another one of its name by now: neither is this object.
    with suppress(ResourceNotFoundError, ConflictError):
        connection.request("DELETE", f"{path}/{metadata['name']}", body=body)
    sources = [(Source("object", path, only(metadata["name"])), {metadata["uid"]})]
    selector = pods_selector(thing)
    if selector is not None:
        pods = Source("pods", f"/api/v1/namespaces/{metadata['namespace']}/pods", {"labelSelector": selector})
        sources.append((pods, set()))
    for source, uids in sources:
        if not await_state(connection, source, until=partial(_are_gone, uids), deadline=deadline):
            raise StillThereError(
                kind=thing["kind"], name=metadata["name"], namespace=metadata.get("namespace"), seconds=seconds
            )


def _are_gone(uids: set[str], found: list[Json]) -> bool:
    """Tell whether none of these objects is found, or none at all where no uid is named."""
    return not any(not uids or each["metadata"]["uid"] in uids for each in found)
