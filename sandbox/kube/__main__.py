"""Runs the sandbox's Kubernetes in the foreground: `python -m sandbox.kube --state DIR --port P …`."""

import argparse
import asyncio
import fcntl
import logging
import signal
from pathlib import Path

from sandbox.kube.api.listener import AddressInUseError
from sandbox.kube.cluster import Settings, run
from sandbox.kube.kubelet.agent import end_leftovers


def main() -> None:
    """Read the command line and serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.kube", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder of the cluster's state and the pods' files")
    parser.add_argument("--port", type=int, help="port of the API on 127.0.0.1")
    parser.add_argument("--images", type=Path, help="JSON file that maps images to local environments")
    parser.add_argument("--kubeconfig", type=Path, help="file to write the administrator's kubeconfig to")
    parser.add_argument("--namespace", default="default", help="what a client means that names none (%(default)s)")
    parser.add_argument("--nodes", type=Path, help="JSON file of the nodes to stand for; default: one without GPUs")
    parser.add_argument("--ready-fd", type=int, help="file descriptor to write a line to once the API serves")
    parser.add_argument(
        "--end-leftovers", action="store_true", help="only end what a killed server left running, and exit"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    state: Path = options.state.absolute()
    if options.end_leftovers:
        asyncio.run(end_leftovers(state))
        return
    if not (options.port and options.images and options.kubeconfig):
        parser.error("--port, --images and --kubeconfig are required")
    settings = Settings(
        state=state,
        port=options.port,
        images=options.images.absolute(),
        kubeconfig=options.kubeconfig.absolute(),
        namespace=options.namespace,
        nodes=options.nodes and options.nodes.absolute(),
        ready_fd=options.ready_fd,
    )
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            parser.exit(1, f"Another server uses {state}: stop it first, or give another --state.\n")
        try:
            asyncio.run(_serve(settings))
        except AddressInUseError as error:
            parser.exit(1, f"{error}\n")


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run(settings, stop)


if __name__ == "__main__":
    main()
