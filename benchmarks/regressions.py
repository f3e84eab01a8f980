"""Does the nightly test see what is planted, and only that? Real tools against the sandbox's replica.

Deploy the replica first, then run it in a shell that knows the sandbox, from the project's root; it takes about two
minutes for each test:

    eval "$(python -m sandbox env)"
    python -m benchmarks.regressions --repeats 10

It prints the table of docs/gates.md. The run before the repeats is the baseline where there is none yet.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment

from benchmarks.plants import damaged_weights, slower_engine
from blocks.loading import load_registry, load_store
from deployments import catalog
from deployments.spec import ModelSpec
from flows.check_model.archive import baseline_run, read_record
from flows.check_model.checks import Check
from flows.check_model.record import CheckRecord
from flows.check_model.regression import Comparison
from flows.check_model.verdicts import Verdict
from sandbox import layout
from sandbox.layout import Layout

_SECONDS = 1200.0


@dataclass(frozen=True, slots=True)
class Night:
    """One test: its record, and the state that the run ended in."""

    record: CheckRecord
    state: str

    @property
    def verdict(self) -> Verdict:
        """Of the whole test."""
        return self.record.judgement.verdict

    @property
    def primaries(self) -> list[Check]:
        """Each primary against the baseline."""
        return list(self.record.judgement.comparisons)


def main() -> int:
    """Run all tests and print the table; returns 1 if a plant was missed, or an unchanged service was called worse."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="quantized", choices=["quantized", "full"])
    parser.add_argument("--repeats", type=int, default=10, help="tests of the unchanged service")
    options = parser.parse_args()
    spec, at = catalog.load(options.model), _sandbox()
    if _baseline(spec) is None:
        first = night(spec)
        print(f"baseline {first.record.subject.run}: {first.record.judgement.sentence}", flush=True)
    unchanged = [_told(night(spec), "unchanged") for _ in range(options.repeats)]
    plants: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "unchanged, once more": nullcontext,
        "engine throttled to a tenth of the time": lambda: slower_engine(spec),
        "weights moved by 0.5 standard deviations": lambda: damaged_weights(spec, at=at),
    }
    found: dict[str, list[Night]] = {f"unchanged, {options.repeats} tests": unchanged}
    for name, plant in plants.items():
        with plant():
            found[name] = [_told(night(spec), name)]
    print_table(found)
    calm = [item for name, nights in found.items() if name.startswith("unchanged") for item in nights]
    planted = [item for name, nights in found.items() if not name.startswith("unchanged") for item in nights]
    false_alarm = any(item.verdict is Verdict.REGRESSED for item in calm)
    return int(false_alarm or any(item.verdict is not Verdict.REGRESSED for item in planted))


def night(spec: ModelSpec) -> Night:
    """Run the deployment once, as its schedule does, and read what it published."""
    run = run_deployment(f"test/{spec.key}", timeout=_SECONDS, as_subflow=False)
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run.id).state  # type: ignore[union-attr]  # it is sync where nothing is awaited
    record = read_record(
        load_store().client(), registered_model=spec.registered_model, version=spec.version, run=str(run.id)  # type: ignore[union-attr]  # as above
    )  # fmt: skip
    return Night(record=record, state=state.name or "" if state else "")


def print_table(found: dict[str, list[Night]]) -> None:
    """Print the tests as markdown: verdicts, and each primary's change for the worse, the widest of several."""
    names = [primary.name for primary in next(iter(found.values()))[0].primaries]
    print("| what was done | verdicts | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 2) + "|")
    for what, nights in found.items():
        counts = Counter(str(item.verdict) for item in nights)
        told = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        print(f"| {what} | {told} | " + " | ".join(_range(nights, name) for name in names) + " |")


def _range(nights: list[Night], name: str) -> str:
    primaries = [item for one in nights for item in one.primaries if item.name == name]
    changes = [item.worse_by for item in primaries if isinstance(item, Comparison)]
    if not changes:
        return primaries[0].sentence if primaries else "not compared"
    unit = next(item.kind for item in primaries if isinstance(item, Comparison))
    shown = [f"{100 * change:+.1f}{'' if unit == 'accuracy' else ' %'}" for change in (min(changes), max(changes))]
    marked = "**" if any(item.verdict is Verdict.REGRESSED for item in primaries) else ""
    return marked + " to ".join(dict.fromkeys(shown)) + marked


def _told(item: Night, what: str) -> Night:
    print(f"{what}: {item.state}: {item.record.judgement.sentence}", flush=True)
    return item


def _baseline(spec: ModelSpec) -> str | None:
    version = load_registry().client().find_version(spec.registered_model, spec.version)
    return None if version is None else baseline_run(version)


def _sandbox() -> Layout:
    root = layout.state_folder(os.environ)
    known = layout.open_existing(root, ports=layout.choose_ports(root, environment=os.environ))
    if known is None:
        raise SystemExit(f"{root} holds no sandbox: python -m sandbox up")
    return known


if __name__ == "__main__":
    sys.exit(main())
