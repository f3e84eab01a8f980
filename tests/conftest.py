"""What holds for all tests: no time limit on generated examples."""

from __future__ import annotations

import hypothesis

# A machine that does something else as well takes longer than Hypothesis' 200 ms for an example now and then.
hypothesis.settings.register_profile("slipway", deadline=None)
hypothesis.settings.load_profile("slipway")
