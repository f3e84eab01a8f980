"""Whether a deploy has anything to do: what is wanted against what the cluster holds."""

from __future__ import annotations

import copy

import pytest

from deployments.settings import Settings
from flows.deploy_model.standing import is_same, owner_of
from flows.deploy_model.wanted import wanted_objects
from tests.unit.deploy_facts import BUCKET, Json, release_of, spec_of

SPEC = spec_of()
WANTED = wanted_objects(SPEC, release_of(SPEC), environment=Settings(), bucket=BUCKET).service


def live() -> Json:
    """The service as a cluster holds it: with defaults, a status and a label of somebody else's."""
    held = copy.deepcopy(WANTED)
    held["metadata"] |= {"uid": "u", "generation": 2, "labels": {**held["metadata"]["labels"], "team": "a"}}
    held["spec"]["predictor"]["model"]["protocolVersion"] = "v1"
    held["spec"]["predictor"]["tolerations"][0]["tolerationSeconds"] = None
    return {**held, "status": {"url": "http://m"}}


def test_what_others_add_is_no_difference() -> None:
    """Every deploy would restart a model that serves."""
    assert is_same(live(), WANTED)


def test_nothing_is_not_the_same() -> None:
    """A first deploy would apply nothing."""
    assert not is_same(None, WANTED)


@pytest.mark.parametrize("change", ["image", "argument", "digest", "label", "removed"])
def test_a_difference_is_seen(change: str) -> None:
    """A deploy would call another image, engine or version the one that was asked for."""
    held = live()
    model = held["spec"]["predictor"]["model"]
    match change:
        case "image":
            model["image"] = "quay.io/org/other@sha256:" + "0" * 64
        case "argument":
            model["args"].append("--enforce-eager")
        case "digest":
            held["metadata"]["annotations"]["slipway.dev/manifest-sha256"] = "0" * 64
        case "label":
            held["metadata"]["labels"]["app.kubernetes.io/version"] = "older"
        case "removed":
            held["metadata"]["annotations"]["slipway.dev/spec-sha256"] = "0" * 64
    assert not is_same(held, WANTED)


def test_an_object_without_our_label_belongs_to_somebody_else() -> None:
    """A deploy would take over a service of the same name."""
    assert owner_of(WANTED) == "quantized"
    assert owner_of({"metadata": {"name": "mistral-24b-quantized"}}) is None


def test_a_model_in_s3_has_no_volume_and_one_on_a_volume_has() -> None:
    """A volume of 120 GiB would be made for nothing, or none for the model that needs it."""
    assert wanted_objects(SPEC, release_of(SPEC), environment=Settings(), bucket=BUCKET).claim is None
    full = spec_of("full")
    environment = Settings(storage_class="gp3-csi")
    claim = wanted_objects(full, release_of(full), environment=environment, bucket=BUCKET).claim
    assert claim
    assert (claim["metadata"]["name"], claim["spec"]["storageClassName"]) == ("mistral-24b-pvc", "gp3-csi")
