"""How often the gate raises a false alarm, and how often it sees a planted regression: a simulation with a fixed seed.

Run `python -m benchmarks.gate_rates` from the project's root: it prints the table that stands in docs/gates.md.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

from deployments import catalog
from deployments.spec import AccuracyPrimary, Gates
from flows.check_model.measurement import Hardware, Measurement, Missing, Treatment
from flows.check_model.metrics import (
    Answer,
    Benchmarks,
    BenchmarkSetup,
    Distribution,
    Evaluation,
    EvaluationSetup,
    Load,
    LoadResult,
    TaskScore,
    TaskSetup,
)
from flows.check_model.regression import compare
from flows.check_model.verdicts import Verdict, gravest

SEED = 20261123
NIGHTS = 500
ACCURACY = 0.8


@dataclass(frozen=True, slots=True)
class World:
    """A service, and what is done to it between the baseline and a night.

    Attributes:
        questions: of each task.
        flips: share of answers that another batch order changes, in either direction.
        repeats: at the gated concurrency.
        noise: standard deviation of a repeat's time within a run, as a fraction.
        drift: the same of whole runs: another node, another hour.
        drop: planted: share of right answers that turn wrong.
        slowdown: planted: factor of all times.
    """

    questions: int = 100
    flips: float = 0.01
    repeats: int = 3
    noise: float = 0.02
    drift: float = 0.01
    drop: float = 0.0
    slowdown: float = 1.0


WORLDS: dict[str, World] = {
    "unchanged, quiet (2% noise)": World(),
    "unchanged, noisy (10% noise)": World(noise=0.10),
    "unchanged, runs drift by 5%": World(drift=0.05),
    "unchanged, 5% of answers flip": World(flips=0.05),
    "5% slower (below the margin)": World(slowdown=1.05),
    "15% slower": World(slowdown=1.15),
    "15% slower, 5 repeats": World(slowdown=1.15, repeats=5),
    "25% slower": World(slowdown=1.25),
    "25% slower, noisy (10% noise)": World(slowdown=1.25, noise=0.10),
    "25% slower, noisy, 10 repeats": World(slowdown=1.25, noise=0.10, repeats=10),
    "5 points lost, 100 questions": World(drop=0.05),
    "10 points lost, 100 questions": World(drop=0.10),
    "15 points lost, 100 questions": World(drop=0.15),
    "10 points lost, 1000 questions": World(drop=0.10, questions=1000),
}


def main() -> int:
    """Print the table as markdown; returns the exit status."""
    gates = catalog.load("quantized").gates
    print("| what was done | regressed | improved | inconclusive | pass |")
    print("|---|---|---|---|---|")
    for name, world in WORLDS.items():
        counts = Counter(simulate(world, gates=gates, dice=random.Random(f"{SEED} {name}")))  # noqa: S311 - a simulation
        shown = (counts[verdict] / NIGHTS for verdict in (Verdict.REGRESSED, Verdict.IMPROVED))
        rest = (counts[verdict] / NIGHTS for verdict in (Verdict.INCONCLUSIVE, Verdict.PASS))
        print(f"| {name} | " + " | ".join(f"{share:.1%}" for share in (*shown, *rest)) + " |")
    return 0


def simulate(world: World, *, gates: Gates, dice: random.Random) -> Iterator[Verdict]:
    """Judge as many nights as there are, each against a baseline of its own."""
    for _ in range(NIGHTS):
        truth = {task: [dice.random() < ACCURACY for _ in range(world.questions)] for task in _tasks(gates)}
        baseline = _measure(world, truth=truth, slowdown=1.0, dice=dice, gates=gates)
        worse = {task: [right and dice.random() >= world.drop / ACCURACY for right in truth[task]] for task in truth}
        night = _measure(world, truth=worse, slowdown=world.slowdown, dice=dice, gates=gates)
        yield gravest(check.verdict for check in compare(night, baseline=baseline, gates=gates))


def _tasks(gates: Gates) -> list[str]:
    return [primary.task for primary in gates.primaries if isinstance(primary, AccuracyPrimary)]


def _measure(
    world: World, *, truth: dict[str, list[bool]], slowdown: float, dice: random.Random, gates: Gates
) -> Measurement:
    streams = {primary.concurrency for primary in gates.primaries if not isinstance(primary, AccuracyPrimary)}
    drift = _factor(world.drift, dice=dice)
    results = tuple(
        _result(count, time=50 * slowdown * drift * _factor(world.noise, dice=dice))
        for _ in range(world.repeats)
        for count in sorted(streams)
    )
    scores = tuple(_score(task, right=right, flips=world.flips, dice=dice) for task, right in truth.items())
    tasks = {task: TaskSetup(version="1", dataset=task, shots=0, limit=None, digest=task) for task in truth}
    return Measurement(
        run="simulated",
        hardware=Hardware(product="simulated", count=1),
        treatment=Treatment(manifest_sha256="0", image_digest="0", vllm_args=()),
        evaluation=Evaluation(
            setup=EvaluationSetup(version="0", model="m", tokenizer=None, concurrency=1, max_length=1, tasks=tasks),
            scores=scores,
        ),
        benchmarks=Benchmarks(
            setup=BenchmarkSetup(version="0", model="m", endpoint="/", verifies_tls=True, data={}, seconds=1),
            results=results,
        ),
        saturation=Missing(reason="a simulation has no rates"),
    )


def _factor(spread: float, *, dice: random.Random) -> float:
    return math.exp(NormalDist(0, spread).inv_cdf(dice.uniform(1e-9, 1 - 1e-9))) if spread else 1.0


def _score(task: str, *, right: list[bool], flips: float, dice: random.Random) -> TaskScore:
    seen = [not answer if dice.random() < flips else answer for answer in right]
    answers = tuple(
        Answer(question=str(index), choices=4, correct=answer, correct_normalised=answer)
        for index, answer in enumerate(seen)
    )
    accuracy = sum(seen) / len(seen)
    return TaskScore(
        task=task,
        asked=len(seen),
        available=len(seen),
        accuracy=accuracy,
        accuracy_stderr=None,
        normalised=accuracy,
        normalised_stderr=None,
        answers=answers,
    )


def _result(streams: int, *, time: float) -> LoadResult:
    same = Distribution(mean=time, p50=time, p90=time, p99=time)
    return LoadResult(
        load=Load(kind="concurrency", asked=streams),
        seconds=1,
        requests_per_second=1,
        in_flight=streams,
        # The same noise in both primaries: the hardest case of dependence, which Holm's correction allows for.
        output_tokens_per_second=1000 * streams / time,
        ttft_ms=same,
        itl_ms=same,
        tpot_ms=same,
        latency_seconds=same,
        successful=1,
        errored=0,
        incomplete=0,
    )


if __name__ == "__main__":
    sys.exit(main())
