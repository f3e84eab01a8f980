"""Decides how long a workload may suffer from the same thing before it is given up."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from k8s.diagnosis import Category, Diagnosis


class Patience:
    """Tells when a wait is over: its deadline has come, or there is no hope left.

    All times are monotonic seconds.
    """

    def __init__(
        self, hopeless_after: Mapping[Category, float], *, deadline: float, failures_allowed: float = math.inf
    ) -> None:
        self._hopeless_after = hopeless_after
        self._failures_allowed = failures_allowed
        self._deadline = deadline
        self._category = Category.PENDING
        self._since = time.monotonic()
        self._failures = 0

    def consider(self, diagnosis: Diagnosis) -> bool:
        """Take note of how the workload is doing; returns whether that is a change of category."""
        self._failures = diagnosis.failures
        if diagnosis.category == self._category:
            return False
        self._category, self._since = diagnosis.category, time.monotonic()
        return True

    @property
    def due(self) -> float:
        """When to look again at the latest, and to give up if nothing has changed."""
        if self._failures >= self._failures_allowed:
            return self._since
        return min(self._deadline, self._since + self._hopeless_after.get(self._category, math.inf))

    @property
    def is_over(self) -> bool:
        """Whether to give up now."""
        return time.monotonic() >= self.due

    @property
    def is_late(self) -> bool:
        """Whether the deadline has come."""
        return time.monotonic() >= self._deadline
