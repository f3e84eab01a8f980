"""Two variants side by side: what may differ, what may not, and what is not known."""

from __future__ import annotations

import pytest

from flows.check_model.measurement import Hardware, Missing
from flows.check_model.metrics import Load
from flows.compare_models.chart import chart
from flows.compare_models.comparison import Comparison, compare
from flows.compare_models.report import UNKNOWN, markdown, rows
from tests.unit.measurements import benchmarks, load_result
from tests.unit.variants import MANIFEST, PROPERTIES, measured, variant


def both(**sides: object) -> Comparison:
    """Compare a quantized variant, a fifth faster and a question worse, with the full one; or other sides."""
    parts = {"candidate": variant(found=measured((4.0, 4.1, 3.9), wrong=(0, 1, 2))), "reference": variant("full")}
    return compare(**(parts | sides))  # type: ignore[arg-type]  # both are variants


def test_accuracies_are_paired_by_question() -> None:
    """Two scores of 100 questions each differ by ten points through chance alone: nothing could ever be said."""
    found = {contrast.name: contrast for contrast in both().accuracies}["arc_easy accuracy"]
    assert found.difference is not None
    assert found.difference.value == pytest.approx(-0.01)
    # One lost answer of 100: Tango's interval, not one of two independent shares.
    assert (found.difference.lower, found.difference.upper) == pytest.approx((-0.0545, 0.0275), abs=0.0005)
    assert found.margin == 0.08


def test_speeds_are_ratios_with_the_interval_of_the_repeats() -> None:
    """Which of two means is larger says nothing about the next hour."""
    found = {(contrast.metric, contrast.concurrency): contrast for contrast in both().speeds}
    tokens = found["output_tokens_per_second", 4]
    assert tokens.ratio is not None
    assert tokens.ratio.value == pytest.approx(1.25, abs=0.001)
    assert tokens.ratio.lower < 1.25 < tokens.ratio.upper
    assert found["itl_ms", 1].candidate == pytest.approx(4.0, abs=0.01)


def test_other_hardware_is_what_is_compared() -> None:
    """One L4 against four is the question: a refusal would answer it for ever with nothing."""
    one = variant(hardware=Hardware(product="NVIDIA-L4", count=1))
    four = variant("full", hardware=Hardware(product="NVIDIA-L4", count=4))
    found = both(candidate=one, reference=four)
    assert all(contrast.ratio for contrast in found.speeds)
    assert all(contrast.difference for contrast in found.accuracies)
    assert found.reference.hardware == "4 x NVIDIA-L4"


def test_each_is_loaded_up_to_its_own_batch() -> None:
    """16 sequences on one L4 and 24 on four: only 1 and 4 are shared, and the price is each one's own best."""
    wide = benchmarks()
    more = tuple(load_result(Load(kind="concurrency", asked=24), time=time) for time in (5.0, 5.1, 4.9))
    wide = wide.model_copy(update={"results": (*wide.results, *more)})
    found = both(reference=variant("full", measured(benchmarks=wide)))
    assert {contrast.concurrency for contrast in found.speeds} == {1, 4}
    assert [price.concurrency for price in found.prices if price.key == "full"] == [1, 4, 24]
    assert found.price_ratio is not None
    # Five times cheaper a node, with 1.25 / 6 of the tokens.
    assert found.price_ratio.value == pytest.approx(1 / 5 * 24 / 4 / 1.25, rel=0.01)


def test_the_price_follows_from_the_measured_tokens() -> None:
    """1,000 tokens a second for 1 USD/h are 3.6 million tokens: 0.28 USD a million."""
    prices = {(price.key, price.concurrency): price.usd_per_million for price in both().prices}
    assert prices["quantized", 4] == pytest.approx(1 / 3.6, rel=0.001)
    assert prices["full", 4] == pytest.approx(5 / 2.88, rel=0.001)


