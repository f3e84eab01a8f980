"""The chain of a model, link by link, from the Hub's commit to the last test; pure."""

from __future__ import annotations

from deployments.spec import ModelSpec
from flows.preflight import Finding
from flows.verify_model.facts import Facts
from flows.verify_model.served import completion_link, endpoint_link, image_link, service_link
from flows.verify_model.stored import bytes_link, manifest_link, registry_link, source_link
from flows.verify_model.tested import test_link


def verify_chain(spec: ModelSpec, facts: Facts, *, bucket: str) -> tuple[Finding, ...]:
    """Return a finding for each link; what rests on a link that is missing says so.

    Args:
        spec: what the catalog declares.
        facts: what the systems say.
        bucket: the bucket of the weights.
    """
    return (
        manifest_link(spec, facts),
        bytes_link(spec, facts, bucket=bucket),
        source_link(spec, facts),
        registry_link(spec, facts, bucket=bucket),
        service_link(spec, facts, bucket=bucket),
        image_link(spec, facts),
        endpoint_link(spec, facts),
        completion_link(facts),
        test_link(spec, facts),
    )
