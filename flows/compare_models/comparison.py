"""The whole comparison as one value, for people and for machines: pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from flows.check_model.metrics import Fact
from flows.compare_models.contrast import (
    AccuracyContrast,
    Interval,
    SpeedContrast,
    accuracy_contrasts,
    full_batch_ratio,
    speed_contrasts,
)
from flows.compare_models.recommendation import Recommendation, recommend
from flows.compare_models.variant import Variant


class Price(Fact):
    """What one load of one variant gives and costs.

    Attributes:
        key: the variant.
        concurrency: requests in flight.
        tokens_per_second: output tokens of all requests together.
        usd_per_million: what a million of them cost; None where none was counted.
    """

    key: str
    concurrency: int
    tokens_per_second: float | None
    usd_per_million: float | None


class Side(Fact):
    """The key metrics of one variant; None is unknown.

    Attributes:
        key: the catalog key.
        name: the registry's name of the version.
        run: the flow run that tested it.
        run_url: its page; empty if unknown.
        tested: when, in ISO 8601.
        verdict: of that test.
        hardware: what it ran on.
        replica: what to say of a stand-in; None for the model itself.
        imported_bytes: size of all imported files.
        weights_gib: memory of the weights on each device.
        kv_cache_tokens: tokens that its KV cache holds.
        load_seconds: from the engine's start to readiness.
        cost_per_hour_usd: of its node, as the catalog declares.
    """

    key: str
    name: str
    run: str
    run_url: str
    tested: str
    verdict: str
    hardware: str
    replica: str | None
    imported_bytes: int | None
    weights_gib: float | None
    kv_cache_tokens: int | None
    load_seconds: float | None
    cost_per_hour_usd: float


class Comparison(Fact):
    """Two variants side by side.

    Attributes:
        reference: what the candidate is held to.
        candidate: what is up for serving.
        accuracies: paired by question.
        speeds: at every concurrency that both were put under.
        prices: of each variant at each of its loads.
        price_ratio: of a million output tokens, candidate to reference, each at its full batch; None if unknown.
        recommendation: what follows.
    """

    schema_version: int = 1
    reference: Side
    candidate: Side
    accuracies: tuple[AccuracyContrast, ...]
    speeds: tuple[SpeedContrast, ...]
    prices: tuple[Price, ...]
    price_ratio: Interval | None
    recommendation: Recommendation

    @property
    def replicas(self) -> bool:
        """Whether either side is a stand-in, of which no price or speed is the model's."""
        return bool(self.reference.replica or self.candidate.replica)

    def canonical(self) -> bytes:
        """The file that machines read: UTF-8 JSON, sorted keys, two spaces, one newline at the end."""
        content = self.model_dump(mode="json")
        return (json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def compare(*, candidate: Variant, reference: Variant) -> Comparison:
    """Put two variants side by side."""
    accuracies = accuracy_contrasts(candidate=candidate, reference=reference)
    ratio = _price_ratio(candidate=candidate, reference=reference)
    return Comparison(
        reference=_side(reference),
        candidate=_side(candidate),
        accuracies=accuracies,
        speeds=speed_contrasts(candidate=candidate, reference=reference),
        prices=tuple(_prices(reference)) + tuple(_prices(candidate)),
        price_ratio=ratio,
        recommendation=recommend(candidate=candidate.key, reference=reference.key, accuracies=accuracies, price=ratio),
    )


def _price_ratio(*, candidate: Variant, reference: Variant) -> Interval | None:
    """Twice the tokens for the same money is half the price: the interval's ends change places."""
    speed = full_batch_ratio(candidate=candidate, reference=reference)
    if speed is None:
        return None
    node = candidate.cost_per_hour_usd / reference.cost_per_hour_usd
    return Interval(value=node / speed.value, lower=node / speed.upper, upper=node / speed.lower)


def _prices(variant: Variant) -> Iterator[Price]:
    for concurrency in variant.concurrencies:
        yield Price(
            key=variant.key,
            concurrency=concurrency,
            tokens_per_second=variant.tokens_per_second(concurrency),
            usd_per_million=variant.usd_per_million_tokens(concurrency),
        )


def _side(variant: Variant) -> Side:
    subject = variant.record.subject
    count = f"{subject.hardware.count} x " if subject.hardware.count else ""
    return Side(
        key=variant.key,
        name=variant.name,
        run=subject.run,
        run_url=subject.run_url,
        tested=variant.record.finished,
        verdict=str(variant.record.judgement.verdict),
        hardware=f"{count}{subject.hardware.product}",
        replica=subject.replica,
        imported_bytes=variant.imported_bytes,
        weights_gib=variant.weights_gib,
        kv_cache_tokens=variant.kv_cache_tokens,
        load_seconds=variant.load_seconds,
        cost_per_hour_usd=variant.cost_per_hour_usd,
    )
