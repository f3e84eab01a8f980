"""The comparison's tasks: each names, logs and calls; what compares is in pure neighbours."""

from __future__ import annotations

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.logging import get_run_logger

from blocks.object_store import ObjectStore
from blocks.registry import ModelRegistry
from deployments.spec import ModelSpec
from flows.compare_models.chart import chart
from flows.compare_models.collecting import collect_variant
from flows.compare_models.comparison import Comparison
from flows.compare_models.report import markdown, rows
from flows.compare_models.variant import Variant
from flows.cosmetic import cosmetic
from flows.policies import effect
from flows.runs import this_run


@effect("collect", run_name="collect-{spec.key}")
def collect(spec: ModelSpec, *, store: ObjectStore, registry: ModelRegistry) -> Variant:
    """Read a model's latest test, and what its import and its deploy recorded."""
    variant = collect_variant(spec, store=store.client(), registry=registry.client())
    get_run_logger().info("%s was tested %s by %s", spec.key, variant.record.finished, variant.record.subject.run)
    return variant


@effect("publish")
def publish(comparison: Comparison, *, store: ObjectStore) -> str:
    """Keep figures and chart in S3, and show both in the UI; returns their folder."""
    run, client, name = this_run(), store.client(), f"{comparison.candidate.key}-vs-{comparison.reference.key}"
    prefix = f"comparisons/{name}/{run.id}/"
    picture = chart(comparison)
    client.put(f"{prefix}chart.png", picture, content_type="image/png")
    client.put(f"{prefix}comparison.json", comparison.canonical(), content_type="application/json")
    folder, about = f"s3://{client.bucket}/{prefix}", f"{comparison.candidate.key} beside {comparison.reference.key}"
    page = markdown(comparison, picture=picture, folder=folder, run_url=run.url)
    with cosmetic():
        create_markdown_artifact(page, key=f"compared-{name}", description=about)
        create_table_artifact(
            rows(comparison), key=f"comparison-{name}", description=comparison.recommendation.sentence
        )
    get_run_logger().info("%s (%s)", comparison.recommendation.sentence, folder)
    return folder
