"""`verify` asks real systems: what nothing holds is nothing, and what does not answer is told in its own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.hub import ModelHub
from blocks.registry import ModelRegistry
from deployments import catalog
from deployments.settings import Settings
from flows.verify_model.chain import verify_chain
from flows.verify_model.facts import ask, read_facts
from flows.verify_model.proving import look
from tests.integration.platform_site import administer, bare_cluster, install_kserve
from tests.integration.registry_server import empty_registry
from tests.integration.registry_server import serving as serving_registry
from tests.integration.s3_server import S3Server


def test_a_platform_without_the_model_says_so_link_by_link(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first `verify` of a new platform would end in an error of a client."""
    spec, bucket = catalog.load("quantized"), s3.make_bucket("empty-platform")
    with (
        bare_cluster(tmp_path / "kube") as kubeconfig,
        empty_registry(tmp_path) as registry,
        serving_registry(registry) as address,
    ):
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        install_kserve(administer())
        store = s3.block(bucket=bucket)
        facts = read_facts(
            spec,
            stored=ask(lambda: look(store.client(), prefix=spec.prefix)),
            hub=ModelHub(endpoint="http://127.0.0.1:9"),
            store=store,
            registry=ModelRegistry(address=address),
            environment=Settings(),
        )
    findings = verify_chain(spec, facts, bucket=bucket)
    assert [finding.detail.split(". ")[0] for finding in findings] == [
        "no import of Mistral-Small-24B-Instruct/quantized-w4a16 was finished",
        "not asked: it needs a manifest",
        "not asked: it needs a manifest",
        "it does not know Mistral-Small-24B-Instruct/quantized-w4a16",
        "mistral-24b-quantized is not deployed",
        "not asked: it needs a ready service and the registry's entry",
        "not asked: there is no ready service",
        "not asked: there is no endpoint",
        "not asked: it needs the registry's entry",
    ]


def test_systems_that_are_away_are_facts_too(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One system that is away would hide what all others say."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    store = s3.block(bucket="no-such-bucket")
    facts = read_facts(
        catalog.load("quantized"),
        stored=ask(lambda: look(store.client(), prefix="any/")),
        hub=ModelHub(endpoint="http://127.0.0.1:9"),
        store=store,
        registry=ModelRegistry(address="http://127.0.0.1:9"),
        environment=Settings(),
    )
    assert facts.manifest.value is None
    assert "127.0.0.1:9" in facts.version.problem
    assert "KUBECONFIG" in facts.service.problem
