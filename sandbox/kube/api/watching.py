"""Watches: a stream of what changes, filtered as the caller asked, from a resourceVersion on."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from aiohttp import web

from sandbox.kube.api.received import shown
from sandbox.kube.errors import ApiError
from sandbox.kube.objects import Object, namespace_of
from sandbox.kube.resources import Resource
from sandbox.kube.selectors import Predicate
from sandbox.kube.store import Change, Store, Subscription

_LONGEST = 3600.0  # seconds after which the server ends a watch; clients start another
_BOOKMARK_EVERY = 30.0


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What a caller wants to follow."""

    resource: Resource
    namespace: str
    selects: Predicate
    since: str = ""  # empty or "0": first everything there is
    initial_events: bool = False
    bookmarks: bool = False
    seconds: float = _LONGEST

    def wants(self, obj: Object) -> bool:
        """Tell whether an object is in the watched namespace and selected."""
        return (not self.namespace or namespace_of(obj) == self.namespace) and self.selects(obj)


async def stream(
    request: web.Request, store: Store, watch: Watch, show: Callable[[Object], Object]
) -> web.StreamResponse:
    """Answer a watch request, one JSON event a line, until the time is over or the caller leaves."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    try:
        async for event in events(store, watch):
            if event["type"] not in {"ERROR", "BOOKMARK"}:
                event["object"] = show(event["object"])
            await response.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
        await response.write_eof()
    except ConnectionResetError:
        pass  # the caller left; that is how most watches end
    return response


async def events(store: Store, watch: Watch) -> AsyncIterator[Object]:
    """Yield watch events; a resourceVersion that is too old yields one ERROR with a 410 Status."""
    from_now = watch.since in {"", "0"} or watch.initial_events
    try:
        subscription = store.subscribe(watch.resource.key, since=store.version if from_now else int(watch.since))
    except ApiError as error:
        yield {"type": "ERROR", "object": error.status()}
        return
    try:
        if from_now:
            version = store.version
            for obj in list(store.list(watch.resource.key, namespace=watch.namespace)):
                if watch.selects(obj):
                    yield {"type": "ADDED", "object": shown(obj, watch.resource)}
            if watch.initial_events:
                yield _bookmark(watch, version, {"k8s.io/initial-events-end": "true"})
        async for event in _changes(store, watch, subscription):
            yield event
    finally:
        store.unsubscribe(subscription)


async def _changes(store: Store, watch: Watch, subscription: Subscription) -> AsyncIterator[Object]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + watch.seconds
    while (left := deadline - loop.time()) > 0:
        try:
            change = await asyncio.wait_for(subscription.queue.get(), min(left, _BOOKMARK_EVERY))
        except TimeoutError:
            if watch.bookmarks:
                yield _bookmark(watch, store.version, {})
            continue
        if change is None:
            return
        if event := _event(change, watch):
            yield event


def _event(change: Change, watch: Watch) -> Object | None:
    """Return what a change means to this watch: an object that stops matching is DELETED for it."""
    was = change.before is not None and watch.wants(change.before)
    is_now = not change.deleted and watch.wants(change.after)
    if not was and not is_now:
        return None
    obj = change.after
    if was and not is_now and not change.deleted and change.before is not None:
        version = change.after["metadata"]["resourceVersion"]
        obj = {**change.before, "metadata": {**change.before["metadata"], "resourceVersion": version}}
    kind = "MODIFIED" if was and is_now else "ADDED" if is_now else "DELETED"
    return {"type": kind, "object": shown(obj, watch.resource)}


def _bookmark(watch: Watch, version: int, annotations: dict[str, str]) -> Object:
    meta: Object = {"resourceVersion": str(version)} | ({"annotations": annotations} if annotations else {})
    resource = watch.resource
    return {
        "type": "BOOKMARK",
        "object": {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta},
    }
