"""Answers whether the controller is well: it is once it has seen the cluster, and while it runs."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web


async def serve(port: int, *, is_well: Callable[[], bool]) -> web.AppRunner:
    """Serve `GET /healthz` on 127.0.0.1; the caller cleans the runner up."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok") if is_well() else web.Response(text="waiting for the API server", status=503)

    application = web.Application()
    application.router.add_get("/healthz", healthz)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner
