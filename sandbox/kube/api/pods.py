"""Subresources that are no plain objects: a pod's log, binding and eviction, a service account's token."""

from collections.abc import AsyncIterator
from typing import Protocol

from aiohttp import web

from sandbox.kube.api.auth import Tokens
from sandbox.kube.api.deletion import Deletion, delete
from sandbox.kube.api.handlers import answer
from sandbox.kube.api.requests import is_set, read_body, read_options, read_target
from sandbox.kube.api.target import Target
from sandbox.kube.api.verbs import Verbs
from sandbox.kube.errors import BadRequestError, ConflictError, NotImplementedHereError
from sandbox.kube.logs import LogOptions
from sandbox.kube.objects import Object, dig, name_of, now, seconds_since


class LogSource(Protocol):
    """Who has the logs: the kubelet."""

    def read(self, pod: Object, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Yield a container's log, and go on with it if the options say follow."""


class PodHandlers:
    """The subresources of pods and service accounts."""

    def __init__(self, verbs: Verbs, tokens: Tokens) -> None:
        self._verbs, self._tokens = verbs, tokens
        self.logs: LogSource | None = None

    async def log(self, request: web.Request) -> web.StreamResponse:
        """Answer `GET …/pods/{name}/log`."""
        pod = self._verbs.read(self._pod(request))
        container = _container(pod, request.query.get("container", ""))
        options = _log_options(request)
        status = _status(pod, container)
        state = (status.get("state") or {}).get("waiting")
        if options.previous and not status.get("restartCount"):
            raise BadRequestError(f'previous terminated container "{container}" in pod "{name_of(pod)}" not found')
        if self.logs is None or (not options.previous and (not status or state) and not status.get("lastState")):
            reason = (state or {}).get("reason") or "ContainerCreating"
            raise BadRequestError(f'container "{container}" in pod "{name_of(pod)}" is waiting to start: {reason}')
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        try:
            async for chunk in self.logs.read(pod, container, options):
                await response.write(chunk)
            await response.write_eof()
        except ConnectionResetError:
            pass  # the reader left
        return response

    async def bind(self, request: web.Request) -> web.StreamResponse:
        """Answer `POST …/pods/{name}/binding`: the scheduler's decision."""
        target = self._pod(request)
        node = dig(await read_body(request), "target.name")

        def assign(pod: Object) -> Object:
            if dig(pod, "spec.nodeName"):
                because = f"pod {target.name} is already assigned to node {pod['spec']['nodeName']!r}"
                raise ConflictError(resource="pods", name=target.name, because=because)
            return {**pod, "spec": {**pod["spec"], "nodeName": node}}

        self._verbs.patch(target, assign, read_options(request))
        return answer(request, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, code=201)

    async def evict(self, request: web.Request) -> web.StreamResponse:
        """Answer `POST …/pods/{name}/eviction`: there are no disruption budgets to ask."""
        body = await read_body(request)
        delete(self._verbs, self._pod(request), Deletion.read(body.get("deleteOptions") or {}, {}))
        return answer(request, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, code=201)

    async def token(self, request: web.Request) -> web.StreamResponse:
        """Answer `POST …/serviceaccounts/{name}/token`."""
        target = read_target(request, self._verbs.catalog)
        account = Target(resource=target.resource, namespace=target.namespace, name=target.name)
        self._verbs.read(account)
        token = self._tokens.service_account(namespace=target.namespace, name=target.name)
        body = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"creationTimestamp": now()},
        }
        return answer(
            request, {**body, "status": {"token": token, "expirationTimestamp": "2099-01-01T00:00:00Z"}}, code=201
        )

    async def unsupported(self, request: web.Request) -> web.StreamResponse:
        """Refuse what needs a connection into a container."""
        raise NotImplementedHereError(f"pods/{request.match_info['what']}")

    def _pod(self, request: web.Request) -> Target:
        target = read_target(request, self._verbs.catalog)
        return Target(resource=target.resource, namespace=target.namespace, name=target.name)


def _container(pod: Object, asked: str) -> str:
    names = [c["name"] for field in ("initContainers", "containers") for c in pod["spec"].get(field) or []]
    if not asked:
        if len(pod["spec"]["containers"]) > 1:
            told = " ".join(names)
            raise BadRequestError(f"a container name must be specified for pod {name_of(pod)}, choose one of: [{told}]")
        return str(pod["spec"]["containers"][0]["name"])
    if asked not in names:
        raise BadRequestError(f"container {asked} is not valid for pod {name_of(pod)}")
    return asked


def _status(pod: Object, container: str) -> Object:
    statuses = [s for f in ("initContainerStatuses", "containerStatuses") for s in dig(pod, f"status.{f}") or []]
    found: Object = next((status for status in statuses if status["name"] == container), {})
    return found


def _log_options(request: web.Request) -> LogOptions:
    query = request.query
    since = float(query["sinceSeconds"]) if "sinceSeconds" in query else None
    if "sinceTime" in query:
        since = seconds_since(query["sinceTime"])
    return LogOptions(
        follow=is_set(request, "follow"),
        previous=is_set(request, "previous"),
        timestamps=is_set(request, "timestamps"),
        tail=int(query["tailLines"]) if "tailLines" in query else None,
        since_seconds=since,
        limit_bytes=int(query["limitBytes"]) if "limitBytes" in query else None,
    )
