"""What holds for all tests: no time limit on generated examples, and an end in order when the run is ended."""

from __future__ import annotations

import hypothesis

from tests.termination import end_in_order

# A machine that does something else as well takes longer than Hypothesis' 200 ms for an example now and then.
hypothesis.settings.register_profile("slipway", deadline=None)
hypothesis.settings.load_profile("slipway")


def pytest_configure() -> None:
    """Have the servers that fixtures started stopped when `timeout` or continuous integration ends the run.

    As an interrupt: pytest takes SystemExit for the failure of one test and goes on with the next.
    """
    end_in_order(KeyboardInterrupt)
