"""One test's measurements with the conditions under which they were taken, and how two tests' conditions differ."""

from __future__ import annotations

from collections.abc import Mapping

from flows.check_model.metrics import Benchmarks, Evaluation, Fact, LoadResult, TaskScore


class Missing(Fact):
    """What should have been measured and was not.

    Attributes:
        reason: why, as one sentence for people.
    """

    reason: str


class Hardware(Fact):
    """What the engine computed on: a condition, for another accelerator is another experiment.

    Attributes:
        product: as the node's label says, for example "NVIDIA-L4"; "cpu" without an accelerator.
        count: accelerators of one replica.
    """

    product: str
    count: int


class Treatment(Fact):
    """What may differ between two runs, because its effect is what they are compared for.

    Attributes:
        manifest_sha256: the identity of the weights.
        image_digest: of the image that the engine runs in.
        vllm_args: the engine's arguments.
    """

    manifest_sha256: str
    image_digest: str
    vllm_args: tuple[str, ...]


class Measurement(Fact):
    """All that one test of one service measured.

    Attributes:
        run: the flow run's id.
        hardware: a condition.
        treatment: what was put to the test.
        evaluation: lm-eval's scores.
        benchmarks: GuideLLM's results at the gated concurrencies, with their repeats.
        saturation: GuideLLM's results at the reported rates.
    """

    run: str
    hardware: Hardware
    treatment: Treatment
    evaluation: Evaluation | Missing
    benchmarks: Benchmarks | Missing
    saturation: Benchmarks | Missing

    def score(self, task: str) -> TaskScore | None:
        """One task's score; None where it was not measured."""
        scores = () if isinstance(self.evaluation, Missing) else self.evaluation.scores
        return next((score for score in scores if score.task == task), None)

    def repeats(self, concurrency: int) -> tuple[LoadResult, ...]:
        """The results at one concurrency, in the order of the run."""
        results = () if isinstance(self.benchmarks, Missing) else self.benchmarks.results
        return tuple(
            result for result in results if result.load.kind == "concurrency" and result.load.asked == concurrency
        )


Conditions = dict[str, str]
"""Conditions by a dotted name, as text to compare and to show."""


def accuracy_conditions(measurement: Measurement, *, task: str) -> Conditions:
    """What must be equal before two accuracies of a task are compared; empty where it was not measured."""
    if isinstance(measurement.evaluation, Missing) or task not in measurement.evaluation.setup.tasks:
        return {}
    setup = measurement.evaluation.setup
    return {
        **_hardware(measurement),
        "lm-eval": setup.version,
        "max_length": str(setup.max_length),
        **{f"{task}.{name}": str(value) for name, value in setup.tasks[task].model_dump().items()},
    }


def speed_conditions(measurement: Measurement) -> Conditions:
    """What must be equal before two speeds at one concurrency are compared; empty where none was measured."""
    if isinstance(measurement.benchmarks, Missing):
        return {}
    setup = measurement.benchmarks.setup
    # The order of loads matters too: what ran before leaves a warm cache behind.
    loads = ", ".join(dict.fromkeys(str(result.load) for result in measurement.benchmarks.results))
    return {
        **_hardware(measurement),
        "GuideLLM": setup.version,
        "endpoint": setup.endpoint,
        "seconds": str(setup.seconds),
        "loads": loads,
        # Each run has prompts of its own: equal ones would be answered from the engine's prefix cache.
        **{f"data.{name}": value for name, value in setup.without_seed().data.items()},
    }


def _hardware(measurement: Measurement) -> Conditions:
    return {"gpu.product": measurement.hardware.product, "gpu.count": str(measurement.hardware.count)}


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Say, name by name, how two sets of conditions differ; empty where they are equal."""
    return [
        f"{name} is {after.get(name, 'unknown')}, in the baseline {before.get(name, 'unknown')}"
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def treatment_changes(before: Treatment, after: Treatment) -> dict[str, str]:
    """Name what was done to the service since the baseline: the suspects of any change."""
    changes = {}
    for name in ("manifest_sha256", "image_digest"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            changes[name] = f"{old} → {new}"
    if before.vllm_args != after.vllm_args:
        gone = [argument for argument in before.vllm_args if argument not in after.vllm_args]
        come = [argument for argument in after.vllm_args if argument not in before.vllm_args]
        changes["vllm_args"] = f"{' '.join(gone) or 'none'} → {' '.join(come) or 'none'}"
    return changes
