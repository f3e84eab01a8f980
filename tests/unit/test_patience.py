"""How long a workload may suffer before it is given up."""

from __future__ import annotations

import math
import time

from k8s.cluster.patience import Patience
from k8s.diagnosis import HEALTHY, SERVICE_HOPELESS_AFTER, Category, Diagnosis

FAR = 3600.0


def _finding(category: Category, *, failures: int = 0) -> Diagnosis:
    return Diagnosis(category=category, transient=False, sentence="", next_action="", failures=failures)


def _patience(**after: float) -> Patience:
    known = {Category[name]: seconds for name, seconds in after.items()}
    return Patience(known, deadline=time.monotonic() + FAR, failures_allowed=3)


def test_a_hopeless_finding_ends_the_wait_at_once() -> None:
    """A bad argument is as bad after an hour."""
    patience = _patience(ARGUMENT=0.0)
    assert patience.consider(_finding(Category.ARGUMENT))
    assert patience.is_over
    assert not patience.is_late


def test_a_finding_that_changes_begins_anew() -> None:
    """Progress from one obstacle to the next is progress."""
    patience = _patience(IMAGE_PULL=60.0, VOLUME_MOUNT=60.0)
    patience.consider(_finding(Category.IMAGE_PULL))
    first = patience.due
    assert not patience.consider(_finding(Category.IMAGE_PULL))
    assert patience.consider(_finding(Category.VOLUME_MOUNT))
    assert patience.due > first


def test_too_many_failed_runs_end_the_wait() -> None:
    """A crash that the table does not know still ends after some runs, not at the deadline."""
    patience = _patience()
    patience.consider(_finding(Category.EXIT_CODE, failures=2))
    assert not patience.is_over
    patience.consider(_finding(Category.EXIT_CODE, failures=3))
    assert patience.is_over


def test_only_the_deadline_ends_what_is_well() -> None:
    """A model that loads for six minutes is well all the while."""
    assert not HEALTHY & set(SERVICE_HOPELESS_AFTER)
    patience = Patience({}, deadline=time.monotonic(), failures_allowed=math.inf)
    patience.consider(_finding(Category.STARTING))
    assert patience.is_over
    assert patience.is_late
