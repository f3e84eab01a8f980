"""Reads containers' logs: followed while they run, and their tail afterwards.

Secrets are taken out here, once: what is read goes on into errors, which Prefect stores, flow logs and artifacts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from k8s.cluster.connection import Connection
from k8s.cluster.feed import Feed, LogEnded, LogLine
from k8s.cluster.outage import Outage
from k8s.errors import ClusterError, ClusterUnavailableError, ResourceNotFoundError
from k8s.fields import container_statuses
from k8s.redaction import redacted_text

LOG_BYTES = 2 * 2**20
"""How much of one log is read at most."""

# The kubelet says these with status 200, as if the container had written them, when the pod is being deleted.
_GONE = ("unable to retrieve container logs for ", "failed to try resolving symlinks in path ")
# And this as the last line, when the container went away while its log was read.
_LOST = "rpc error: code = NotFound desc = an error occurred when try to find container "
_SILENCE_SECONDS = 3600.0  # a compiler or an upload may say nothing for long
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z ?")

Json = dict[str, Any]


def log_tail(connection: Connection, pod: Json, *, lines: int) -> tuple[str, ...]:
    """Read the last lines of the container that tells a pod's story, before them those of its previous run if any.

    Args:
        connection: the API.
        pod: the Pod as the API returned it.
        lines: how many of each run at most.

    Returns:
        The lines, oldest first.

    Raises:
        ClusterError: the pod is gone, was never started, or its node does not answer.
    """
    teller = storyteller(pod)
    status = next((each for each in container_statuses(pod.get("status", {})) if each.get("name") == teller), {})
    found: list[str] = []
    for previous in [True, False] if status.get("restartCount") else [False]:
        found += container_log(connection, pod, teller, previous=previous, lines=lines)
    return tuple(found)


def storyteller(pod: Json) -> str:
    """Return the name of the container whose log explains a pod: the first that failed, else its first one.

    Where an init container fails, the others never start and have nothing to say.
    """
    for status in container_statuses(pod.get("status", {})):
        if (status.get("state", {}).get("terminated") or {}).get("exitCode"):
            return str(status.get("name"))
    return _container(pod)


def container_log(
    connection: Connection, pod: Json, container: str, *, previous: bool = False, lines: int | None = None
) -> tuple[str, ...]:
    """Read the log of one container of a pod.

    Args:
        connection: the API.
        pod: the Pod as the API returned it.
        container: the container's name, an init container's too.
        previous: the run before the present one.
        lines: how many of the last lines; None for as much as `LOG_BYTES` holds, from the beginning.

    Returns:
        The lines without secrets, oldest first.

    Raises:
        ClusterError: the pod is gone, there was no such run, or its node does not answer.
    """
    query: dict[str, str | int | bool] = {"container": container, "limitBytes": LOG_BYTES}
    if lines is not None:
        query["tailLines"] = lines
    if previous:
        query["previous"] = True
    told = connection.text(_path(pod), query=query)
    if told.startswith(_GONE):
        raise ResourceNotFoundError(path=_path(pod), reason=told.strip())
    return tuple(line for line in redacted_text(told).splitlines() if not line.startswith(_LOST))


def runs_of(status: Mapping[str, Any]) -> tuple[bool, ...]:
    """Return which runs of a container have a log, the earlier one first; True stands for `previous`.

    Args:
        status: the container's entry in the pod's status.
    """
    state, restarted = status.get("state", {}), bool(status.get("restartCount"))
    # While it waits to be started again, the API gives the last run's log both as the present and the previous one.
    has_present = "running" in state or "terminated" in state
    earlier = (True,) if restarted else ()
    if has_present:
        return (*earlier, False)
    return earlier or ((False,) if status.get("lastState", {}).get("terminated") else ())


def follow_log(connection: Connection, pod: Json, feed: Feed) -> None:
    """Put each line of a started container's log into the feed as it is written, at the end `LogEnded`.

    A dropped connection goes on where it was. Meant as a thread's target: errors end the following and nothing else,
    because the Job's fate does not hang on our reading along.
    """
    outage = Outage(seconds=30.0)
    last = ""
    while not feed.interruption:
        query: dict[str, str | int | bool] = {"container": _container(pod), "follow": True, "timestamps": True}
        resumed_after = last
        if last:
            query["sinceTime"] = last.partition(".")[0] + "Z"
        try:
            with connection.lines(
                _path(pod), query=query, read_seconds=_SILENCE_SECONDS, interruption=feed.interruption
            ) as lines:
                for line in lines:
                    outage.over()
                    stamp, text = _split_stamp(line.decode("utf-8", errors="replace"))
                    if stamp is None and text.startswith((*_GONE, _LOST)):
                        continue
                    # sinceTime is inclusive and counts whole seconds: what was read before comes again.
                    if stamp is None or stamp > resumed_after:
                        last = stamp or last
                        feed.put(LogLine(redacted_text(text)))
            break
        except ClusterUnavailableError as error:
            try:
                outage.wait(error, feed.interruption)
            except ClusterUnavailableError:
                break
        except ClusterError:
            break
    feed.put(LogEnded())


def _split_stamp(line: str) -> tuple[str | None, str]:
    """Split a line into its time, padded so that times compare as text, and what was written."""
    found = _STAMP.match(line)
    if found is None:
        return None, line
    seconds, fraction = found.groups()
    return f"{seconds}{(fraction or '.').ljust(10, '0')}", line[found.end() :]


def _path(pod: Json) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/log"


def _container(pod: Json) -> str:
    name: str = pod["spec"]["containers"][0]["name"]
    return name
