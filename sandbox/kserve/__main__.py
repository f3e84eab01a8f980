"""Runs the controller in the foreground: `python -m sandbox.kserve --kubeconfig FILE …`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from contextlib import suppress
from pathlib import Path

from sandbox.kserve import health, kubeconfig
from sandbox.kserve.controller import InferenceServiceController, Settings
from sandbox.kserve.names import INFERENCE_SERVICE, SERVICE_LABEL, SERVING_RUNTIME
from sandbox.kube.client import Client
from sandbox.kube.controllers.informer import Informer


def main() -> int:
    """Read the command line and control until SIGTERM or Ctrl-C; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.kserve", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True, help="how to reach the cluster")
    parser.add_argument("--storage-initializer-image", required=True, help="what fetches weights from S3")
    parser.add_argument(
        "--node-address",
        default="",
        help="give services node ports, reached at this address; without it they have addresses of the cluster only",
    )
    parser.add_argument("--port", type=int, help="answer GET /healthz on this port of 127.0.0.1")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = Settings(initializer_image=options.storage_initializer_image, node_address=options.node_address)
    try:
        access = kubeconfig.read(options.kubeconfig)
    except kubeconfig.KubeconfigError as error:
        print(error, file=sys.stderr)
        return 1
    asyncio.run(_run(access, settings, port=options.port))
    return 0


async def _run(access: kubeconfig.Access, settings: Settings, *, port: int | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = Client(
        access.server,
        token=access.token,
        agent="kserve-controller",
        context=access.context,
        kinds=(INFERENCE_SERVICE, SERVING_RUNTIME),
    )
    async with client:
        services = Informer(client, client.collection(INFERENCE_SERVICE))
        runtimes = Informer(client, client.collection(SERVING_RUNTIME))
        deployments = Informer(client, "/apis/apps/v1/deployments", labelSelector=SERVICE_LABEL)
        pods = Informer(client, "/api/v1/pods", labelSelector=SERVICE_LABEL)
        informers = (services, runtimes, deployments, pods)
        controller = InferenceServiceController(
            client, settings, services=services, runtimes=runtimes, deployments=deployments, pods=pods
        )
        runner = None
        if port is not None:
            runner = await health.serve(port, is_well=lambda: all(each.synced.is_set() for each in informers))
        tasks = [asyncio.create_task(each.run()) for each in (*informers, controller)]
        stopping = asyncio.create_task(stop.wait())
        # A loop that dies takes the controller with it rather than leave it half alive; the supervisor starts it anew.
        done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, *tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if runner is not None:
            await runner.cleanup()
        for task in done - {stopping}:
            task.result()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
