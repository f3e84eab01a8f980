"""The comparison's flow on real servers: two published tests become figures, a picture and a page."""

from __future__ import annotations

import json

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from blocks.registry import ModelRegistry
from blocks.registry_entries import ArtifactSource, VersionEntry
from flows.check_model.archive import LATEST_PROPERTY, RESULT, run_prefix
from flows.compare_models.comparison import Comparison
from flows.compare_models.errors import NotTestedError, SameModelError
from flows.compare_models.flow import compare_models
from tests.integration.import_site import BUCKET, Site
from tests.unit.variants import PROPERTIES, measured, variant


def publish(site: Site, key: str, **others: object) -> None:
    """Leave what a test of a model leaves: a record in S3, and its run's id in the registry."""
    record = variant(key, measured(**others)).record  # type: ignore[arg-type]  # parts of a measurement
    subject = record.subject
    prefix = run_prefix(subject.registered_model, subject.version, run=subject.run)
    site.s3_client().put_object(Bucket=BUCKET, Key=prefix + RESULT, Body=record.canonical())
    source = ArtifactSource(kind="huggingface", source_class="repository", group="a", id="c", name="a/b")
    entry = VersionEntry(
        model=subject.registered_model, version=subject.version, uri="s3://x/", format_name="vLLM", format_version="1",
        description="", properties={**PROPERTIES, LATEST_PROPERTY: subject.run}, source=source,
    )  # fmt: skip
    ModelRegistry(address=site.registry).client().upsert_version(entry)


def compare(site: Site, candidate: str = "quantized", reference: str = "full") -> Comparison:
    """Run the flow in this process."""
    with temporary_settings({PREFECT_API_URL: site.world.prefect}):
        return compare_models(candidate=candidate, reference=reference)


def test_two_tests_become_figures_a_picture_and_a_page(site: Site) -> None:
    """An operator who chooses a variant would read two reports side by side, by eye."""
    publish(site, "quantized", times=(4.0, 4.1, 3.9))
    publish(site, "full")
    comparison = compare(site)
    assert comparison.recommendation.choice == "quantized"
    [folder] = {key.rpartition("/")[0] for key in site.objects("comparisons/")}
    assert folder.startswith("quantized-vs-full/")
    assert {key.rpartition("/")[2] for key in site.objects("comparisons/")} == {"chart.png", "comparison.json"}
    kept = site.s3_client().get_object(Bucket=BUCKET, Key=f"comparisons/{folder}/comparison.json")["Body"].read()
    assert Comparison.model_validate_json(kept) == comparison
    shown = site.ask_prefect("/artifacts/latest/filter", {"artifacts": {"key": {"like_": "compar%quantized-vs-full"}}})
    pages = {artifact["key"]: artifact["data"] for artifact in shown}
    assert comparison.recommendation.sentence in pages["compared-quantized-vs-full"]
    table = json.loads(pages["comparison-quantized-vs-full"])
    assert {row["metric"]: row["quantized"] for row in table}["load time"] == "118 s"


def test_a_model_that_was_never_tested_is_named_with_the_command(site: Site) -> None:
    """A comparison would be made with nothing, and the one with figures would win."""
    publish(site, "quantized")
    with pytest.raises(NotTestedError, match="prefect deployment run test/full --watch"):
        compare(site)


def test_a_model_beside_itself_is_refused(site: Site) -> None:
    """A mistyped parameter would end in "either serves"."""
    with pytest.raises(SameModelError, match="quantized is both sides"):
        compare(site, reference="quantized")
