"""Runs what depends on nothing at once, and the rest as soon as it can; one failure stops only what needs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from graphlib import TopologicalSorter

from sandbox.errors import SandboxError


@dataclass(frozen=True)
class Step:
    """Something to do.

    Attributes:
        name: unique.
        run: does it.
        needs: names of earlier steps; those that are not among the steps count as done.
    """

    name: str
    run: Callable[[], None]
    needs: tuple[str, ...] = ()


class _SkippedError(Exception):
    """A step was not run because one that it needs failed."""


def ordered(steps: Sequence[Step]) -> list[Step]:
    """The steps, each after those that it needs, else as they came."""
    by_name = {step.name: step for step in steps}
    needs = {name: [need for need in step.needs if need in by_name] for name, step in by_name.items()}
    return [by_name[name] for name in TopologicalSorter(needs).static_order()]


def run(steps: Sequence[Step]) -> list[SandboxError]:
    """Run all steps, each after those that it needs.

    Args:
        steps: in an order in which each stands after what it needs.

    Returns:
        Why steps failed; empty if all succeeded.
    """
    done: dict[str, Future[None]] = {}
    # One thread a step: a waiting step never keeps a runnable one from its turn.
    with ThreadPoolExecutor(max_workers=max(1, len(steps)), thread_name_prefix="step") as pool:
        for step in steps:
            done[step.name] = pool.submit(_run, step, [done[name] for name in step.needs if name in done])
    failures: list[SandboxError] = []
    for future in done.values():
        error = future.exception()
        if isinstance(error, SandboxError):
            failures.append(error)
        elif error is not None and not isinstance(error, _SkippedError):
            raise error
    return failures


def _run(step: Step, needed: list[Future[None]]) -> None:
    if any(future.exception() is not None for future in needed):
        raise _SkippedError(step.name)
    step.run()
