"""A model of the catalog: every section in one frozen value, and the rules that hold between sections."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from deployments.spec.identity import Identity
from deployments.spec.quality import AccuracyPrimary, Benchmark, Evaluation, Gates
from deployments.spec.section import DnsLabel, PathPart, Positive, Section, Text, problem, quantity_value
from deployments.spec.serving import Serving
from deployments.spec.source import Repo, Source
from deployments.spec.storage import ClaimStorage, Storage

RESERVED_PREFIXES = (
    *("comparisons", "evidence", "leases", "probes", "receipts", "services"),
    *("test-data", "test-results", "verifications"),
)
"""Prefixes of the bucket that hold slipway's own objects; no model may be named so."""


def _check_not_reserved(value: str) -> str:
    if value in RESERVED_PREFIXES:
        raise problem(f"{value!r} is a prefix that slipway keeps for itself; choose another name")
    return value


# These come from the files' own names, never from a file's content.
DERIVED = ("key", "overlaid_by")


class ModelSpec(Section):
    """Everything that is known of one model before anything is asked or moved.

    Attributes:
        key: the catalog key: the YAML file's name and the name of the model's deployments. A DNS label, because
            Prefect's artifacts are named after it too.
        overlaid_by: the overlay file that changed this spec; None for the catalog's own. A spec with an overlay
            describes a stand-in for the model, and whatever shows it must say so.
        registered_model: the model's name in the registry, and the first level of its S3 prefix.
        version: the version's name in the registry, and the second level; its bytes never change.
        description: one sentence for people.
        base_model: the Hub repository that the weights were made from.
        use_case: what the platform's users take it for.
        approximate_weights_gb: about how many GB (10^9 bytes) all imported files have.
        cost_per_hour_usd: about what its node costs.
    """

    key: DnsLabel
    overlaid_by: str | None = None
    registered_model: Annotated[PathPart, AfterValidator(_check_not_reserved)]
    version: PathPart
    description: Text
    base_model: Repo
    use_case: Text
    source: Source
    identity: Identity
    approximate_weights_gb: Positive
    storage: Storage
    serving: Serving
    evaluation: Evaluation
    benchmark: Benchmark
    gates: Gates
    cost_per_hour_usd: Positive

    @property
    def prefix(self) -> str:
        """The S3 prefix of the version's objects, always with the trailing slash.

        KServe's storage initializer matches bare prefixes: without the slash `…/full` also pulls `…/full-2`.
        """
        return f"{self.registered_model}/{self.version}/"

    @model_validator(mode="after")
    def _context_fits(self) -> Self:
        longest, context = self.serving.max_model_len, self.identity.context_length
        if longest > context:
            raise problem(
                f"--max-model-len={longest} is more than identity.context_length, which is {context}; lower it",
                key="serving.vllm_args",
            )
        return self

    @model_validator(mode="after")
    def _code_needs_permission(self) -> Self:
        if "--trust-remote-code" in self.serving.vllm_args and not self.source.remote_code_allowed:
            raise problem(
                "--trust-remote-code needs source.remote_code_allowed: true; remove one or set the other",
                key="serving.vllm_args",
            )
        return self

    @model_validator(mode="after")
    def _volume_holds_two_versions(self) -> Self:
        if not isinstance(self.storage, ClaimStorage):
            return self
        if self.serving.deployment_strategy == "RollingUpdate" and self.storage.access_mode != "ReadWriteMany":
            # The new pod waited on another node for a volume that the old one still held.
            raise problem(
                f"RollingUpdate mounts a {self.storage.access_mode} volume twice; use Recreate",
                key="serving.deployment_strategy",
            )
        needed_gb = 2 * self.approximate_weights_gb
        if float(quantity_value(self.storage.size)) < needed_gb * 1e9:
            raise problem(
                f"{self.storage.size} does not hold this version and the previous one; ask for {needed_gb:.0f}G",
                key="storage.size",
            )
        return self

    @model_validator(mode="after")
    def _benchmark_fits(self) -> Self:
        batch, concurrencies = self.serving.max_num_seqs, self.benchmark.gated_concurrencies
        if concurrencies[-1] != batch:
            raise problem(
                f"the last is {concurrencies[-1]}, not --max-num-seqs, which is {batch}; gate the full batch too",
                key="benchmark.gated_concurrencies",
            )
        tokens = self.benchmark.prompt_tokens + self.benchmark.output_tokens
        if tokens > self.serving.max_model_len:
            raise problem(
                f"prompt and output have {tokens} tokens, more than --max-model-len={self.serving.max_model_len}; "
                "lower one of them",
                key="benchmark.prompt_tokens",
            )
        return self

    @model_validator(mode="after")
    def _gates_are_measured(self) -> Self:
        for task in self.gates.accuracy_floors:
            if task not in self.evaluation.tasks:
                raise problem(
                    "no evaluation task has this name; add it to evaluation.tasks or remove the floor",
                    key=f"gates.accuracy_floors.{task}",
                )
        for level in self.gates.service_levels:
            if level.concurrency not in self.benchmark.gated_concurrencies:
                raise problem(
                    f"concurrency {level.concurrency} is not measured; add it to benchmark.gated_concurrencies",
                    key="gates.service_levels",
                )
        return self

    @model_validator(mode="after")
    def _primaries_are_measured(self) -> Self:
        for index, primary in enumerate(self.gates.primaries):
            if isinstance(primary, AccuracyPrimary):
                if primary.task not in self.evaluation.tasks:
                    raise problem(
                        f"{primary.task} is no evaluation task; add it to evaluation.tasks or remove it here",
                        key=f"gates.primaries.{index}.task",
                    )
            elif primary.concurrency not in self.benchmark.gated_concurrencies:
                raise problem(
                    f"concurrency {primary.concurrency} is not measured; add it to benchmark.gated_concurrencies",
                    key=f"gates.primaries.{index}.concurrency",
                )
        return self
