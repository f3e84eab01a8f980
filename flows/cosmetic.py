"""What is only shown must not decide over work: an artifact that Prefect does not take is a warning."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from logging import Logger, LoggerAdapter

from httpx import HTTPError
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger


@contextmanager
def cosmetic(logger: Logger | LoggerAdapter[Logger] | None = None) -> Iterator[None]:
    """Let a run live when Prefect's API does not take what is only shown; what was not shown is logged.

    Args:
        logger: for threads, which have no run of their own.
    """
    try:
        yield
    except (HTTPError, PrefectException) as error:
        (logger or get_run_logger()).warning("Prefect did not take an artifact: %s", error)
