"""The targets of `make bench`: told of whatever cases ran, at the end of a quarter of an hour."""

from __future__ import annotations

import pytest

from benchmarks.cases import Case, cases
from benchmarks.contestants import FLOW, TRANSFER
from benchmarks.report import table
from benchmarks.runs import Measured, Run
from benchmarks.servers import Counts
from benchmarks.targets import targets

MEBIBYTE = 1 << 20
ALL = {case.name: case for case in cases(mib=2048, runs=3)}


def measured(case: Case) -> Measured:
    """A case whose runs all took ten seconds."""
    did = Counts(cpu={"s3": 2.0, "hub": 1.0}, hub_requests=5, s3_requests=3, weight_bytes=1)
    run = Run(seconds=10.0, cpu_seconds=5.0, peak_bytes=300 * MEBIBYTE, scratch=0, did=did, others=0.0)
    size = case.replica.mib * MEBIBYTE
    return Measured(case, size, size, {name: [run] * case.runs for name in case.contestants})


def test_all_cases_end_in_tables_and_targets() -> None:
    """The run ended in a traceback, after all was measured and before the report was written."""
    runs = [measured(case) for case in ALL.values()]
    told = {target.what: target for target in targets(runs, cores=2)}
    assert told["planning: requests to the Hub and to S3 for 1,000 files more"].met
    assert told[f"memory of {FLOW}, whatever the size"].figure == "300 MiB at 1,024 MiB and 300 MiB at 4,096 MiB"
    slower = told["throttled: our transfer, times as fast as snapshot_download, upload_file"]
    assert (slower.met, slower.because) == (False, f"{TRANSFER} and the servers used 40% of 2 cores")
    assert all(table(each) for each in runs)


@pytest.mark.parametrize("name", ALL)
def test_each_case_can_run_alone(name: str) -> None:
    """`make bench CASES=again` is how one looks at one thing."""
    assert all(target.line() for target in targets([measured(ALL[name])], cores=2))


def test_every_case_has_a_median() -> None:
    """One run of each is an anecdote."""
    assert {case.runs for case in ALL.values()} == {3}
