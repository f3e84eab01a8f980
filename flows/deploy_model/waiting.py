"""How far a service is on its way to readiness: a bar and a sentence, for whoever waits with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.logging import get_run_logger

from flows.cosmetic import cosmetic

REFRESH_SECONDS = 5.0
"""How often the bar moves by itself; each refresh is one call to the Prefect API."""
ALMOST = 95.0
"""The bar's end while a service is not ready: nobody knows when it will be."""


@dataclass(slots=True)
class Wait:
    """What is known of a wait.

    Attributes:
        expected_seconds: about how long it takes.
        said: the last sentence about it.
    """

    expected_seconds: float
    clock: Callable[[], float] = time.monotonic
    said: str = "waiting"
    began: float = field(init=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self.began = self.clock()

    @property
    def percent(self) -> float:
        """Share of the expected time that is over, 0 to ALMOST."""
        return min(100.0 * (self.clock() - self.began) / self.expected_seconds, ALMOST)

    def sentence(self) -> str:
        """Tell the wait in one line."""
        return f"{self.said} ({self.clock() - self.began:.0f} s; about {self.expected_seconds:.0f} s are usual)"


@contextmanager
def shown_wait(*, model: str, expected_seconds: float) -> Iterator[Callable[[str], None]]:
    """Show a wait as one progress bar and a line in the log for each change.

    Args:
        model: the catalog key.
        expected_seconds: about how long it takes.

    Yields:
        What to tell each new sentence to.
    """
    wait, title, over, changed = Wait(expected_seconds), f"deploy/{model}", threading.Event(), threading.Event()
    # Typed for sync and async callers at once; a flow of ours is sync.
    artifact: UUID | None = None
    with cosmetic():
        artifact = cast("UUID", create_progress_artifact(0.0, key=f"deploy-{model}", description=title))
    logger = get_run_logger()

    def show(percent: float) -> None:
        if artifact is not None:
            with cosmetic(logger):
                update_progress_artifact(artifact, percent, description=f"{title}: {wait.sentence()}")

    def say(sentence: str) -> None:
        wait.said = sentence
        logger.info("%s", sentence)
        changed.set()

    def refresh() -> None:
        while not over.is_set():
            changed.wait(REFRESH_SECONDS)
            changed.clear()
            if not over.is_set():
                show(wait.percent)

    # With the run's context: it says, among others, which Prefect server the run is told to.
    refresher = threading.Thread(target=copy_context().run, args=(refresh,), name="wait", daemon=True)
    refresher.start()
    ready = False
    try:
        yield say
        ready = True
    finally:
        over.set()
        changed.set()
        refresher.join()
        show(100.0 if ready else wait.percent)
