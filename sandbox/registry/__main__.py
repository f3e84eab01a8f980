"""Runs the registry in the foreground: `python -m sandbox.registry --database FILE --port P`."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

from sandbox.registry.app import create_app
from sandbox.registry.store import Store


def main() -> None:
    """Serve until SIGTERM or SIGINT, on 127.0.0.1."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.registry", description="A Model Registry on one SQLite file."
    )
    parser.add_argument("--database", type=Path, required=True, help="the SQLite file; made if it does not exist")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    options.database.parent.mkdir(parents=True, exist_ok=True)
    print(f"Model Registry on http://127.0.0.1:{options.port}, database {options.database}", flush=True)
    # An idle keep-alive connection must not hold up the end.
    uvicorn.run(
        create_app(Store(options.database)),
        host="127.0.0.1",
        port=options.port,
        log_level="warning",
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
