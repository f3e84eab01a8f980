"""The targets, each beside the figure that was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.contestants import COMMANDS, DOWNLOAD, EMPTY, FLOW, SNAPSHOT, TRANSFER, UPLOAD
from benchmarks.report import cores_busy, largest, seconds
from benchmarks.runs import Measured

LIMIT_SHARE = 0.9
THROTTLED_GAIN = 1.8
PEAK_MIB = 400
PEAK_SPREAD = 0.1
AGAIN_SECONDS = 3.0
ORCHESTRATION = 0.05
PAGES = 1
"""Files come in pages of 1,000."""
CERTIFICATES_BYTES = 4 * 4096
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Target:
    """One target.

    Attributes:
        what: is measured.
        wanted: as text.
        figure: as text.
        met: whether it holds.
        because: what bounds it where it does not.
    """

    what: str
    wanted: str
    figure: str
    met: bool
    because: str = ""

    def line(self) -> str:
        """Tell it in one line."""
        because = f"; {self.because}" if self.because and not self.met else ""
        return f"{'met' if self.met else 'NOT':5}{self.what:72}{self.wanted:>18}  {self.figure}{because}"


def targets(measured: Sequence[Measured], *, cores: int) -> Iterator[Target]:
    """Compare the figures of all cases that ran with what they should be."""
    by_name = {each.case.name: each for each in measured}
    for name in ("shards", "file", "throttled"):
        if name in by_name:
            yield from _against_peers(by_name[name], cores=cores)
    for name in ("shards", "throttled"):
        if name in by_name:
            yield _orchestration(by_name[name], cores=cores)
    yield from _memory(by_name)
    yield from _nothing_left(measured)
    if "again" in by_name:
        yield from _again(by_name["again"])
    if {"again", "again-small"} <= by_name.keys():
        yield _planning(few=by_name["again"], many=by_name["again-small"])
    for name in ("latency-20", "latency-100"):
        if name in by_name:
            yield from _ahead(by_name[name], our=TRANSFER, gain=1.0, cores=cores)
    if "resume" in by_name:
        resume = by_name["resume"]
        moved = largest([resume], FLOW, lambda run: run.did.weight_bytes) / resume.weight_bytes
        yield Target("resume: weights that the flow reads again", "< 0.8 of all", f"{moved:.2f}", moved < 0.8)  # noqa: PLR2004 - beside its text


def _against_peers(measured: Measured, *, cores: int) -> Iterator[Target]:
    name = measured.case.name
    if DOWNLOAD in measured.runs:
        share = max(seconds(measured, DOWNLOAD), seconds(measured, UPLOAD)) / seconds(measured, TRANSFER)
        yield Target(
            f"{name}: our transfer against the slower limit", f">= {LIMIT_SHARE}", f"{share:.2f}", share >= LIMIT_SHARE,
            because=_busy(measured, TRANSFER, cores=cores),
        )  # fmt: skip
    gain = THROTTLED_GAIN if measured.case.lines.mib_per_second else 1.0
    for our in (TRANSFER, FLOW):
        yield from _ahead(measured, our=our, gain=gain, cores=cores)


def _busy(measured: Measured, name: str, *, cores: int) -> str:
    return f"{name} and the servers used {cores_busy(measured, name, cores=cores):.0%} of {cores} cores"


def _ahead(measured: Measured, *, our: str, gain: float, cores: int) -> Iterator[Target]:
    for peer in (SNAPSHOT, COMMANDS):
        faster = seconds(measured, peer) / seconds(measured, our)
        what = f"{measured.case.name}: {our}, times as fast as {peer}"
        because = _busy(measured, our, cores=cores)
        yield Target(what, f">= {gain}", f"{faster:.2f}", faster >= gain, because=because)


def _orchestration(measured: Measured, *, cores: int) -> Target:
    share = seconds(measured, FLOW) / seconds(measured, TRANSFER) - 1
    what = f"{measured.case.name}: what the flow adds to {measured.size / 1e6:,.0f} MB"
    because = _busy(measured, FLOW, cores=cores)
    return Target(what, f"<= {ORCHESTRATION:.0%}", f"{share:.1%}", share <= ORCHESTRATION, because=because)


def _memory(by_name: Mapping[str, Measured]) -> Iterator[Target]:
    sizes = [by_name[name] for name in ("half-size", "double-size") if name in by_name]
    peaks = [largest([each], FLOW, lambda run: run.peak_bytes) / MEBIBYTE for each in sizes]
    if peaks:
        told = " and ".join(
            f"{peak:.0f} MiB at {each.size / MEBIBYTE:,.0f} MiB" for peak, each in zip(peaks, sizes, strict=True)
        )
        flat = max(peaks) <= PEAK_MIB and max(peaks) - min(peaks) <= PEAK_SPREAD * max(peaks)
        yield Target(f"memory of {FLOW}, whatever the size", f"<= {PEAK_MIB} MiB, equal", told, flat)


def _nothing_left(measured: Sequence[Measured]) -> Iterator[Target]:
    for our in (TRANSFER, FLOW):
        if any(our in each.runs for each in measured):
            peak = largest(measured, our, lambda run: run.peak_bytes) / MEBIBYTE
            yield Target(f"peak memory of {our}, all cases", f"<= {PEAK_MIB} MiB", f"{peak:.0f} MiB", peak <= PEAK_MIB)
            scratch = largest(measured, our, lambda run: run.scratch)
            # The Kubernetes client keeps its authority's certificate in a file; no byte of a model is in one.
            most = CERTIFICATES_BYTES if our == FLOW else 0
            yield Target(f"scratch disk of {our}, all cases", f"<= {most:,} bytes", f"{scratch:,.0f}", scratch <= most)


def _planning(*, few: Measured, many: Measured) -> Target:
    more = [
        largest([many], FLOW, asked) - largest([few], FLOW, asked)
        for asked in (lambda run: run.did.hub_requests, lambda run: run.did.s3_requests)
    ]
    what = "planning: requests to the Hub and to S3 for 1,000 files more"
    wanted = f"<= {PAGES} and {PAGES}, pages"
    return Target(what, wanted, " and ".join(f"{each:.0f}" for each in more), max(more) <= PAGES)


def _again(measured: Measured) -> Iterator[Target]:
    took = seconds(measured, FLOW) - seconds(measured, EMPTY)
    moved = largest([measured], FLOW, lambda run: run.did.weight_bytes)
    yield Target(
        "import again: seconds beyond an empty flow", f"<= {AGAIN_SECONDS:g}", f"{took:.2f}", took <= AGAIN_SECONDS
    )
    # Preflight reads one byte of the largest file, to see that the licence was accepted.
    yield Target("import again: bytes of weights", "1, preflight's", f"{moved:,.0f}", moved <= 1)
