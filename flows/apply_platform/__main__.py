"""The installation's command line, `python -m flows.apply_platform`; it needs no Prefect server, for it makes one."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE,
    PREFECT_SERVER_ANALYTICS_ENABLED,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    temporary_settings,
)

from deployments.errors import CatalogError, SettingsError
from flows.apply_platform.errors import PlatformError
from k8s.errors import ClusterError
from k8s.kustomize import OVERLAYS

_OURS = (PlatformError, ClusterError, CatalogError, SettingsError)
# Prefect gives its own server 20 s, which is short for the first start on a busy machine.
_SERVER_SECONDS = 180
_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


class _Plain(logging.Filter):
    """Lets errors that are sentences already be said once, at the end, and without a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        ours = record.exc_info is not None and isinstance(record.exc_info[1], _OURS)
        return not ours and "Finished in state Failed" not in record.getMessage()


def main(arguments: Sequence[str] | None = None) -> int:
    """Install, and return the exit code: 0 only if everything is ready and does what it is for."""
    chosen = _parser().parse_args(arguments)
    # Whatever server a profile or `.env` names may not exist yet; this run keeps its own, in PREFECT_HOME.
    own = {
        PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: True,
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: _SERVER_SECONDS,
        PREFECT_SERVER_ANALYTICS_ENABLED: False,
    }
    with temporary_settings(own, restore_defaults={PREFECT_API_URL, PREFECT_API_AUTH_STRING}):
        from flows.apply_platform.flow import apply_platform  # noqa: PLC0415 - Prefect reads its settings when it starts

        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_Plain())
        try:
            changed = apply_platform(
                chosen.overlay,
                dry_run=chosen.dry_run,
                force_conflicts=chosen.force_conflicts,
                rotate=tuple(chosen.rotate),
                timeout_seconds=chosen.timeout,
            )
        except _OURS as error:
            print(error, file=sys.stderr)
            return 1
    print(summary(len(changed), dry_run=chosen.dry_run))
    return 0


def summary(changed: int, *, dry_run: bool) -> str:
    """Say in one line what was done."""
    if dry_run:
        return f"dry run: {changed} would change; nothing was changed" if changed else "dry run: nothing would change"
    done = f"{changed} changed" if changed else "nothing was changed: all of it was as it should be"
    return f"the platform is ready; {done}. Next: prefect deploy --all --no-prompt"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flows.apply_platform",
        description="Install the platform with your own kubeconfig. Variables: .env.template; steps: docs/platform.md.",
    )
    parser.add_argument(
        "--overlay",
        default="kubernetes",
        help=f"{' or '.join(OVERLAYS)}, or the folder of your own kustomization (%(default)s)",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would change")
    parser.add_argument(
        "--force-conflicts", action="store_true", help="take over fields that another field manager holds"
    )
    parser.add_argument(
        "--rotate",
        action="append",
        default=[],
        metavar="SECRET",
        help="write new passwords of a database that was told them already; repeat for several",
    )
    parser.add_argument(
        "--timeout", type=float, default=900.0, metavar="SECONDS", help="for each part to become ready (%(default)s)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