def test_other_questions_are_not_compared_and_said_so() -> None:
    """Two scores over different questions would be subtracted."""
    found = measured()
    setup = found.evaluation.setup  # type: ignore[union-attr]  # it was measured
    other = setup.tasks["arc_easy"].model_copy(update={"digest": "another"})
    tasks = {**setup.tasks, "arc_easy": other}
    changed = found.evaluation.model_copy(update={"setup": setup.model_copy(update={"tasks": tasks})})  # type: ignore[union-attr]  # as above
    result = both(reference=variant("full", measured(evaluation=changed)))
    contrast = next(item for item in result.accuracies if item.name == "arc_easy accuracy")
    assert contrast.difference is None
    assert contrast.reasons == ("arc_easy.digest is arc_easy-digest for quantized, another for full",)
    assert result.recommendation.choice is None
    assert result.recommendation.sentence.startswith("No recommendation: arc_easy accuracy cannot be compared (")


def test_another_load_is_not_compared() -> None:
    """512 and 64 tokens of prompt would be called a speed-up."""
    found = benchmarks()
    data = {**found.setup.data, "prompt_tokens": "512"}
    other = found.model_copy(update={"setup": found.setup.model_copy(update={"data": data})})
    result = both(reference=variant("full", measured(benchmarks=other)))
    assert all(contrast.ratio is None for contrast in result.speeds)
    assert "data.prompt_tokens is unknown for quantized, 512 for full" in result.speeds[0].reasons
    assert result.price_ratio is None
    assert result.recommendation.price == "unknown"


def test_what_a_test_itself_calls_invalid_is_not_compared() -> None:
    """A server that scored by guessing would be ten points worse than nothing."""
    guessing = measured(wrong=range(75))
    result = both(candidate=variant(found=guessing))
    contrast = next(item for item in result.accuracies if item.name == "arc_easy accuracy")
    assert contrast.difference is None
    assert "quantized: arc_easy beats chance:" in contrast.reasons[0]


def test_what_is_unknown_is_never_zero() -> None:
    """A model without a deploy would load in 0 s and take 0 GB, and win."""
    missing = measured(benchmarks=Missing(reason="the service was down"))
    result = both(candidate=variant(found=missing, properties={}))
    shown = {row["metric"]: row["quantized"] for row in rows(result)}
    assert {shown[name] for name in ("imported", "weights on each device", "KV cache", "load time")} == {UNKNOWN}
    assert shown["a million output tokens at 4 in flight"] == "not measured"
    assert result.candidate.load_seconds is None


def test_figures_of_other_bytes_do_not_count() -> None:
    """A version that was deployed anew would lend its load time to the one that was tested."""
    newer = {**PROPERTIES, "serving_manifest_sha256": "c" * 64}
    side = variant(properties=newer)
    assert side.imported_bytes == 14_000_000_000
    assert side.record.subject.treatment.manifest_sha256 == MANIFEST
    assert (side.load_seconds, side.weights_gib, side.kv_cache_tokens) == (None, None, None)


def test_the_page_says_the_result_first_and_names_replicas() -> None:
    """A replica's figures would be quoted as the model's."""
    page = markdown(both(candidate=variant(replica="a stand-in")), picture=b"", folder="s3://b/c/", run_url="")
    lines = page.splitlines()
    assert lines[2].startswith("**Serve quantized: ")
    assert lines[4].startswith("**These are sandbox replicas")
    real = markdown(both(), picture=b"", folder="s3://b/c/", run_url="")
    assert "replica" not in real


def test_the_chart_is_a_picture() -> None:
    """The report would link to a file that nothing can open; also where little is known."""
    missing = measured(benchmarks=Missing(reason="the service was down"), evaluation=Missing(reason="as well"))
    for comparison in (both(), both(candidate=variant(found=missing))):
        assert chart(comparison).startswith(b"\x89PNG\r\n\x1a\n")


def test_the_figures_are_read_back_as_they_were_written() -> None:
    """Whoever reads comparison.json would see other numbers than the page."""
    comparison = both()
    assert Comparison.model_validate_json(comparison.canonical()) == comparison
