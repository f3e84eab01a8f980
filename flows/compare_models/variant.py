"""One side of a comparison: its latest test, and what its import and its deploy recorded. What is unknown is None."""

from __future__ import annotations

import math
from collections.abc import Mapping

from blocks.registry_entries import Property
from deployments.spec import AccuracyPrimary, ModelSpec
from flows.check_model.metrics import Fact, LoadResult
from flows.check_model.record import CheckRecord
from flows.import_model.manifest import DIGEST_PROPERTY

_SERVED_PROPERTY = "serving_manifest_sha256"


class Variant(Fact):
    """A model as it was imported, deployed and tested.

    Attributes:
        key: the catalog key.
        record: its latest test.
        imported_bytes: size of all imported files.
        weights_gib: memory that the weights take on each device, in GiB, as the engine reported.
        kv_cache_tokens: tokens that the KV cache holds, as the engine reported.
        load_seconds: from the engine's start to readiness, at the last deploy.
        cost_per_hour_usd: of its node, as the catalog declares; nobody measures a price.
        margins: the drop of each accuracy that matters, by the primary's name.
    """

    key: str
    record: CheckRecord
    imported_bytes: int | None
    weights_gib: float | None
    kv_cache_tokens: int | None
    load_seconds: float | None
    cost_per_hour_usd: float
    margins: dict[str, float]

    @property
    def name(self) -> str:
        """The version as the registry names it."""
        return f"{self.record.subject.registered_model}/{self.record.subject.version}"

    def repeats(self, concurrency: int) -> tuple[LoadResult, ...]:
        """The test's results at one concurrency."""
        return self.record.measurement.repeats(concurrency)

    @property
    def concurrencies(self) -> tuple[int, ...]:
        """The concurrencies that were measured, ascending; the last is the engine's full batch."""
        measured = self.record.measurement.benchmarks
        results = getattr(measured, "results", ())
        return tuple(sorted({int(result.load.asked) for result in results if result.load.kind == "concurrency"}))

    def tokens_per_second(self, concurrency: int) -> float | None:
        """Output tokens a second of all requests together: the geometric mean of the repeats; None if none counted."""
        rates = [result.output_tokens_per_second for result in self.repeats(concurrency)]
        if not rates or min(rates) <= 0:
            return None
        return math.exp(math.fsum(map(math.log, rates)) / len(rates))

    def usd_per_million_tokens(self, concurrency: int) -> float | None:
        """What a million output tokens cost while the node does nothing else; None where the speed is unknown."""
        rate = self.tokens_per_second(concurrency)
        return None if rate is None else self.cost_per_hour_usd / (rate * 3600) * 1e6


def variant_of(spec: ModelSpec, *, record: CheckRecord, properties: Mapping[str, Property]) -> Variant:
    """Put a side together.

    The registry's figures count only if they are of the bytes that were tested: a version that was deployed again since
    would otherwise lend its load time to another one's speed.

    Args:
        spec: the model's spec.
        record: its latest test.
        properties: the registry's, of its version.
    """
    tested = record.subject.treatment.manifest_sha256
    imported = properties if properties.get(DIGEST_PROPERTY) == tested else {}
    served = properties if properties.get(_SERVED_PROPERTY) == tested else {}
    size, tokens = _number(imported, "total_bytes"), _number(served, "kv_cache_tokens")
    return Variant(
        key=spec.key,
        record=record,
        imported_bytes=None if size is None else int(size),
        weights_gib=_number(served, "gpu_memory_weights_gib"),
        kv_cache_tokens=None if tokens is None else int(tokens),
        load_seconds=_number(served, "load_seconds"),
        cost_per_hour_usd=spec.cost_per_hour_usd,
        margins={
            primary.name: primary.margin for primary in spec.gates.primaries if isinstance(primary, AccuracyPrimary)
        },
    )


def _number(properties: Mapping[str, Property], name: str) -> float | None:
    """A figure of the registry, which keeps large whole numbers as text; None if it is not there."""
    value = properties.get(name)
    return None if value is None or value == "" else float(value)
