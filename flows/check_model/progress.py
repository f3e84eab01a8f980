"""How far a test is: a bar, and a sentence that the engine's own count of answers is part of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.logging import get_run_logger

from blocks.errors import BlockError
from blocks.served_model import ServedModel
from flows.check_model.engine_load import read_engine_load
from flows.check_model.tools import ToolRun
from flows.cosmetic import cosmetic

REFRESH_SECONDS = 15.0
"""How often the bar moves; each time costs a call to Prefect's API and one to the engine's metrics."""
SAID_EVERY_SECONDS = 30.0
_ALMOST = 0.95


@dataclass(slots=True)
class Progress:
    """What is known of a test that runs.

    Attributes:
        tools: the runs of tools that it is made of, in their order.
        answered: how many requests the engine has answered since it started; None if it does not say.
        clock: seconds that only grow.
    """

    tools: Sequence[ToolRun]
    answered: Callable[[], int | None]
    clock: Callable[[], float] = time.monotonic
    _done: int = 0
    _tool: ToolRun | None = None
    _began: float = 0.0
    _answered_before: int | None = None
    _now: int | None = field(default=None, init=False)

    @contextmanager
    def running(self, tool: ToolRun) -> Iterator[None]:
        """Count a tool's run as the present one inside the block, and as done after it, however it ended."""
        self._answered_before = self._now = self.answered()
        self._tool, self._began = tool, self.clock()
        try:
            yield
        finally:
            self._tool = None
            self._done += 1

    def look(self) -> None:
        """Ask the engine anew how far it is."""
        if self._tool is not None:
            self._now = self.answered()

    @property
    def percent(self) -> float:
        """The share of the tools' runs that is over, 0 to 100; the present one counts as far as it can be guessed."""
        return 100.0 * (self._done + self._share()) / len(self.tools)

    def sentence(self) -> str:
        """Tell it in one line."""
        tool = self._tool
        if tool is None:
            return f"{self._done} of {len(self.tools)} runs of the tools are over"
        count = self._count()
        about = f" of about {tool.requests:,}" if tool.requests else ""
        told = "the engine does not answer" if count is None else f"{count:,}{about} requests answered"
        return f"{tool.title}: {told} ({self.clock() - self._began:.0f} s)"

    def _count(self) -> int | None:
        if self._now is None or self._answered_before is None:
            return None
        return max(self._now - self._answered_before, 0)

    def _share(self) -> float:
        tool = self._tool
        if tool is None:
            return 0.0
        if tool.requests:
            return min((self._count() or 0) / tool.requests, _ALMOST)
        return min((self.clock() - self._began) / tool.seconds, _ALMOST) if tool.seconds else 0.0


@contextmanager
def shown_progress(*, model: str, tools: Sequence[ToolRun], served: ServedModel) -> Iterator[Progress]:
    """Show a test as one progress bar, and say every half minute in the log how far it is.

    Args:
        model: the catalog key.
        tools: what will be run.
        served: the service, whose engine counts its answers.
    """
    progress, title, over = Progress(tools, answered=lambda: _answered(served)), f"test/{model}", threading.Event()
    logger, artifact = get_run_logger(), None
    with cosmetic():
        # Typed for sync and async callers at once; a flow of ours is sync.
        artifact = cast("UUID", create_progress_artifact(0.0, key=f"test-{model}", description=title))

    def show() -> None:
        if artifact is not None:
            with cosmetic(logger):
                update_progress_artifact(artifact, progress.percent, description=f"{title}: {progress.sentence()}")

    def refresh() -> None:
        said = time.monotonic()
        while not over.wait(REFRESH_SECONDS):
            progress.look()
            show()
            if time.monotonic() - said >= SAID_EVERY_SECONDS:
                said = time.monotonic()
                logger.info("%s", progress.sentence())

    refresher = threading.Thread(target=refresh, name="progress", daemon=True)
    refresher.start()
    try:
        yield progress
    finally:
        over.set()
        refresher.join()
        show()


def _answered(served: ServedModel) -> int | None:
    """Ask the engine; one that does not answer now is what the sentence then says."""
    try:
        return read_engine_load(served.metrics(), url=served.url).answered
    except BlockError:
        return None
