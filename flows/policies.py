"""When a task is tried again: the one owner of task retries, and the only rule is our errors' `transient`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

P = ParamSpec("P")
R = TypeVar("R")

RETRY_DELAYS_SECONDS = (2.0, 10.0, 30.0)
"""Waits before the second, third and fourth attempt. Adapters have already resumed what they can, so few are enough."""


def is_transient(_task: Task[..., Any], _task_run: TaskRun, state: State[Any]) -> bool:
    """Say whether a failed attempt may be repeated: only an error that calls itself transient is.

    A permanent error that is retried wastes minutes and hides its cause behind three copies of itself.
    """
    error = state.result(raise_on_failure=False)
    return bool(getattr(error, "transient", False))


def effect(name: str, *, run_name: str | None = None, retried: bool = True) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a function a task that changes or reads the outside world.

    Nothing is cached: whether work is already done is read from the data itself (manifest, object metadata).

    Args:
        name: the task's name in the Prefect UI.
        run_name: a template of the task run's name over the parameters, for example ``transfer-{file.path}``.
        retried: False for what waits by itself: a wait that is over would be waited again, three more times.
    """
    delays = list(RETRY_DELAYS_SECONDS) if retried else []

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        return task(
            name=name,
            task_run_name=run_name or name,
            retries=len(delays),
            retry_delay_seconds=delays or None,
            retry_jitter_factor=0.2,
            retry_condition_fn=is_transient,
            cache_policy=NO_CACHE,
        )(function)

    return decorate
