"""Random faults on random requests, of the Hub and of the store at once: whole and equal, or our error and nothing."""

from __future__ import annotations

import itertools
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blocks.errors import BlockError
from sandbox.hub import Corrupt, Drop, Effect, Expire, Rule, Slow, Stall, Status, Truncate
from tests.integration.bare_import import MIB, Road
from tests.integration.s3_troubles import CutAnswer, CutRequest, Refused, Silence, Trouble

EXAMPLES = 25
RANDOM = "RANDOM" in os.environ
"""Whether each run draws other faults: `RANDOM=1 make test-faults`. Else a red run is red again."""
HUB_REQUESTS, STORE_REQUESTS = 34, 52
"""About as many as an import makes where nothing goes wrong."""

OFFSETS = st.integers(0, 13 * MIB)
HUB_EFFECTS: st.SearchStrategy[Effect] = st.one_of(
    st.builds(Status, st.sampled_from([401, 403, 404, 429, 500, 502, 503])),
    st.builds(Drop, after=st.none() | OFFSETS, reset=st.booleans()),
    st.builds(Truncate, after=OFFSETS),
    st.builds(Corrupt, offset=OFFSETS, length=st.integers(1, 4)),
    st.builds(Stall, seconds=st.just(100.0), after=OFFSETS),
    st.just(Slow(seconds=100)),
    st.just(Expire()),
)
TROUBLES: st.SearchStrategy[Trouble] = st.one_of(
    st.builds(
        Refused, status=st.sampled_from([400, 403, 404, 500, 503]), code=st.sampled_from(["InternalError", "SlowDown"])
    ),
    st.just(Refused(200, "InternalError")),
    st.just(Refused(404, "NoSuchUpload")),
    st.builds(CutRequest, after=OFFSETS),
    st.builds(CutAnswer, after=st.none() | st.integers(0, 400)),
    st.builds(Silence, seconds=st.just(100.0), done=st.booleans()),
)
hub_schedule = st.lists(st.tuples(st.integers(0, HUB_REQUESTS), st.integers(1, 4), HUB_EFFECTS), max_size=4)
store_schedule = st.lists(st.tuples(st.integers(0, STORE_REQUESTS), st.integers(1, 4), TROUBLES), max_size=4)
versions = itertools.count()


@settings(
    max_examples=EXAMPLES,
    derandomize=not RANDOM,
    print_blob=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(at_hub=hub_schedule, at_store=store_schedule)
def test_any_schedule_ends_whole_or_invisible(
    road: Road, at_hub: list[tuple[int, int, Effect]], at_store: list[tuple[int, int, Trouble]]
) -> None:
    """Faults come together, and in an order that nobody thought of."""
    own = road.beside(f"{road.endpoints.spec.version}-{next(versions)}")
    own.hub.faults.replace(Rule(effect, skip=skip, times=times) for skip, times, effect in at_hub)
    for skip, times, trouble in at_store:
        own.proxy.troubles.add(trouble, skip=skip, times=times)
    try:
        own.run_hastily()
    except BlockError:  # whatever else is raised is a defect
        # The manifest is all or nothing: a run whose last answer was lost has published, and does not know it.
        assert own.holds_only_whole_files()
        if own.is_visible():
            assert set(own.digests()) == {"manifest.json", *own.truth()}
    else:
        assert own.is_visible()
        assert own.holds_only_whole_files()
    own.mend()
    own.run()
    assert own.is_complete()
